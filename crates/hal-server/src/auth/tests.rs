use hal_db::Database;

use super::chain::{Broken, Event, Head, Walk};
use super::lockout::{Key, Lockout};
use super::secret::{Digest, End, SharedSecret, pairing_code, read_pairing_code, token};
use super::*;

fn auth(rule: Rule) -> Auth {
    let auth = Auth::in_memory(Policy::presets(), rule);
    auth.ensure_owner(Some("P001"), 0).expect("memory");
    auth
}

fn attempt(means: Means, address: &str) -> Attempt {
    Attempt { means, address: address.to_owned(), device: None }
}

#[test]
fn a_secret_is_known_by_its_digest_alone() {
    let secret = token([7; 32]);
    assert!(secret.starts_with("hal_") && secret.len() == 47);
    let digest = Digest::of(&secret);
    assert_eq!(Digest::from_hex(&digest.to_hex()), Some(digest));
    assert!(digest.is(&digest) && !digest.is(&Digest::of("x")));
    assert_eq!(Digest::from_hex("zz"), None);
    assert!(!format!("{digest:?}").contains(&digest.to_hex()[4..]));
}

#[test]
fn a_pairing_code_is_read_as_people_type_it() {
    let code = pairing_code([0, 1, 2, 3, 28, 29, 30, 31]);
    assert_eq!(code, "ABCD-6789");
    for typed in ["abcd 6789", "ABCD6789", " abcd-6789 "] {
        assert_eq!(read_pairing_code(typed).as_deref(), Some("ABCD-6789"), "{typed}");
    }
    for wrong in ["", "ABCD-678", "ABCD-67891", "ABCO-6789", "äbcd-6789"] {
        assert_eq!(read_pairing_code(wrong), None, "{wrong}");
    }
}

#[test]
fn a_proof_is_good_for_one_end_and_one_connection() {
    let (secret, other) = (SharedSecret::new("secret"), SharedSecret::new("another"));
    let proof = secret.proof(End::Gateway, "a", "b");
    assert!(secret.proves(End::Gateway, "a", "b", &proof));
    assert!(!secret.proves(End::Listener, "a", "b", &proof), "sent back");
    assert!(!secret.proves(End::Gateway, "ab", "", &proof), "lengths are part of it");
    assert!(!other.proves(End::Gateway, "a", "b", &proof));
    assert!(!secret.proves(End::Gateway, "a", "b", "é") && !secret.proves(End::Gateway, "a", "b", ""));
}

#[test]
fn waits_double_and_are_forgotten() {
    let mut lockout = Lockout::default();
    let keys = [Key::of_address("192.0.2.1")];
    for _ in 0..5 {
        assert!(!lockout.wrong(&keys, 0));
    }
    assert!(lockout.wrong(&keys, 0));
    assert_eq!(lockout.wait_ms(&keys, 0), 1_000);
    lockout.wrong(&keys, 0);
    assert_eq!(lockout.wait_ms(&keys, 500), 1_500);
    for _ in 0..50 {
        lockout.wrong(&keys, 0);
    }
    assert_eq!(lockout.wait_ms(&keys, 0), 15 * 60 * 1_000);
    assert_eq!(lockout.wait_ms(&[Key::of_address("192.0.2.2")], 0), 0);
    lockout.wrong(&keys, 2 * 60 * 60 * 1_000);
    assert_eq!(lockout.wait_ms(&keys, 2 * 60 * 60 * 1_000), 0, "an hour later it is a mistake again");
    assert_eq!(Key::of_address("2001:db8::1"), Key::of_address("2001:db8::ffff"), "one /64");
    assert_eq!(Key::of_address("::ffff:192.0.2.1"), Key::of_address("192.0.2.1"));
}

#[test]
fn a_flood_of_addresses_takes_no_memory_without_bound() {
    let mut lockout = Lockout::default();
    for number in 0..30_000 {
        lockout.wrong(&[Key::Address(number.to_string())], 0);
    }
    assert_eq!(lockout.wait_ms(&[Key::of_address("192.0.2.1")], 0), 0);
}

#[test]
fn a_code_is_guessed_by_nobody() {
    let auth = auth(Rule::Required);
    let (code, _) = auth.offer("owner", "phone", "personal", "owner", 0).expect("offered");
    let mut waits = 0;
    for number in 0..60 {
        // From as many addresses as one likes.
        let address = format!("192.0.2.{number}");
        let guess = pairing_code([number; 8]);
        if guess != code {
            let refused = auth.sign_in(&attempt(Means::Pairing(guess), &address), 1).expect_err("wrong");
            waits += usize::from(matches!(refused, Refusal::Wait(_)));
        }
    }
    assert_eq!(waits, 0, "each address has tried only once");
    let late = auth.sign_in(&attempt(Means::Pairing(code), "198.51.100.1"), 2);
    assert_eq!(late.expect_err("void").as_str(), "unknown");
    // And from one address the wait comes first.
    let (code, _) = auth.offer("owner", "phone", "personal", "owner", 3).expect("offered");
    for number in 0..7 {
        auth.sign_in(&attempt(Means::Pairing(pairing_code([number; 8])), "203.0.113.1"), 3)
            .expect_err("wrong");
    }
    let refused = auth.sign_in(&attempt(Means::Pairing(code.clone()), "203.0.113.1"), 3).expect_err("waits");
    assert!(matches!(refused, Refusal::Wait(_)), "{refused:?}");
    assert!(auth.sign_in(&attempt(Means::Pairing(code), "203.0.113.2"), 3).is_ok());
}

