use hal_wire::Code;
use hal_wire::listener::Reply;

use super::*;

const HOUR_MS: u64 = 3_600_000;
const MINUTE_MS: u64 = 60_000;

fn key(id: &str) -> Key {
    Key { principal: "ada".to_owned(), id: id.to_owned() }
}

fn now(minutes: u64) -> Now {
    Now { ms: HOUR_MS + minutes * MINUTE_MS, unix_ms: 1_795_514_400_000 + (minutes * MINUTE_MS) as i64 }
}

/// Another program, whose own clock begins anew.
fn after_restart(minutes: u64) -> Now {
    Now { ms: HOUR_MS, ..now(minutes) }
}

fn remember(sessions: &Sessions, id: &str, turn: u64, minutes: u64) {
    let reply = Reply::error(Code::Internal, id, id, "t");
    let session = sessions.get(key(id), now(minutes).ms);
    let mut session = session.lock();
    session.round = 3;
    session.remember(turn, &"heard".to_owned().into(), true, &reply, now(minutes).ms);
}

fn turns(sessions: &Sessions, id: &str, at: Now) -> Option<(u64, Vec<u64>)> {
    let (session, is_known) = sessions.find(key(id), at.ms);
    let session = session.lock();
    is_known.then(|| (session.round, session.replies(at.ms).map(|one| one.kept.turn).collect()))
}

#[test]
fn a_conversation_goes_on_after_a_restart_and_ages_over_it() {
    let (folder, brain) = (tempfile::tempdir().unwrap(), Brain::builtin().unwrap());
    let before = Sessions::default();
    remember(&before, "a", 7, 0);
    remember(&before, "a", 8, 4);
    remember(&before, "old", 1, 0);
    assert_eq!(write(folder.path(), &before, &brain, now(5)).unwrap(), 2);

    let after = Sessions::default();
    // Eleven minutes after the first reply, seven after the second.
    assert_eq!(read(folder.path(), &after, &brain, after_restart(11)).unwrap(), 1);
    assert_eq!(turns(&after, "a", after_restart(11)), Some((3, vec![8])));
    assert_eq!(turns(&after, "old", after_restart(11)), None);
    // Read once only: a crash must not bring it back.
    assert_eq!(read(folder.path(), &Sessions::default(), &brain, after_restart(11)).unwrap(), 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn lines_that_cannot_be_read_cost_their_own_conversation_only() {
    let (folder, brain) = (tempfile::tempdir().unwrap(), Brain::builtin().unwrap());
    let before = Sessions::default();
    remember(&before, "a", 7, 0);
    write(folder.path(), &before, &brain, now(0)).unwrap();
    let path = folder.path().join(FILE);
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, line) = text.split_once('\n').unwrap();
    std::fs::write(&path, format!("{head}\n{{\"id\":7}}\nnonsense\n{line}{{\"id\":\"cut off")).unwrap();
    let after = Sessions::default();
    assert_eq!(read(folder.path(), &after, &brain, after_restart(1)).unwrap(), 1);
    assert!(turns(&after, "a", after_restart(1)).is_some());
    for other in ["", "nonsense", "{\"format\":2,\"unix_ms\":0}\n"] {
        std::fs::write(&path, other).unwrap();
        assert_eq!(read(folder.path(), &Sessions::default(), &brain, now(0)).unwrap(), 0, "{other}");
    }
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_what_was_said() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, brain) = (tempfile::tempdir().unwrap(), Brain::builtin().unwrap());
    std::fs::write(folder.path().join(format!("{FILE}.new")), "left behind").unwrap();
    write(folder.path(), &Sessions::default(), &brain, now(0)).unwrap();
    let mode = std::fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
