use std::net::IpAddr;

use super::*;

fn small() -> config::Limits {
    config::Limits {
        user_connections: 3,
        device_connections: 2,
        address_connections: 2,
        address_requests_per_minute: 6,
        user_turns_per_minute: 10,
        device_turns_per_minute: 4,
        address_turns_per_minute: 6,
        device_sound_seconds_per_minute: 60,
        device_sound_seconds_per_hour: 90,
        unfinished_megabytes: 16,
        ..config::Limits::default()
    }
}

fn network(text: &str) -> Network {
    Network::of(text.parse::<IpAddr>().expect("an address"))
}

fn who(user: &str, device: &str, address: &str) -> Who {
    Who { user: Some(user.to_owned()), device: Some(device.to_owned()), address: Some(network(address)) }
}

fn limits() -> Arc<Limits> {
    Limits::new(small(), 100)
}

#[track_caller]
fn refused<T: std::fmt::Debug>(done: Result<T, Refused>, limit: Limit, of: Kind, wait_ms: Millis) {
    assert_eq!(done.expect_err("one too many"), Refused { limit, of, retry_after_ms: wait_ms });
}

#[test]
fn whoever_has_waited_as_told_is_let_through() {
    let limits = limits();
    let one = limits.admit(who("ann", "phone", "192.0.2.1"), 0).expect("room");
    (0..4).for_each(|_| one.turn(0).expect("four a minute"));
    refused(one.turn(0), Limit::Turns, Kind::Device, 15_000);
    refused(one.turn(14_999), Limit::Turns, Kind::Device, 1);
    one.turn(15_000).expect("a quarter of the minute gives one of four");
    refused(one.turn(15_000), Limit::Turns, Kind::Device, 15_000);
}

#[test]
fn what_was_refused_is_not_counted_for_anybody() {
    let limits = limits();
    let phone = limits.admit(who("ann", "phone", "192.0.2.1"), 0).expect("room");
    (0..100).for_each(|_| _ = phone.turn(0));
    // The phone had four of ten; of the address six.
    let tablet = limits.admit(who("ann", "tablet", "192.0.2.1"), 0).expect("room");
    (0..2).for_each(|_| tablet.turn(0).expect("the address had two left"));
    refused(tablet.turn(0), Limit::Turns, Kind::Address, 10_000);
    let elsewhere = limits.admit(who("ann", "desk", "192.0.2.2"), 0).expect("room");
    (0..4).for_each(|_| elsewhere.turn(0).expect("ten for the user"));
    let more = limits.admit(who("bea", "watch", "192.0.2.3"), 0).expect("room");
    more.turn(0).expect("somebody else");
}

#[test]
fn places_are_free_again_when_a_connection_ends() {
    let limits = limits();
    let one = limits.admit(who("ann", "phone", "192.0.2.1"), 0).expect("room");
    let two = limits.admit(who("ann", "phone", "192.0.2.2"), 0).expect("room");
    refused(limits.admit(who("ann", "phone", "192.0.2.3"), 0), Limit::Connections, Kind::Device, 10_000);
    let three = limits.admit(who("ann", "desk", "192.0.2.3"), 0).expect("room");
    refused(limits.admit(who("ann", "tablet", "192.0.2.4"), 0), Limit::Connections, Kind::User, 10_000);
    // What was refused holds no place, at the address neither.
    drop(three);
    drop(one);
    let again = limits.admit(who("ann", "phone", "192.0.2.4"), 0).expect("room again");
    drop((two, again));
    let guests = [1, 2].map(|n| limits.admit(who(&n.to_string(), &n.to_string(), "192.0.2.4"), 0));
    assert!(guests.iter().all(Result::is_ok));
    refused(limits.admit(who("3", "3", "192.0.2.4"), 0), Limit::Connections, Kind::Address, 10_000);
}

#[test]
fn programs_of_the_own_machine_are_not_counted() {
    let limits = limits();
    let many: Vec<Admission> =
        (0..1000).map(|_| limits.admit(Who::default(), 0).expect("not counted")).collect();
    assert!(many[0].is_free());
    (0..1000).for_each(|_| many[0].turn(0).expect("not counted"));
    assert_eq!(limits.table().len(), 0);
}

