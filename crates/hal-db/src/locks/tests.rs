//! Who may hold what beside whom, who waits, and that nobody waits for himself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

fn record(id: &str) -> Target {
    Target::Record("F".into(), id.into())
}

fn file() -> Target {
    Target::File("F".into())
}

const NEVER: Option<Duration> = None;
const T0: Duration = Duration::ZERO;

#[test]
fn the_table_of_14_1() {
    let held = [
        None,
        Some((record("A"), Kind::Read)),
        Some((record("A"), Kind::Update)),
        Some((file(), Kind::Update)),
    ];
    let wanted = [(record("A"), Kind::Read), (record("A"), Kind::Update), (file(), Kind::Update)];
    let rows = [[true, true, false, false], [true, false, false, false], [true, false, false, false]];
    for (want, row) in wanted.iter().zip(rows) {
        for (held, granted) in held.iter().zip(row) {
            let mut table = Table::default();
            if let Some((target, kind)) = held {
                table.request(1, target, *kind, T0).unwrap();
            }
            let expected = if granted { Ok(()) } else { Err(Refused::Held { by: 1 }) };
            assert_eq!(table.request(2, &want.0, want.1, T0), expected, "{want:?} while {held:?}");
            // Own locks never conflict.
            if let (Some(_), false) = (held, granted) {
                table.request(1, &want.0, want.1, T0).unwrap();
            }
        }
    }
}

#[test]
fn record_locked_tells_all_seven_states() {
    let locks = Locks::default();
    let state = |session| locks.state(session, "F", "A") as i32;
    assert_eq!((state(1), state(2)), (0, 0));
    locks.try_lock(1, &record("A"), Kind::Read).unwrap();
    assert_eq!((state(1), state(2)), (1, -1));
    // Converts the own lock, both ways.
    locks.try_lock(1, &record("A"), Kind::Update).unwrap();
    assert_eq!((state(1), state(2)), (2, -2));
    locks.try_lock(1, &file(), Kind::Update).unwrap();
    assert_eq!((state(1), state(2)), (3, -3));
    assert!(locks.release(1, &file()));
    locks.try_lock(1, &record("A"), Kind::Read).unwrap();
    assert_eq!((state(1), state(2)), (1, -1));
    assert!(!locks.release(2, &record("A")), "another's lock is not released");
    assert!(locks.release(1, &record("A")));
    assert_eq!(locks.list(), []);
}

#[test]
fn a_transaction_keeps_its_locks_until_it_ends() {
    let locks = Locks::default();
    locks.try_lock(1, &record("A"), Kind::Update).unwrap();
    locks.begin(1);
    locks.try_lock(1, &record("B"), Kind::Update).unwrap();
    assert!(locks.release(1, &record("A")));
    locks.release_all(1);
    locks.release_file(1, "F");
    assert_eq!(locks.list().len(), 2);
    locks.end(1);
    assert_eq!(locks.list(), []);
}

#[test]
fn a_full_table_refuses_and_file_and_task_locks_still_work() {
    let mut table = Table::default();
    for n in 0..LOCKS_MAX {
        table.request(1, &record(&n.to_string()), Kind::Update, T0).unwrap();
    }
    assert_eq!(table.request(1, &record("one more"), Kind::Read, T0), Err(Refused::TableFull));
    assert_eq!(Refused::TableFull.status(), 0);
    table.request(1, &record("7"), Kind::Read, T0).unwrap();
    table.request(1, &file(), Kind::Update, T0).unwrap();
    table.request(1, &Target::Task(63), Kind::Update, T0).unwrap();
    assert_eq!(table.request(1, &Target::Task(64), Kind::Update, T0), Err(Refused::NoSuchLock));
    assert_eq!(table.request(2, &Target::Task(63), Kind::Update, T0), Err(Refused::Held { by: 1 }));
    table.close(1);
    assert_eq!(table.list(), []);
    table.request(2, &record("one more"), Kind::Read, T0).unwrap();
}

#[test]
fn whoever_closes_a_circle_is_refused_and_the_others_go_on() {
    let mut table = Table::default();
    for (session, id) in [(1, "A"), (2, "B"), (3, "C")] {
        table.request(session, &record(id), Kind::Update, T0).unwrap();
    }
    for (session, id) in [(1, "B"), (2, "C")] {
        table.wait(session, &record(id), Kind::Update, NEVER);
        assert_eq!(table.poll(session, T0), Standing::Waiting);
    }
    // A read lock closes it as well.
    table.wait(3, &record("A"), Kind::Read, NEVER);
    assert_eq!(table.poll(3, T0), Standing::Refused(Refused::Deadlock));
    assert_eq!(table.poll(1, T0), Standing::Waiting);
    table.release_all(3);
    assert_eq!(table.poll(2, T0), Standing::Granted);
    table.release_all(2);
    assert_eq!(table.poll(1, T0), Standing::Granted);
}

