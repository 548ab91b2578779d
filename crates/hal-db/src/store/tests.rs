//! The laws of a store, run on each of them.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use proptest::prelude::*;

use super::*;

fn all(view: &dyn View, range: KeyRange<'_>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    view.scan(range, &mut |key, value| {
        found.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    })
    .unwrap();
    found
}

const EVERYTHING: KeyRange<'_> = (Bound::Unbounded, Bound::Unbounded);

/// What every store must do.
fn laws(store: &dyn Store) {
    // A transaction that is dropped leaves nothing.
    let mut txn = store.begin().unwrap();
    txn.put(b"dropped", b"1").unwrap();
    drop(txn);
    assert!(all(store.snapshot().unwrap().as_ref(), EVERYTHING).is_empty());

    // A transaction sees its own changes, a snapshot taken before or during it does not, one taken after does.
    let before = store.snapshot().unwrap();
    let mut txn = store.begin().unwrap();
    for key in ["b", "a", "d", "c", ""] {
        txn.put(key.as_bytes(), key.as_bytes()).unwrap();
    }
    txn.delete(b"c").unwrap();
    txn.delete(b"never").unwrap();
    txn.put(b"b", b"second").unwrap();
    assert_eq!(txn.get(b"b").unwrap().as_deref(), Some(b"second".as_slice()));
    assert_eq!(txn.get(b"c").unwrap(), None);
    let during = store.snapshot().unwrap();
    let in_txn = all(txn.as_view(), EVERYTHING);
    txn.commit().unwrap();
    assert!(before.get(b"a").unwrap().is_none() && during.get(b"a").unwrap().is_none());
    let after = store.snapshot().unwrap();
    assert_eq!(all(after.as_ref(), EVERYTHING), in_txn);
    let keys: Vec<Vec<u8>> = in_txn.into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [b"".to_vec(), b"a".to_vec(), b"b".to_vec(), b"d".to_vec()]);

    // Ranges have open and closed ends, may be empty or upside down, and stop when asked to.
    let count = |from: Bound<&[u8]>, until: Bound<&[u8]>| all(after.as_ref(), (from, until)).len();
    assert_eq!(count(Bound::Included(b"a"), Bound::Included(b"d")), 3);
    assert_eq!(count(Bound::Excluded(b"a"), Bound::Excluded(b"d")), 1);
    assert_eq!(count(Bound::Included(b"x"), Bound::Unbounded), 0);
    assert_eq!(count(Bound::Included(b"d"), Bound::Included(b"a")), 0);
    assert_eq!(count(Bound::Excluded(b"a"), Bound::Excluded(b"a")), 0);
    let mut seen = 0;
    after
        .scan(EVERYTHING, &mut |_, _| {
            seen += 1;
            ControlFlow::Break(())
        })
        .unwrap();
    assert_eq!(seen, 1);

    // A snapshot does not change while many commits pass.
    for round in 0..20_u8 {
        let mut txn = store.begin().unwrap();
        txn.put(b"a", &[round; 5000]).unwrap();
        txn.delete(b"d").unwrap();
        txn.commit().unwrap();
    }
    assert_eq!(after.get(b"a").unwrap().as_deref(), Some(b"a".as_slice()));
    assert!(after.get(b"d").unwrap().is_some());
    assert_eq!(store.snapshot().unwrap().get(b"a").unwrap(), Some(vec![19; 5000]));
}

#[test]
fn memory_obeys_the_laws() {
    laws(&Mem::default());
}

#[test]
fn the_embedded_store_obeys_the_laws_and_keeps_what_it_was_given() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hal.redb");
    let store = Embedded::open(&path).unwrap();
    laws(&store);
    let before = all(store.snapshot().unwrap().as_ref(), EVERYTHING);
    drop(store);
    assert_eq!(all(Embedded::open(&path).unwrap().snapshot().unwrap().as_ref(), EVERYTHING), before);
}

#[test]
fn an_overlay_is_the_map_it_stands_for() {
    let store = Mem::default();
    let mut txn = store.begin().unwrap();
    let mut model = BTreeMap::new();
    for key in (0..40_u8).step_by(3) {
        txn.put(&[key], b"base").unwrap();
        model.insert(vec![key], b"base".to_vec());
    }
    let mut overlay = Overlay::new(txn.as_view());
    for key in (0..50_u8).step_by(2) {
        if key % 4 == 0 {
            overlay.delete(vec![key]);
            model.remove([key].as_slice());
        } else {
            overlay.put(vec![key], b"over".to_vec());
            model.insert(vec![key], b"over".to_vec());
        }
    }
    for from in 0..50_u8 {
        for until in 0..50_u8 {
            let range: KeyRange<'_> = (Bound::Included(&[from]), Bound::Excluded(&[until]));
            let expected: Vec<_> = model
                .iter()
                .filter(|(key, _)| (from..until.max(from)).contains(&key[0]))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            assert_eq!(all(&overlay, range), expected, "{from}..{until}");
        }
    }
    for stop in 1..10 {
        let mut seen = Vec::new();
        overlay
            .scan(EVERYTHING, &mut |key, _| {
                seen.push(key.to_vec());
                if seen.len() < stop { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
            .unwrap();
        assert_eq!(seen, model.keys().take(stop).cloned().collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Runs of new keys are packed on a way of their own: it must change the same keys and tell the same of them.
    #[test]
    fn many_changes_at_once_are_what_they_are_one_by_one(
        pieces in proptest::collection::vec(
            proptest::collection::btree_map(
                proptest::collection::vec(0_u8..6, 1..5),
                proptest::option::weighted(0.8, 0_usize..3000),
                1..120,
            ),
            1..5,
        ),
    ) {
        let (packed, plain) = (Embedded::over(Disk::default()).unwrap(), Mem::default());
        for piece in pieces {
            let changes: Changes =
                piece.into_iter().map(|(key, size)| (key, size.map(|size| vec![7; size]))).collect();
            let mut heard = [Vec::new(), Vec::new()];
            let stores: [&dyn Store; 2] = [&packed, &plain];
            for (store, heard) in stores.iter().zip(&mut heard) {
                let mut txn = store.begin().unwrap();
                txn.apply(changes.clone(), &mut |key, value, was_there| {
                    heard.push((key.to_vec(), value.map(<[u8]>::len), was_there));
                })
                .unwrap();
                txn.commit().unwrap();
            }
            prop_assert_eq!(&heard[0], &heard[1]);
            let all = stores.map(|store| all(store.snapshot().unwrap().as_ref(), EVERYTHING));
            prop_assert!(all[0] == all[1]);
        }
    }
}