#[test]
fn requests_are_counted_for_a_network() {
    let limits = limits();
    for host in 0..6 {
        limits.request(network(&format!("2001:db8::{host}")), 0).expect("six a minute");
    }
    refused(limits.request(network("2001:db8::77"), 0), Limit::Requests, Kind::Address, 10_000);
    limits.request(network("2001:db8:0:1::77"), 0).expect("another /64");
    limits.request(network("2001:db8::77"), 10_000).expect("one more");
    assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    assert_eq!(network("2001:db8:1:2:3::4").to_string(), "2001:db8:1:2::/64");
}

#[test]
fn sound_has_a_minute_and_an_hour() {
    let limits = limits();
    let one = limits.admit(who("ann", "phone", "192.0.2.1"), 0).expect("room");
    one.sound(60_000, 0).expect("a minute of sound");
    refused(one.sound(1_000, 0), Limit::Sound, Kind::Device, 1_000);
    one.sound(30_000, 60_000).expect("a minute later");
    // Half a minute of the hour's ninety seconds is left after 20 minutes of draining.
    refused(one.sound(30_000, 120_000), Limit::SoundHour, Kind::Device, 1_080_000);
    one.sound(30_000, 1_200_000).expect("as told");
}

#[test]
fn what_is_larger_than_its_limit_is_taken_when_nothing_else_was() {
    let limits = limits();
    let one = limits.admit(who("ann", "phone", "192.0.2.1"), 0).expect("room");
    one.sound(80_000, 0).expect("one long recording");
    refused(one.sound(1_000, 0), Limit::Sound, Kind::Device, 21_000);
}

#[test]
fn other_limits_hold_at_once_and_what_was_taken_stays() {
    let limits = limits();
    let one = limits.admit(who("ann", "phone", "192.0.2.1"), 0).expect("room");
    (0..4).for_each(|_| one.turn(0).expect("four a minute"));
    limits.set(config::Limits { device_turns_per_minute: 5, ..small() });
    one.turn(0).expect("one more");
    assert!(one.turn(0).is_err());
    limits.set(config::Limits { device_turns_per_minute: 0, address_turns_per_minute: 0, ..small() });
    one.turn(0).expect("only the user's limit is left");
}

#[test]
fn unfinished_messages_have_their_room_and_give_it_back() {
    let limits = limits();
    let one = limits.admit(who("ann", "phone", "192.0.2.1"), 0).expect("room");
    let two = limits.admit(who("ann", "desk", "192.0.2.2"), 0).expect("room");
    let other = limits.admit(who("bea", "desk2", "192.0.2.3"), 0).expect("room");
    assert_eq!(one.hold(0, 16 << 10, 0), Ok(0), "small ones are free");
    let held = one.hold(0, 14 << 20, 0).expect("an only message is taken");
    assert_eq!(one.hold(held, 14 << 20, 0), Ok(held), "held already");
    refused(two.hold(0, 1 << 20, 0), Limit::Unfinished, Kind::User, 5_000);
    refused(other.hold(0, 3 << 20, 0), Limit::Unfinished, Kind::Gateway, 5_000);
    let small = other.hold(0, 1 << 20, 0).expect("16 in all");
    one.release(held);
    other.release(small);
    let held = two.hold(0, 16 << 20, 0).expect("free again");
    two.release(held);
    assert_eq!(limits.unfinished.load(Ordering::Relaxed), 0);
}

#[test]
fn bytes_count_although_their_message_never_ends() {
    let settings = config::Limits { device_megabytes_per_minute: 4, ..config::Limits::default() };
    let limits = Limits::new(settings, 100);
    let one = limits.admit(who("ann", "phone", "192.0.2.1"), 0).expect("room");
    let held = one.hold(0, 5 << 20, 0).expect("an only message");
    // It is whole: a megabyte too much, a quarter of a minute.
    one.release(held);
    let refused = one.message(5 << 20, 0).expect_err("too much");
    assert_eq!((refused.limit, refused.of), (Limit::Bytes, Kind::Device));
    assert!((14_000..=15_000).contains(&refused.retry_after_ms), "{refused:?}");
    assert!(one.message(100, 0).is_err(), "short ones neither");
    one.message(5 << 20, 15_000).expect("as told");
    // Beginnings without an end, on one connection after the other.
    let held = one.hold(0, 4 << 20, 15_000).expect("on credit");
    one.release(held);
    drop(one);
    let again = limits.admit(who("ann", "phone", "192.0.2.2"), 15_000).expect("room");
    let held = again.hold(0, 4 << 20, 15_000).map(|held| again.release(held));
    assert!(held.is_ok() && again.hold(0, 1 << 20, 15_000).is_err(), "a whole minute is owed");
    again.hold(0, 1 << 20, 120_000).expect("after it");
}