#[test]
fn a_code_ends_after_ten_minutes_and_a_token_when_it_was_said() {
    let auth = auth(Rule::Required);
    let (code, _) = auth.offer("owner", "phone", "personal", "owner", 0).expect("offered");
    let late = auth.sign_in(&attempt(Means::Pairing(code), "a"), 10 * 60 * 1000).expect_err("late");
    assert_eq!(late, Refusal::Expired);
    let (_, token) = auth.add_device("owner", "x", "personal", Some(5), "owner", 0).expect("added");
    assert!(auth.sign_in(&attempt(Means::Token(token.clone()), "a"), 4).is_ok());
    assert_eq!(auth.sign_in(&attempt(Means::Token(token), "a"), 5).expect_err("over"), Refusal::Expired);
}

#[test]
fn a_right_token_is_taken_while_its_address_must_wait() {
    let auth = auth(Rule::Required);
    let (_, token) = auth.add_device("owner", "x", "personal", None, "owner", 0).expect("added");
    for number in 0..20 {
        auth.sign_in(&attempt(Means::Token(format!("hal_{number}")), "192.0.2.1"), 1).expect_err("wrong");
    }
    let wrong = auth.sign_in(&attempt(Means::Token("hal_y".to_owned()), "192.0.2.1"), 1).expect_err("wrong");
    assert!(matches!(wrong, Refusal::Wait(_)));
    assert!(auth.sign_in(&attempt(Means::Token(token), "192.0.2.1"), 1).is_ok());
}

#[test]
fn a_household_keeps_an_owner() {
    let auth = auth(Rule::Required);
    assert!(auth.set_role("owner", "guest", "owner", 0).is_err());
    assert!(auth.remove_user("owner", "owner", 0).is_err());
    auth.add_user("ann", "Ann", "owner", None, "owner", 1).expect("added");
    auth.set_role("owner", "guest", "ann", 1).expect("another is there");
    assert!(auth.add_user("x", "X", "no-such-role", None, "ann", 1).is_err());
    assert!(auth.add_user("X y", "X", "guest", None, "ann", 1).is_err());
    assert!(auth.add_device("ann", "x", "no-such-scope", None, "ann", 1).is_err());
}

#[test]
fn a_role_or_scope_that_nobody_wrote_down_may_do_nothing() {
    let policy = Policy::presets();
    for (role, scope) in [("nobody", "personal"), ("owner", "nowhere")] {
        let grant = policy.grant(role, scope, "x");
        assert!(!grant.access.may_read("PERSON") && !grant.skills.contains("talk") && !grant.admin);
    }
    let owner_in_the_kitchen = policy.grant("owner", "kitchen", "x");
    assert!(!owner_in_the_kitchen.access.may_read("MEDICATION") && !owner_in_the_kitchen.admin);
    assert!(!owner_in_the_kitchen.access.structure);
}

