//! Group commit over a store that fails: at every call in turn, a write is wholly there or wholly not, and is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::store::{KeyRange, Mem, Store, StoreTxn, View, Visit};
use crate::{Database, DynArray, Error, Result};

/// A store whose `left`-th call from now fails, once; `usize::MAX` for never.
struct Failing {
    inner: Mem,
    left: Arc<AtomicUsize>,
}

struct FailingTxn<'a> {
    inner: Box<dyn StoreTxn + 'a>,
    left: Arc<AtomicUsize>,
}

fn count(left: &AtomicUsize) -> Result<()> {
    let before = left.load(Ordering::SeqCst);
    if before != usize::MAX {
        left.store(if before == 0 { usize::MAX } else { before - 1 }, Ordering::SeqCst);
    }
    if before == 0 { Err(Error::Store { doing: "be tested", reason: "injected".to_owned() }) } else { Ok(()) }
}

impl Store for Failing {
    fn snapshot(&self) -> Result<Box<dyn View + Send + Sync>> {
        self.inner.snapshot()
    }

    fn begin(&self) -> Result<Box<dyn StoreTxn + '_>> {
        count(&self.left)?;
        Ok(Box::new(FailingTxn { inner: self.inner.begin()?, left: Arc::clone(&self.left) }))
    }
}

impl View for FailingTxn<'_> {
    fn with(&self, key: &[u8], found: &mut dyn FnMut(&[u8])) -> Result<bool> {
        count(&self.left)?;
        self.inner.with(key, found)
    }

    fn scan(&self, range: KeyRange<'_>, visit: &mut Visit<'_>) -> Result<()> {
        count(&self.left)?;
        self.inner.scan(range, visit)
    }
}

impl StoreTxn for FailingTxn<'_> {
    fn as_view(&self) -> &dyn View {
        self
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<bool> {
        count(&self.left)?;
        self.inner.put(key, value)
    }

    fn delete(&mut self, key: &[u8]) -> Result<bool> {
        count(&self.left)?;
        self.inner.delete(key)
    }

    fn commit(self: Box<Self>) -> Result<()> {
        count(&self.left)?;
        self.inner.commit()
    }
}

#[test]
fn whichever_call_fails_a_write_is_whole_or_absent() {
    let mut failures = 0;
    for call in 0..200 {
        let left = Arc::new(AtomicUsize::new(usize::MAX));
        let store = Failing { inner: Mem::default(), left: Arc::clone(&left) };
        let db = Database::over(Box::new(store), "failing").unwrap();
        left.store(call, Ordering::SeqCst);
        let first = db.write(|txn| {
            txn.create_file("F")?;
            txn.write("DICT F", "N", &DynArray::from_fields(["D", "1", "", "N", "5R", "S"]))?;
            txn.create_index("F", "N")?;
            txn.write("F", "A", &DynArray::from_text("1"))
        });
        let whole = |db: &Database| {
            let snapshot = db.snapshot().unwrap();
            let record = snapshot.read("F", "A").is_ok_and(|record| record.is_some());
            let index = snapshot.indices("F").is_ok_and(|indices| indices == ["N"]);
            assert_eq!(record, index, "call {call}");
            record
        };
        assert_eq!(whole(&db), first.is_ok(), "call {call}: {first:?}");
        failures += usize::from(first.is_err());
        // The fault has passed: the account works on.
        left.store(usize::MAX, Ordering::SeqCst);
        if first.is_err() {
            assert!(matches!(first, Err(Error::Store { .. })), "call {call}: {first:?}");
            db.write(|txn| txn.create_file("F")).unwrap();
        }
        db.write(|txn| txn.write("F", "B", &DynArray::new())).unwrap();
        assert!(db.snapshot().unwrap().read("F", "B").unwrap().is_some(), "call {call}");
    }
    assert!(failures > 10, "only {failures} calls failed: the test looks past the writes");
}

#[test]
fn writers_that_wait_together_share_one_sync() {
    let disk = crate::store::Disk::default();
    let db = Database::over(Box::new(crate::store::Embedded::over(disk.clone()).unwrap()), "a disk").unwrap();
    db.write(|txn| txn.create_file("F")).unwrap();
    let syncs = |work: &dyn Fn()| {
        let before = disk.calls().1;
        work();
        disk.calls().1 - before
    };
    let put = |n: usize| move |txn: &mut crate::Txn<'_>| txn.write("F", &n.to_string(), &DynArray::new());
    let of_one = syncs(&|| db.write(put(1000)).unwrap());
    let of_many = syncs(&|| {
        // The first holds the writer up until the others have come.
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let first = db.write_later(move |_| wait.recv().map_err(|_| Error::Closed)).unwrap();
        let tickets: Vec<_> = (0..500).map(|n| db.write_later(put(n)).unwrap()).collect();
        go.send(()).unwrap();
        first.wait().unwrap();
        tickets.into_iter().for_each(|ticket| ticket.wait().unwrap());
    });
    // One more where the file had to grow.
    assert!(of_many <= of_one + 1, "500 writes took {of_many} syncs, one takes {of_one}");
    let lazy = syncs(&|| {
        (0..500).for_each(|n| db.write_nosync(put(n)).unwrap());
        db.sync().unwrap();
    });
    // A slow machine may have paused once or twice for longer than a batch waits.
    assert!(lazy < 100 * of_one, "{lazy} syncs for 500 writes that need none");
}

#[test]
fn a_write_without_sync_that_fails_after_its_answer_is_told_later() {
    let left = Arc::new(AtomicUsize::new(usize::MAX));
    let store = Failing { inner: Mem::default(), left: Arc::clone(&left) };
    let db = Database::over(Box::new(store), "failing").unwrap();
    db.write(|txn| txn.create_file("F")).unwrap();
    let counted = Arc::clone(&left);
    db.write_nosync(move |txn| {
        txn.write("F", "A", &DynArray::new())?;
        // The closure and its one put succeed, what follows at the commit does not.
        counted.store(3, Ordering::SeqCst);
        Ok(())
    })
    .unwrap();
    assert!(matches!(db.sync(), Err(Error::Store { .. })));
    db.sync().unwrap();
    assert_eq!(db.snapshot().unwrap().read("F", "A").unwrap(), None);
}
