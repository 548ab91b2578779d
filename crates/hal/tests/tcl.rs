//! `hal tcl` as a script sees it: stdout, stderr, exit codes, and the database beside a process that holds it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use hal_db::{Database, DynArray};

fn account() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open(&dir.path().join("home")).unwrap();
    db.write(|txn| {
        txn.create_file("GUEST")?;
        txn.write("DICT GUEST", "NAME", &DynArray::from_text("Dþ1þþNameþ10LþS"))?;
        txn.write("DICT GUEST", "TOWN", &DynArray::from_text("Dþ2þþTownþ8LþS"))?;
        for (id, name, town) in [("1", "Ann", "Rome"), ("2", "Zoë 中", "Bonn"), ("3", "Bo", "Rome")] {
            txn.write("GUEST", id, &DynArray::from_fields([name, town]))?;
        }
        txn.write("VOC", "TOWNS", &DynArray::from_text("PAþCOUNT GUEST WITH TOWN = \"<<Town>>\""))
    })
    .unwrap();
    dir
}

fn run(dir: &Path, args: &[&str], stdin: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hal"));
    command.arg("tcl").args(args).env("HAL_DATA", dir.join("home"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that reads nothing may be gone before all is written.
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).ok();
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn one_command_has_its_answer_on_stdout_and_an_exit_code() {
    let dir = account();
    let listing = "SORT GUEST BY NAME NAME TOWN                                             Page 1\n\
                   GUEST.....   Name......   Town....\n\
                   1            Ann          Rome\n\
                   3            Bo           Rome\n\
                   2            Zoë 中       Bonn\n\
                   \n\
                   3 record(s) listed\n";
    let (exit, out, err) = run(dir.path(), &["SORT GUEST BY NAME NAME TOWN"], "");
    assert_eq!((exit, out.as_str(), err.as_str()), (0, listing, ""));
    for (words, exit, out, err) in [
        (&["COUNT GUEST WITH TOWN = \"Oslo\""][..], 0, "0 record(s) counted\n", ""),
        // The shell has eaten the quotes.
        (&["count", "GUEST", "WITH", "TOWN", "=", "Rome"], 0, "2 record(s) counted\n", ""),
        (&["CT GUEST 2"], 0, "GUEST 2\n1: Zoë 中\n2: Bonn\n", ""),
        (&["CT GUEST 9"], 1, "'9' not found\n", ""),
        (&["NOSUCHVERB"], 1, "", "error: NOSUCHVERB is not in your VOC\n"),
        (&["LIST NOSUCHFILE"], 1, "", "error: File not found\n"),
        (&["SH ls"], 2, "", "error: SH: commands of the operating system are off\n"),
        (&["WHO"], 0, "1 HOME\n", ""),
        (&["LOGTO AWAY"], 1, "", "error: There is no account AWAY\n"),
    ] {
        let (got, stdout, stderr) = run(dir.path(), words, "");
        assert_eq!((got, stdout.as_str()), (exit, out), "{words:?}: {stderr}");
        assert_eq!(stderr.lines().next().unwrap_or_default(), err.trim_end(), "{words:?}");
    }
}

#[test]
fn lines_of_a_script_are_one_session() {
    let dir = account();
    let script = "SSELECT GUEST WITH TOWN = \"Rome\"\nSAVE.LIST ROMANS\nTOWNS\nBonn\nNOSUCHVERB\nGET.LIST ROMANS\nLIST GUEST NAME HDR.SUP COL.SUP COUNT.SUP\nOFF\nWHO\n";
    let (exit, out, err) = run(dir.path(), &[], script);
    let shown = "2 record(s) selected to list 0\n2 records saved to select list 'ROMANS'\n1 record(s) counted\n\
                 2 record(s) selected to list 0\n1            Ann\n3            Bo\n";
    assert_eq!((exit, out.as_str()), (1, shown), "{err}");
    assert_eq!(err, "error: NOSUCHVERB is not in your VOC\n");
    let (exit, out, _) = run(dir.path(), &["COUNT GUEST WITH @ID IN \"ROMANS\""], "");
    assert_eq!((exit, out.as_str()), (0, "2 record(s) counted\n"));
}

#[test]
fn beside_a_process_that_holds_the_database_it_reads_and_says_why_it_does_not_write() {
    let dir = account();
    let db = Database::open(&dir.path().join("home")).unwrap();
    db.write(|txn| txn.write("GUEST", "4", &DynArray::from_fields(["Dee", "Rome"]))).unwrap();
    let (exit, out, err) = run(dir.path(), &["COUNT GUEST WITH TOWN = \"Rome\""], "");
    assert_eq!((exit, out.as_str(), err.as_str()), (0, "3 record(s) counted\n", ""));
    for command in [
        "SET GUEST 4 TOWN Oslo",
        "BEGIN TRANSACTION",
        "DELETE GUEST 4",
        "CREATE.FILE PETS",
        "DELETE.FILE GUEST NO.QUERY",
    ] {
        let (exit, out, err) = run(dir.path(), &[command], "");
        assert_eq!((exit, out.as_str()), (2, ""), "{command}: {err}");
        assert!(
            err.contains("open for reading only") && err.contains("hint: stop the `hal`"),
            "{command}: {err}"
        );
    }
    assert_eq!(db.snapshot().unwrap().read("GUEST", "4").unwrap().unwrap().field_text(2), "Rome");
}

#[test]
fn a_reader_that_goes_away_ends_a_long_listing_quietly() {
    let dir = account();
    let db = Database::open(&dir.path().join("home")).unwrap();
    db.write(|txn| {
        (100..20_000).try_for_each(|id| txn.write("GUEST", &id.to_string(), &DynArray::from_fields(["X"; 8])))
    })
    .unwrap();
    drop(db);
    let mut command = Command::new(env!("CARGO_BIN_EXE_hal"));
    command.args(["tcl", "LIST.ITEM GUEST"]).env("HAL_DATA", dir.path().join("home"));
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 100];
    std::io::Read::read_exact(&mut child.stdout.take().unwrap(), &mut first).unwrap();
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    assert_eq!((status.code(), String::from_utf8(stderr).unwrap().as_str()), (Some(0), ""));
}

#[test]
fn where_there_is_no_account_it_says_how_to_make_one() {
    let dir = tempfile::tempdir().unwrap();
    for made in [false, true] {
        if made {
            std::fs::create_dir(dir.path().join("home")).unwrap();
        }
        let (exit, out, err) = run(dir.path(), &["WHO"], "");
        assert_eq!((exit, out.as_str()), (2, ""), "{err}");
        assert!(err.contains("there is no database in") && err.contains("hal tcl --create"), "{err}");
    }
    assert!(!dir.path().join("home").join("hal.redb").exists());
    let (exit, out, err) = run(dir.path(), &["--create", "WHO"], "");
    assert_eq!((exit, out.as_str(), err.as_str()), (0, "1 HOME\n", ""));
    let script = "CREATE.ACCOUNT cabin\nCREATE.ACCOUNT CABIN\nLOGTO CABIN\nWHO\nLISTF\n";
    let (exit, out, err) = run(dir.path(), &[], script);
    assert!(out.starts_with("Account CABIN is made in ") && out.contains("\n1 CABIN\n"), "{out}");
    assert!(out.ends_with("1 file(s)\n"), "{out}");
    assert_eq!(exit, 2);
    assert!(err.contains("There is an account CABIN already"), "{err}");
}

#[test]
fn a_watch_of_one_command_ends_after_its_changes_also_beside_a_server() {
    let dir = account();
    let db = Database::open(&dir.path().join("home")).unwrap();
    let start = db.snapshot().unwrap().commit_number();
    let mut command = Command::new(env!("CARGO_BIN_EXE_hal"));
    command
        .args(["tcl", &format!("WATCH GUEST FROM {start} COUNT 2")])
        .env("HAL_DATA", dir.path().join("home"));
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    for id in ["1", "2"] {
        db.write(move |txn| txn.delete("GUEST", id)).unwrap();
    }
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let shown = format!("{}  GUEST  1\n{}  GUEST  2\n", start + 1, start + 2);
    assert_eq!(String::from_utf8(stdout).unwrap(), shown);
    assert_eq!((status.code(), String::from_utf8(stderr).unwrap().as_str()), (Some(0), ""));
}

#[test]
fn a_script_that_ends_in_a_transaction_has_written_nothing() {
    let dir = account();
    let (exit, out, _) = run(dir.path(), &[], "BEGIN TRANSACTION\nDELETE GUEST 1\nCOUNT GUEST\n");
    assert_eq!((exit, out.as_str()), (0, "1 record(s) deleted\n2 record(s) counted\n"));
    let (_, out, _) = run(dir.path(), &["COUNT GUEST"], "");
    assert_eq!(out, "3 record(s) counted\n");
}
