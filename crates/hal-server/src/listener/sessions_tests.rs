use super::*;

fn key(id: &str) -> Key {
    Key { principal: "ada".to_owned(), id: id.to_owned() }
}

fn reply(id: &str) -> Reply {
    Reply::error(hal_wire::Code::Internal, "x", id, "t")
}

/// A question that was typed, of no length.
fn asked() -> hal_wire::Private<String> {
    String::new().into()
}

fn remember(sessions: &Sessions, id: &str, now: Millis) {
    sessions.get(key(id), now).lock().remember(1, &asked(), false, &reply(id), now);
}

fn turns(memory: &SessionMemory, now: Millis) -> Vec<u64> {
    memory.replies(now).map(|one| one.kept.turn).collect()
}

#[test]
fn a_session_is_remembered_until_it_was_silent_for_long() {
    let sessions = Sessions::default();
    remember(&sessions, "a", 0);
    assert!(sessions.get(key("a"), IDLE_MS_MAX).lock().replied(1).is_some());
    assert!(sessions.get(key("a"), 2 * IDLE_MS_MAX + 1).lock().replied(1).is_none());
}

#[test]
fn clients_without_an_id_share_nothing() {
    let sessions = Sessions::default();
    remember(&sessions, UNKNOWN, 0);
    assert!(sessions.get(key(UNKNOWN), 1).lock().replied(1).is_none());
}

#[test]
fn a_full_table_forgets_those_that_were_silent_longest() {
    let sessions = Sessions::default();
    for number in 0..SESSIONS_MAX {
        remember(&sessions, &number.to_string(), number as Millis);
    }
    remember(&sessions, "new", SESSIONS_MAX as Millis);
    assert!(sessions.get(key("0"), 20_001).lock().replied(1).is_none());
    assert!(sessions.get(key("19999"), 20_001).lock().replied(1).is_some());
    assert!(sessions.get(key("new"), 20_001).lock().replied(1).is_some());
}

#[test]
fn the_last_replies_are_kept_for_ten_minutes() {
    let mut memory = SessionMemory::default();
    for turn in 1..=10 {
        memory.remember(turn, &asked(), false, &reply("a"), turn * 1000);
    }
    assert_eq!(turns(&memory, 11_000), [3, 4, 5, 6, 7, 8, 9, 10]);
    assert_eq!(turns(&memory, 9_000 + KEPT_MS_MAX), [9, 10]);
    // A turn is not answered twice for being old.
    assert!(memory.replied(3).is_some() && memory.replied(2).is_none());
    // Without a number nothing can be asked again.
    memory.remember(0, &asked(), false, &reply("a"), 11_000);
    assert!(memory.replied(0).is_none());
}

#[test]
fn long_replies_push_out_the_old_ones_but_never_the_last() {
    let mut memory = SessionMemory::default();
    let long = Reply { text: "x".repeat(REPLY_BYTES_MAX / 2).into(), ..reply("a") };
    for turn in 1..=3 {
        memory.remember(turn, &asked(), false, &long, 0);
    }
    assert_eq!(turns(&memory, 0), [2, 3]);
    let longest = Reply { text: "x".repeat(2 * REPLY_BYTES_MAX).into(), ..reply("a") };
    memory.remember(4, &asked(), false, &longest, 0);
    assert_eq!(turns(&memory, 0), [4]);
}

#[test]
fn another_person_with_the_same_id_has_a_conversation_of_their_own() {
    let sessions = Sessions::default();
    let of = |name: &str| Key { principal: name.to_owned(), id: "a".to_owned() };
    sessions.get(of("ada"), 0).lock().remember(1, &asked(), false, &reply("a"), 0);
    let (theirs, is_known) = sessions.find(of("ben"), 1);
    assert!(!is_known && theirs.lock().replied(1).is_none());
    let (own, is_known) = sessions.find(of("ada"), 1);
    assert!(is_known && own.lock().replied(1).is_some());
}

#[test]
fn other_rights_begin_a_conversation_anew_and_numbers_go_on() {
    let sessions = Sessions::default();
    remember(&sessions, "a", 0);
    let (all, none) = (Access::everything(), Access::default());
    let session = sessions.get(key("a"), 1);
    assert!(session.lock().hold_to(&all, &Skills::All));
    session.lock().round = 3;
    assert!(session.lock().hold_to(&all, &Skills::All));
    assert!(session.lock().replied(1).is_some());
    assert!(!session.lock().hold_to(&none, &Skills::All));
    assert!(session.lock().replied(1).is_none());
    assert_eq!(session.lock().round, 3);
    // The same after a restart.
    let carried = SessionMemory::default().held_under(session.lock().rights());
    assert!({ carried }.hold_to(&none, &Skills::All));
    let carried = SessionMemory::default().held_under(session.lock().rights());
    assert!(!{ carried }.hold_to(&all, &Skills::All));
}