#[test]
fn patience_ends_at_its_moment_and_a_queue_is_served_in_order() {
    let mut table = Table::default();
    table.request(1, &record("A"), Kind::Read, T0).unwrap();
    table.wait(2, &record("A"), Kind::Update, Some(Duration::from_secs(5)));
    assert_eq!(table.poll(2, Duration::from_millis(4999)), Standing::Waiting);
    // A reader that comes later does not pass the waiting writer, unless it holds locks already.
    assert_eq!(table.request(3, &record("A"), Kind::Read, T0), Err(Refused::Held { by: 2 }));
    table.request(4, &record("B"), Kind::Read, T0).unwrap();
    table.request(4, &record("A"), Kind::Read, T0).unwrap();
    table.release_all(4);
    assert_eq!(table.poll(2, Duration::from_secs(5)), Standing::Refused(Refused::Held { by: 1 }));
    assert_eq!(table.poll(2, Duration::from_secs(6)), Standing::Refused(Refused::GivenUp));
    table.request(3, &record("A"), Kind::Read, T0).unwrap();
}

/// Small numbers of its own, from a printed seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[test]
fn whatever_happens_no_two_hold_what_conflicts_and_somebody_can_always_go_on() {
    for seed in 0..200 {
        let (mut dice, mut table) = (Dice(seed), Table::default());
        let mut waits: BTreeSet<Session> = BTreeSet::new();
        for step in 0..300 {
            let session = dice.roll(5) as Session;
            let target =
                if dice.roll(6) == 0 { file() } else { record(["A", "B", "C"][dice.roll(3) as usize]) };
            let kind = if dice.roll(2) == 0 || target == file() { Kind::Update } else { Kind::Read };
            if waits.contains(&session) {
                if table.poll(session, T0) != Standing::Waiting {
                    waits.remove(&session);
                }
            } else if dice.roll(4) == 0 {
                table.release_all(session);
            } else if let Err(Refused::Held { .. }) = table.request(session, &target, kind, T0) {
                table.wait(session, &target, kind, NEVER);
                if table.poll(session, T0) == Standing::Waiting {
                    waits.insert(session);
                }
            }
            let list = table.list();
            for (n, a) in list.iter().enumerate() {
                for b in &list[n + 1..] {
                    let shares = matches!((&a.target, &b.target), (Target::Record(..), Target::Record(..)))
                        && (a.target != b.target || (a.kind, b.kind) == (Kind::Read, Kind::Read));
                    assert!(a.session == b.session || shares, "seed {seed} step {step}: {a:?} beside {b:?}");
                }
            }
            let records = list.iter().filter(|held| matches!(held.target, Target::Record(..))).count();
            assert_eq!(table.held_count(), records, "seed {seed} step {step}");
            // All five wait only if a circle was let through.
            let can_go_on = |waiting: &Session| {
                table.waiters().iter().any(|found| found.session == *waiting && found.waits_for.is_empty())
            };
            assert!(waits.len() < 5 || waits.iter().any(can_go_on), "seed {seed} step {step}");
        }
    }
}

#[test]
fn threads_that_lock_in_any_order_all_finish() {
    let (locks, done, deadlocks) = (Arc::new(Locks::default()), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for session in 0..6 {
            let (locks, done, deadlocks) = (Arc::clone(&locks), &done, &deadlocks);
            scope.spawn(move || {
                let mut dice = Dice(u64::from(session));
                for _ in 0..200 {
                    loop {
                        let taken = (0..3).try_for_each(|_| {
                            let id = ["A", "B", "C", "D"][dice.roll(4) as usize];
                            locks.lock(session, &record(id), Kind::Update, NEVER)
                        });
                        locks.release_all(session);
                        match taken {
                            Ok(()) => break,
                            Err(Refused::Deadlock) => deadlocks.fetch_add(1, Ordering::Relaxed),
                            Err(other) => panic!("{other:?}"),
                        };
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(done.into_inner(), 6 * 200);
    assert!(locks.list().is_empty() && locks.waiters().is_empty());
}

#[test]
fn a_wait_ends_when_its_session_is_closed_or_its_patience_does() {
    let locks = Arc::new(Locks::default());
    locks.try_lock(1, &record("A"), Kind::Update).unwrap();
    let short = Some(Duration::from_millis(1));
    assert_eq!(locks.lock(2, &record("A"), Kind::Read, short), Err(Refused::Held { by: 1 }));
    let waiting = {
        let locks = Arc::clone(&locks);
        std::thread::spawn(move || locks.lock(3, &record("A"), Kind::Update, NEVER))
    };
    while locks.waiters().is_empty() {
        std::thread::yield_now();
    }
    assert_eq!(locks.waiters()[0].waits_for, [1]);
    locks.close(3);
    assert_eq!(waiting.join().unwrap(), Err(Refused::GivenUp));
}