#[test]
fn refusals_are_told_until_they_are_too_many() {
    let mut refusals = Refusals::default();
    assert_eq!(
        [0, 1, 2].map(|_| refusals.note(Limit::Turns, 2, 0)),
        [Verdict::Tell, Verdict::Tell, Verdict::Close]
    );
    assert_eq!(refusals.note(Limit::Turns, 2, 30_000), Verdict::Tell, "one more after half a minute");
    let mut refusals = Refusals::default();
    let told = (0..50).map(|n| refusals.note(Limit::Sound, 5, n * 20)).filter(|one| *one == Verdict::Tell);
    assert_eq!(told.count(), 1, "a second of sound");
}

#[test]
fn one_place_waits_with_so_many_connections() {
    let waiting = Arc::new(Waiting::default());
    let from: IpAddr = "192.0.2.1".parse().expect("an address");
    let two = [0, 1].map(|_| waiting.begin(from, 2).expect("two"));
    assert!(waiting.begin(from, 2).is_none());
    assert!(waiting.begin("192.0.2.2".parse().expect("an address"), 2).is_some());
    drop(two);
    assert!(waiting.begin(from, 2).is_some());
}

/// Whatever comes, the table has no more entries than it may, those with connections stay, and nobody who is held back is
/// let through by forgetting alone as long as there is room.
#[test]
fn no_number_of_keys_fills_memory() {
    const MOST: usize = 500;
    // xorshift64; the seed is part of the test.
    let mut seed: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut random = |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let mut table = Table::new(MOST);
    let rate = Rate { limit: 4, window_ms: MINUTE_MS };
    let mut held: Vec<(Key, Shared)> = Vec::new();
    let mut now = 0;
    for step in 0..200_000u64 {
        now += random(20);
        let key = match random(3) {
            0 => Key::User(random(100_000).to_string().into()),
            1 => Key::Device(random(100_000).to_string().into()),
            _ => Key::Address(Network::of(IpAddr::from((random(1 << 40) as u128).to_be_bytes()))),
        };
        let counts = table.of(key.clone(), now);
        if lock(&counts).wait_ms(Limit::Turns, rate, 1, now) == 0 {
            lock(&counts).take(Limit::Turns, rate, 1, now);
        }
        assert!(table.len() <= MOST, "step {step}: {} entries", table.len());
        match random(10) {
            0 if held.len() < MOST / 4 => held.push((key, counts)),
            1 if !held.is_empty() => drop(held.swap_remove(random(held.len() as u64) as usize)),
            _ => {}
        }
        if step % 1_000 == 0 {
            for (key, counts) in &held {
                assert!(Arc::ptr_eq(&table.of(key.clone(), now), counts), "held entries stay");
            }
        }
    }
}

#[test]
fn who_floods_is_not_forgotten_for_those_who_came_once() {
    let mut table = Table::new(100);
    let rate = Rate { limit: 10, window_ms: MINUTE_MS };
    let flood = Key::Device("flood".into());
    (0..10).for_each(|_| lock(&table.of(flood.clone(), 0)).take(Limit::Turns, rate, 1, 0));
    for number in 0..1_000u32 {
        let once = table.of(Key::Device(number.to_string().into()), 0);
        lock(&once).take(Limit::Turns, rate, 1, 0);
    }
    assert!(lock(&table.of(flood, 0)).wait_ms(Limit::Turns, rate, 1, 0) > 0);
}

#[tokio::test]
async fn a_gate_lets_in_so_many_and_tells_the_next_at_once() {
    let gate = Gate::new(1, 1);
    let pass = gate.enter().await.expect("the first goes through");
    let second = gate.queue().expect("one may wait");
    assert!(gate.queue().is_none(), "and no more");
    assert!(gate.enter().await.is_none(), "told at once");
    drop(pass);
    let pass = second.wait().await.expect("its turn");
    assert!(gate.try_enter().is_none());
    drop(pass);
    assert!(gate.enter().await.is_some());
}