#[test]
fn a_household_changes_and_adds_lines_of_the_table() {
    let policy = Policy::parse(
        "[role.nurse]\nread = [\"medication\"]\nskills = [\"medication\"]\n[role.guest]\nskills = []\n",
    )
    .expect("valid");
    assert!(policy.grant("nurse", "personal", "x").access.may_read("MEDICATION"));
    assert!(!policy.grant("guest", "personal", "x").skills.contains("talk"), "in place of the preset");
    for wrong in ["[role.x]\nreads = []", "[role.x]\nrows = { TASK = {} }", "nonsense"] {
        assert!(Policy::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn everything_is_there_again_after_a_restart_and_an_entry_that_was_changed_is_found() {
    let dir = tempfile::tempdir().expect("a folder");
    let open = || Auth::open(dir.path(), Rule::Required).expect("opens");
    let auth = open();
    auth.ensure_owner(Some("P001"), 0).expect("made");
    auth.add_user("ann", "Ann", "member", Some("P002"), "owner", 1).expect("added");
    let (device, token) = auth.add_device("ann", "phone", "personal", None, "owner", 2).expect("added");
    auth.sign_in(&attempt(Means::Token("hal_wrong".to_owned()), "192.0.2.9"), 3).expect_err("wrong");
    drop(auth);
    let auth = open();
    auth.ensure_owner(Some("P001"), 4).expect("is there");
    let who = auth.sign_in(&attempt(Means::Token(token), "a"), 5).expect("let in").principal;
    assert_eq!((who.user.as_str(), who.person.as_deref()), ("ann", Some("P002")));
    assert_eq!(who.device.as_deref(), Some(device.id.as_str()));
    assert_eq!(auth.directory().users.len(), 2, "one owner, and one member");
    let own = std::fs::read_to_string(dir.path().join(FOLDER).join(OWNER_TOKEN_FILE)).expect("written");
    assert!(auth.open_turn(own.trim(), 6).expect("let in").admin);
    let verified = auth.audit().verify(None).expect("read").expect("whole");
    let known = verified.head.hash.to_hex();
    assert!(auth.audit().verify(Some(&known)).expect("read").is_ok());
    assert!(auth.audit().verify(Some("00")).expect("read").is_err(), "a head that is not in it");
    drop(auth);
    let database = Database::open(&dir.path().join(FOLDER)).expect("opens");
    database
        .write(|txn| {
            let mut record = txn.read("AUDIT", "000000000002")?.expect("there");
            record.set_field(8, "allowed");
            txn.write("AUDIT", "000000000002", &record)
        })
        .expect("written");
    drop(database);
    assert_eq!(open().audit().verify(None).expect("read"), Err(Broken::Changed(2)));
}

#[test]
fn a_chain_tells_what_was_left_out_changed_or_put_between() {
    let event = |what: &str| Event { what: what.to_owned(), ..Event::default() };
    let (mut head, mut entries) = (Head::default(), Vec::new());
    for number in 0..5 {
        let entry = head.next(number, event(&number.to_string()));
        head = entry.head();
        entries.push(entry);
    }
    let walk = |entries: &[chain::Entry]| {
        let mut walk = Walk::default();
        entries.iter().try_for_each(|entry| walk.take(entry)).map(|()| walk.head())
    };
    assert_eq!(walk(&entries), Ok(head));
    let mut gap = entries.clone();
    gap.remove(2);
    assert_eq!(walk(&gap), Err(Broken::Missing(3)));
    let mut moved = entries.clone();
    moved[3].event.user = "somebody".to_owned();
    assert_eq!(walk(&moved), Err(Broken::Changed(4)));
    let mut renumbered = gap.clone();
    renumbered.iter_mut().zip(1..).for_each(|(entry, number)| entry.number = number);
    assert_eq!(walk(&renumbered), Err(Broken::Changed(3)));
}

#[test]
fn a_certificate_opens_by_its_fingerprint_where_it_was_verified_and_nowhere_as_a_token() {
    let auth = Auth::in_memory(Policy::presets(), Rule::Required);
    auth.ensure_owner(None, 0).expect("made");
    auth.add_user("ann", "Ann", "member", None, "owner", 1).expect("added");
    let fingerprint = "ab".repeat(32);
    let new = NewCertificate {
        user: "ann",
        name: "phone",
        scope: "personal",
        fingerprint: &fingerprint,
        until_ms: 1_000,
    };
    let device = auth.add_certificate(&new, "owner", 2).expect("added");
    assert!(auth.add_certificate(&new, "owner", 2).is_err(), "one device each");
    assert!(auth.add_certificate(&NewCertificate { fingerprint: "ab", ..new }, "owner", 2).is_err());
    let show = |means, now_ms| auth.sign_in(&attempt(means, "192.0.2.9"), now_ms).map(|who| who.principal);
    for shown in [fingerprint.clone(), fingerprint.to_uppercase()] {
        let who = show(Means::Certificate(shown), 3).expect("let in");
        assert_eq!((who.user.as_str(), who.device.as_deref()), ("ann", Some(device.id.as_str())));
        assert_eq!(auth.look_up(&who.handle, 4).expect("its turns are answered").user, "ann");
        assert!(auth.ticket(&who.handle, 4).is_ok());
    }
    let stored = format!("certificate {fingerprint}");
    for secret in [&fingerprint, &stored] {
        assert_eq!(show(Means::Token(secret.clone()), 5).err(), Some(Refusal::Unknown));
        assert_eq!(show(Means::Page(secret.clone()), 5).err(), Some(Refusal::Unknown));
        assert!(auth.open_turn(secret, 5).is_err());
    }
    let unknown = Means::Certificate("cd".repeat(32));
    assert!(show(unknown, 6).is_err(), "of our authority, but nobody's");
    assert_eq!(show(Means::Certificate(fingerprint.clone()), 1_000).err(), Some(Refusal::Expired));
    let handle = show(Means::Certificate(fingerprint.clone()), 7).expect("let in").handle;
    auth.revoke(&device.id, "owner", 8).expect("revoked");
    assert_eq!(auth.look_up(&handle, 9).err(), Some(Refusal::Revoked), "with its next question");
    assert_eq!(show(Means::Certificate(fingerprint), 9).err(), Some(Refusal::Revoked));
}

#[test]
fn a_name_with_marks_in_it_does_not_break_the_chain() {
    let event =
        Event { about: "Ann's\nphone\u{FE}".to_owned(), files: vec!["A\tB".to_owned()], ..Event::default() };
    let entry = Head::default().next(1, event);
    assert_eq!((entry.event.about.as_str(), entry.event.files[0].as_str()), ("Ann's phone\u{FE}", "A B"));
    assert_eq!(entry.hash, Head::default().next(1, entry.event.clone()).hash, "as it is read back");
}
