//! Lines of a session and what a person sees of them.

use std::sync::atomic::Ordering;

use super::*;
use crate::date;

mod changes;

/// A screen that keeps what is shown, with answers given beforehand.
struct Screen {
    size: (usize, Option<usize>),
    shown: Vec<u8>,
    answers: VecDeque<String>,
    pages: VecDeque<PageAnswer>,
    paused: usize,
    asked: Vec<String>,
    interrupt: Arc<AtomicBool>,
    /// Ctrl-C after so many lines.
    interrupt_after: Option<usize>,
}

impl Screen {
    fn new() -> Screen {
        Screen {
            size: (80, None),
            shown: Vec::new(),
            answers: VecDeque::new(),
            pages: VecDeque::new(),
            paused: 0,
            asked: Vec::new(),
            interrupt: Arc::default(),
            interrupt_after: None,
        }
    }
}

impl Terminal for Screen {
    fn width(&self) -> usize {
        self.size.0
    }

    fn height(&self) -> Option<usize> {
        self.size.1
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.shown.extend_from_slice(bytes);
        let lines = self.shown.iter().filter(|&&b| b == b'\n').count();
        if self.interrupt_after.is_some_and(|after| lines >= after) {
            self.interrupt.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn complain(&mut self, failure: &Failure) {
        self.shown.extend_from_slice(format!("! {failure}\n").as_bytes());
    }

    fn ask(&mut self, question: &str) -> Option<String> {
        self.asked.push(question.to_owned());
        self.answers.pop_front()
    }

    fn pause(&mut self) -> PageAnswer {
        self.paused += 1;
        self.shown.extend_from_slice(b"---\n");
        self.pages.pop_front().unwrap_or(PageAnswer::Go)
    }

    fn interrupt(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupt)
    }
}

struct Machine {
    other: Database,
    locks: Option<Vec<String>>,
    clock: Option<Arc<changes::Clock>>,
}

impl Host for Machine {
    fn open_account(&mut self, name: &str) -> crate::Result<Account> {
        match name {
            "CABIN" => Ok(account(name, &self.other)),
            _ => Err(crate::Error::Refused(format!("there is no account {name}"))),
        }
    }

    fn locks(&mut self) -> Option<Vec<String>> {
        self.locks.clone()
    }

    fn clock(&self) -> Option<Arc<dyn crate::history::Clock>> {
        Some(self.clock.clone()?)
    }
}

fn account(name: &str, db: &Database) -> Account {
    Account { name: name.to_owned(), path: format!("/srv/{name}"), db: db.clone() }
}

struct Bench {
    session: Session,
    screen: Screen,
    machine: Machine,
}

fn people() -> Database {
    let db = Database::in_memory();
    db.write(|txn| {
        txn.create_file("PERSON")?;
        let item = |text: &str| crate::DynArray::from_text(text);
        txn.write("DICT PERSON", "NAME", &item("Dþ1þþNameþ12LþS"))?;
        txn.write("DICT PERSON", "TOWN", &item("Dþ2þþTownþ10LþS"))?;
        txn.write("DICT PERSON", "BORN", &item("Dþ3þD4-YMD[4,2,2]þBornþ10RþS"))?;
        for (id, name, town) in [("1", "Ann", "Rome"), ("2", "Bo 中国", "Bonn"), ("3", "Zoë", "Rome")] {
            txn.write("PERSON", id, &crate::DynArray::from_fields([name, town, "10000"]))?;
        }
        Ok(())
    })
    .unwrap();
    db
}

impl Bench {
    fn new() -> Bench {
        let other = Database::in_memory();
        other
            .write(|txn| {
                txn.create_file("BOAT")?;
                txn.write("BOAT", "A", &crate::DynArray::from_fields(["dinghy"]))
            })
            .unwrap();
        let person = Person { user: "ann".to_owned(), number: 7, tty: "screen".to_owned() };
        let session = Session::new(account("HOME", &people()), person);
        Bench {
            session,
            screen: Screen::new(),
            machine: Machine { other, locks: Some(vec!["1 PERSON 3 RU".to_owned()]), clock: None },
        }
    }

    /// What is shown for some lines.
    fn run(&mut self, lines: &str) -> String {
        for line in lines.lines() {
            let env = Env { today: date::day_from_ymd(2026, 11, 25), second: 30_300 };
            let mut world = World { env, terminal: &mut self.screen, host: &mut self.machine };
            self.session.run(line, &mut world);
        }
        let shown = std::mem::take(&mut self.screen.shown);
        String::from_utf8_lossy(&shown).into_owned()
    }

    fn voc(&self, id: &str, text: &str) {
        let (id, record) = (id.to_owned(), crate::DynArray::from_text(text));
        self.session.account.db.write(move |txn| txn.write("VOC", &id, &record)).unwrap();
    }

    fn code(&self) -> i64 {
        self.session.return_code()
    }
}

#[test]
fn an_unknown_verb_and_a_missing_file_have_their_words_and_numbers() {
    let mut bench = Bench::new();
    for (line, shown, code) in [
        ("NOSUCHVERB", "! NOSUCHVERB is not in your VOC\n", -3007),
        ("LIST NOSUCHFILE", "! File not found\n", -3003),
        ("CT NOSUCHFILE 1", "! File NOSUCHFILE not found\n", -3003),
        ("PERSON", "! PERSON is a file, not a command\n", -3007),
        ("GET.LIST NONE", "! Saved select list 'NONE' not found\n", -3006),
        ("LIST PERSON FROM 3", "! Select list 3 is not active\n", -16),
        ("SORT PERSON WITH NAME > NO.PAGE", "! Unexpected K type item (NO.PAGE) in query sentence.\n", -1),
        ("DELETE.INDEX PERSON TOWN", "! File PERSON has no index TOWN\n", -3019),
        ("CT PERSON \"open", "! The quote \" is not closed\n", -1),
        ("CT PERSON 9", "'9' not found\n", -3006),
        ("SH ls", "! SH: commands of the operating system are off\n", -1020),
        ("count person with town = \"Rome\"", "2 record(s) counted\n", 2),
        ("* nothing", "", 2),
        ("", "", 2),
    ] {
        assert_eq!(bench.run(line), shown, "{line}");
        assert_eq!(bench.code(), code, "{line}");
    }
    let long = format!("DISPLAY {}", "x".repeat(LINE_BYTES_MAX));
    assert!(bench.run(&long).starts_with("! A line has at most"));
}

#[test]
fn a_list_is_used_up_by_the_next_command() {
    let mut bench = Bench::new();
    assert_eq!(bench.session.prompt(), ":");
    assert_eq!(bench.run("SSELECT PERSON WITH TOWN = \"Rome\""), "2 record(s) selected to list 0\n");
    assert_eq!((bench.session.prompt(), bench.code()), ("::", 2));
    assert_eq!(
        bench.run("LIST PERSON NAME HDR.SUP COL.SUP COUNT.SUP"),
        "1            Ann\n3            Zoë\n"
    );
    assert_eq!(bench.session.prompt(), ":");
    assert_eq!(
        bench.run("SELECT PERSON TO 2\nSAVE.LIST ALL FROM 2 KEEP\nDISPLAY @SELECTED"),
        "3 record(s) selected to list 2\n3 records saved to select list 'ALL'\n3\n"
    );
    assert_eq!(
        bench.run("SSELECT PERSON \"1\" \"9\" TO 1"),
        "1 record(s) selected to list 1\n'9' not found\n"
    );
    assert_eq!(bench.run("MERGE.LIST 2 DIFFERENCE 1 TO 0"), "2 record(s) selected to select list 0\n");
    assert_eq!(bench.run("DELETE PERSON"), "2 record(s) deleted\n");
    assert_eq!(
        bench.run("GET.LIST ALL ALL TO 3\nNSELECT PERSON FROM 3\nSAVE.LIST GONE\nCOUNT PERSON FROM 3"),
        "6 record(s) selected to list 3\n4 record(s) selected to list 0\n4 records saved to select list 'GONE'\n! Select list 3 is not active\n"
    );
    assert_eq!(bench.run("LIST.LISTS"), "       3  ALL\n       4  GONE\n2 saved select list(s)\n");
    assert_eq!(bench.run("COPY.LIST ALL,KEPT\nDELETE.LIST ALL\nFORM.LIST $SAVEDLISTS KEPT TO 4\nCLEAR.SELECT 4\nCOUNT PERSON FROM 4"),
        "Saved select list 'ALL' copied to 'KEPT'\nSaved select list 'ALL' deleted\n3 record(s) selected to list 4\n! Select list 4 is not active\n");
    assert_eq!(bench.run("QSELECT PERSON * SAVING TOWN TO 5"), "1 record(s) selected to list 5\n");
    assert_eq!(
        bench.run("SELECT PERSON WITH TOWN = \"Oslo\"\nCOUNT PERSON"),
        "0 record(s) selected to list 0\n1 record(s) counted\n"
    );
}

#[test]
fn files_are_made_renamed_listed_and_deleted() {
    let mut bench = Bench::new();
    let made = bench.run("CREATE.FILE pets 1,1 23,1\nCREATE.FILE PETS\nCREATE.FILE TOYS DYNAMIC MINIMUM.MODULUS 7 GROUP.SIZE 2 NO.QUERY");
    assert!(
        made.starts_with("Created DICT part of PETS\nCreated DATA part of PETS\nAdded default"),
        "{made}"
    );
    assert!(made.contains("! File PETS exists already\nCreated DICT part of TOYS"), "{made}");
    assert!(bench.run("CREATE.FILE KIDS USING DICT PERSON").contains("Copied the items of DICT PERSON"));
    assert!(bench.run("CREATE.FILE BAD MINIMUM.MODULUS x").starts_with("! The command is incomplete"));
    assert_eq!(bench.run("CREATE.INDEX PERSON TOWN NO.CASE"), "Index TOWN of PERSON: created and filled\n");
    assert_eq!(bench.run("CNAME PERSON,FOLK"), "File PERSON is now FOLK\n");
    assert_eq!(
        bench.run("COUNT FOLK WITH TOWN EQ NO.CASE \"rome\"\nCOUNT PERSON"),
        "2 record(s) counted\n! File not found\n"
    );
    let listed = bench.run("LISTFL");
    assert!(
        listed.contains("FOLK                 3       4   TOWN\n") && listed.ends_with("\n5 file(s)\n"),
        "{listed}"
    );
    let indices = bench.run("LIST.INDEX FOLK");
    assert!(indices.contains("TOWN         D      S     L      No     2\n"), "{indices}");
    assert_eq!(
        bench.run("BUILD.INDEX FOLK ALL\nDELETE.INDEX FOLK town"),
        "Index TOWN of FOLK filled\nIndex TOWN of FOLK deleted\n"
    );
    assert!(bench.run("LISTDICT FOLK").lines().any(|line| line.starts_with("BORN ") && line.contains("3 ")));
    // Nobody answers: nothing happens.
    assert!(bench.run("DELETE.FILE FOLK").contains("Nobody answers"));
    bench.screen.answers.push_back("n".to_owned());
    assert_eq!(bench.run("DELETE.FILE FOLK\nCOUNT FOLK"), "3 record(s) counted\n");
    assert_eq!(
        bench.run("CLEAR.FILE FOLK\nDELETE.FILE FOLK\nDELETE.FILE VOC NO.QUERY"),
        "FOLK cleared, 3 record(s) deleted\nFile FOLK deleted\n! VOC cannot be deleted\n"
    );
}

#[test]
fn records_are_shown_copied_changed_and_deleted() {
    let mut bench = Bench::new();
    assert_eq!(bench.run("CT PERSON 1"), "PERSON 1\n1: Ann\n2: Rome\n3: 10000\n");
    assert_eq!(
        bench.run("DUMP PERSON 3").lines().nth(1).unwrap(),
        "000000: 5A 6F C3 AB FE 52 6F 6D 65 FE 31 30 30 30 30     Zo...Rome.10000"
    );
    bench.run("CREATE.FILE OLD");
    assert_eq!(
        bench.run("COPY FROM PERSON TO OLD 1 2,two REPORTING"),
        "'1' copied\n'2' copied to 'two'\n2 record(s) copied\n"
    );
    assert_eq!(
        bench.run("COPY FROM PERSON TO OLD ALL"),
        "'1' exists already and was not copied\n2 record(s) copied\n"
    );
    assert_eq!(bench.run("COPY FROM PERSON 1 9 TO OLD OVERWRITING"), "'9' not found\n1 record(s) copied\n");
    assert_eq!(
        bench.run("COPY FROM OLD TO PERSON two UPDATING"),
        "'two' does not exist in the target and was not copied\n0 record(s) copied\n"
    );
    assert_eq!(
        bench.run("COPY FROM OLD two,20 DELETING\nCOUNT OLD"),
        "1 record(s) copied\n4 record(s) counted\n"
    );
    assert_eq!(
        bench.run("COPY FROM DICT PERSON TO DICT OLD NAME\nLIST OLD \"20\" NAME HDR.SUP COL.SUP COUNT.SUP"),
        "1 record(s) copied\n20           Bo 中国\n"
    );
    assert_eq!(
        bench.run("SET PERSON 1 BORN \"2001-02-03\"\nSET PERSON 4 NAME Dee"),
        "'1': field 3 set\n'4': new record, field 1 set\n"
    );
    assert_eq!(bench.run("LIST PERSON \"1\" BORN HDR.SUP COL.SUP COUNT.SUP"), "1            2001-02-03\n");
    assert!(bench.run("SET PERSON 1 BORN never").starts_with("! 'never' is not valid for BORN"));
    assert_eq!(bench.run("DELETE PERSON 4 9"), "'9' not found\n1 record(s) deleted\n");
    bench.screen.answers.push_back("yes".to_owned());
    assert_eq!(
        bench.run("DELETE PERSON ALL\nDELETE PERSON"),
        "3 record(s) deleted\n! Name records, ALL, or select them before\n"
    );
}

#[test]
fn a_paragraph_asks_decides_and_repeats() {
    let mut bench = Bench::new();
    bench.voc("ASK", "PAþ* who?þCOUNT PERSON WITH TOWN = \"<<Which town>>\"þDISPLAY again _þ<<Which town>>þIF @SELECTED = 0 THEN DISPLAY none");
    bench.screen.answers.push_back("Rome".to_owned());
    assert_eq!(bench.run("ask"), "2 record(s) counted\nagain Rome\nnone\n");
    assert_eq!(bench.screen.asked, ["Which town"]);
    bench.voc("LOOPS", "PAþSET @USER0 3þLOOPþDISPLAY <<A,next>>þIF <<next>> EQ \"x\" THEN GO ENDþREPEATþDISPLAY neverþEND: DISPLAY doneþSTOP byeþDISPLAY never");
    bench.screen.answers.extend(["a".to_owned(), "x".to_owned()]);
    assert_eq!(bench.run("LOOPS"), "a\nx\ndone\nbye\n");
    bench.voc("FED", "PAþDELETE PERSON ALLþDATA YþCOUNT PERSON");
    assert_eq!(bench.run("FED"), "3 record(s) deleted\n0 record(s) counted\n");
    bench.voc("FED2", "PAþDISPLAY onlyþDATA oneþDATA twoþDISPLAY <<x>>þDATA three");
    assert_eq!(bench.run("FED2"), "only\nthree\n");
    bench.voc("WORDS", "PAþDISPLAY <<C2>>/<<C3>>/<<I2,town>>");
    assert_eq!(bench.run("WORDS one"), "one//one\n");
    bench.screen.answers.push_back("Bonn".to_owned());
    assert_eq!(bench.run("WORDS"), "//Bonn\n");
    bench.voc("CHECKED", "PAþDISPLAY <<day,(D)>> <<code,2N>>");
    bench.screen.answers.extend(["nonsense", "31 DEC 1967", "x", "42"].map(str::to_owned));
    assert_eq!(bench.run("CHECKED"), "! 'nonsense' does not fit D\n! 'x' does not fit 2N\n0 42\n");
    bench.screen.answers.push_back("QUIT".to_owned());
    assert_eq!(bench.run("CHECKED"), "");
    // Sentences, remote items, keywords that are verbs, and errors that do not end a paragraph.
    bench.voc("ROMANS", "SþCOUNT PERSON WITH TOWN =");
    bench.voc("AWAY", "RþVOCþROMANS");
    bench.voc("KW", "Kþ0þSþDISPLAY keyword");
    bench.voc("OWN", "VþINþWHO");
    bench.voc("ALLOFIT", "PAþNOSUCHþAWAY \"Oslo\"þKWþOWNþGO nowhereþDISPLAY never");
    assert_eq!(
        bench.run("ALLOFIT"),
        "! NOSUCH is not in your VOC\n0 record(s) counted\nkeyword\n7 HOME\n! There is no label nowhere: in this paragraph\n"
    );
    // Each calls itself twice: all of it ends, or it would run 2 to the 32 times.
    bench.voc("ROUND", "PAþROUNDþROUND");
    assert_eq!(bench.run("ROUND"), "! Sentences and paragraphs call each other more than 32 deep\n");
    assert_eq!(bench.code(), -1);
}

#[test]
fn prompts_take_records_variables_and_what_is_inside_of_them() {
    let mut bench = Bench::new();
    assert_eq!(bench.run("DISPLAY <<F(PERSON,3,1)>> <<@WHO>> <<@DATE>> <<@CRTWIDE>>"), "Zoë HOME 21514 80\n");
    bench.screen.answers.extend(["1", "a", "b", ""].map(str::to_owned));
    assert_eq!(
        bench.run("DISPLAY <<F(PERSON,<<id>>,2)>>\nDISPLAY <<R(+),item>> 2 >> 1"),
        "Rome\na+b 2 >> 1\n"
    );
    assert_eq!(bench.run("DISPLAY <<@NOSUCH>>"), "! @NOSUCH is not a variable of the command line\n");
    assert_eq!(bench.run("DISPLAY <<>>"), "! A prompt << >> has no text\n");
    // Nobody answers: the line ends, quietly.
    assert_eq!(bench.run("DISPLAY <<name>>"), "");
}

#[test]
fn pointers_and_phrases_of_the_voc_lead_to_files_and_words() {
    let mut bench = Bench::new();
    assert_eq!(
        bench.run("SET.FILE CABIN BOAT\nCT BOAT A"),
        "BOAT points to BOAT of CABIN\nBOAT A\n1: dinghy\n"
    );
    bench.voc("FOLK", "QþþPERSON");
    bench.voc("FOLK2", "QþHOMEþFOLK");
    bench.voc("SHORT", "PHþNAME HDR.SUP COL.SUP COUNT.SUP");
    assert_eq!(bench.run("LIST FOLK2 \"1\" SHORT"), "1            Ann\n");
    assert!(bench.run("SORT FOLK NO.PAGE").starts_with("SORT FOLK NO.PAGE        "));
    bench.voc("LOST", "QþNOWHEREþX");
    bench.voc("LOOP1", "QþþLOOP2");
    bench.voc("LOOP2", "QþþLOOP1");
    assert_eq!(
        bench.run("COUNT LOST\nCT LOOP1 A\nCT SHORT A"),
        "! there is no account NOWHERE\n! Q-pointer LOOP1 leads through more than 10 others\n! VOC record SHORT is of type PH, not a file\n"
    );
    assert_eq!(bench.run("DELETE.FILE FOLK\nLISTQ").lines().next().unwrap(), "Q-pointer FOLK deleted");
    assert_eq!(
        bench.run("LOGTO CABIN\nWHO\nCOUNT BOAT\nLOGTO NOWHERE"),
        "7 CABIN\n1 record(s) counted\n! there is no account NOWHERE\n"
    );
}

#[test]
fn pages_wait_and_may_be_left() {
    let mut bench = Bench::new();
    bench
        .session
        .account
        .db
        .write(|txn| {
            (10..40)
                .try_for_each(|id| txn.write("PERSON", &id.to_string(), &crate::DynArray::from_fields(["X"])))
        })
        .unwrap();
    bench.screen.size = (80, Some(11));
    let all = bench.run("SORT PERSON NAME");
    assert_eq!(bench.screen.paused, 4, "{all}");
    // Ten lines a page, the heading among them, and the last line of the screen free for the question.
    assert_eq!(all.lines().position(|line| line == "---"), Some(10));
    assert_eq!(all.matches("Page ").count(), 5);
    bench.screen.pages.push_back(PageAnswer::Quit);
    let quit = bench.run("SORT PERSON NAME");
    assert_eq!(quit.lines().count(), 11);
    bench.voc("TWO", "PAþSORT PERSONþDISPLAY next");
    bench.screen.pages.extend([PageAnswer::Quit, PageAnswer::Abort]);
    assert!(bench.run("TWO").ends_with("---\nnext\n"));
    assert!(bench.run("TWO").ends_with("---\n"));
    bench.screen.paused = 0;
    bench.run("SORT PERSON NAME NO.PAGE\nTERM 80,100\nSORT PERSON NAME");
    assert_eq!(bench.screen.paused, 0);
    bench.screen.pages.push_back(PageAnswer::GoOn);
    bench.run("TERM DEFAULT\nHELP");
    assert_eq!(bench.screen.paused, 1);
    bench.screen.interrupt_after = Some(3);
    let cut = bench.run("TWO");
    assert_eq!((cut.lines().count(), cut.lines().last()), (4, Some("! Interrupted")), "{cut}");
}

#[test]
fn the_screen_has_a_size_and_the_clock_a_face() {
    let mut bench = Bench::new();
    assert_eq!(
        bench.run("WHO\nDATE\nTIME\nDATE 21514\nDATE \"25 NOV 2026\""),
        "7 HOME\nWednesday, 25 NOV 2026  08:25am\n08:25:00  25 NOV 2026\n25 NOV 2026\n21514\n"
    );
    let wide = bench.run("TERM 132\nLIST PERSON NO.PAGE").lines().next().unwrap().to_owned();
    assert_eq!(wide.len(), 131, "the last column stays free");
    assert!(bench.run("TERM").contains("Page width       132        80\n"));
    assert!(bench.run("TERM 3").starts_with("! The command"));
    assert_eq!(bench.run("LIST.READU"), "1 PERSON 3 RU\n");
    assert_eq!(
        bench
            .run("OPTION X ON\nOPTION X DISPLAY\nOPTION ALL OFF\nOPTION X DISPLAY")
            .lines()
            .skip(1)
            .collect::<Vec<_>>(),
        ["Option X is on", "Option X is off"]
    );
    for line in bench.run("HELP\nHELP LIST").lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for verb in verbs::VERBS.iter().filter(|verb| !verb.group.is_empty()) {
        assert!(verb.usage.chars().count() <= 80 && verb.about.chars().count() <= 60, "{verb:?}");
        assert!(verbs::GROUPS.contains(&verb.group) && verbs::builtin(verb.name).is_some(), "{verb:?}");
    }
    assert!(bench.run("HELP CNAME").starts_with("CNAME old,new\n"));
    let mut world = World { env: Env::default(), terminal: &mut bench.screen, host: &mut bench.machine };
    assert_eq!(bench.session.run("off", &mut world), Next::Off);
}

#[test]
fn the_stack_keeps_commands_and_changes_them() {
    let mut bench = Bench::new();
    bench.run("WHO\nCOUNT PERSON WITH TOWN = \"Rome\"");
    assert_eq!(bench.run(".L"), "02 WHO\n01 COUNT PERSON WITH TOWN = \"Rome\"\n");
    assert_eq!(bench.run(".C/Rome/Bonn/\n.X"), "01 COUNT PERSON WITH TOWN = \"Bonn\"\n1 record(s) counted\n");
    assert_eq!(
        bench.run(".X2\n.A NOSUCH\n.D\n.L1"),
        "7 HOME\n01 WHONOSUCH\n01 COUNT PERSON WITH TOWN = \"Bonn\"\n"
    );
    assert_eq!(bench.run(".SBOTH 1 2\nBOTH"), "7 HOME\n1 record(s) counted\n");
    assert_eq!(
        bench.run(".X99\n.Z\n.C/none/x/"),
        "! There is no command 99\n! .Z is no command of the stack; .? shows them\n! Command 1 does not hold 'none'\n"
    );
    assert!(bench.run(".?").starts_with(".L{n}"));
    assert_eq!(
        Bench::new().run(".L\n.X\n.D0\n.I9 a\n.L"),
        "! There is no command 1\n! There is no command 0\n01 a\n"
    );
}

#[test]
fn a_word_that_is_begun_is_completed() {
    let bench = Bench::new();
    bench.voc("COUNTALL", "PAþCOUNT PERSON");
    let complete = |before: &str| {
        let (start, found) = super::complete(&bench.session.account.db, before);
        format!("{} {}", &before[start..], found.join(" "))
    };
    assert_eq!(complete("cou"), "cou COUNT COUNTALL");
    assert_eq!(complete("LIST P"), "P PERSON");
    assert_eq!(complete("LIST DICT "), " PERSON VOC");
    assert_eq!(complete("SORT person WITH t"), "t TOTAL TOWN");
    assert_eq!(complete("SORT person BY Zoë"), "Zoë ");
    assert_eq!(complete("LIST\u{3000}P"), "P PERSON");
}

/// Words that lines are made of: verbs, names, signs, halves of prompts and quotes.
const PIECES: &[&str] = &[
    "LIST",
    "SORT",
    "SELECT",
    "CT",
    "COPY",
    "DELETE",
    "SET",
    "IF",
    "DISPLAY",
    "GET.LIST",
    "SAVE.LIST",
    "MERGE.LIST",
    "QSELECT",
    "CREATE.FILE",
    "CNAME",
    "TERM",
    "DATE",
    "EXPLAIN",
    "LIST.INDEX",
    "CREATE.INDEX",
    "PERSON",
    "DICT",
    "VOC",
    "NAME",
    "TOWN",
    "WITH",
    "=",
    "EQ",
    "THEN",
    "TO",
    "FROM",
    "SAVING",
    "ALL",
    "*",
    "1",
    "99999999999999999999",
    "-1",
    "<<",
    ">>",
    "<<A,",
    "<<C2>>",
    "<<F(PERSON,1,1)>>",
    "<<R(",
    ")",
    "(",
    "\"",
    "'",
    "\\",
    ",",
    " ",
    "@SELECTED",
    "@USER0",
    ".",
    ".C/",
    ".L",
    ".X",
    ".S",
    ".I",
    "é",
    "中",
    "\u{3000}",
    "\u{FE}",
    "\0",
    "UNION",
    "OVERWRITING",
    "DELETING",
    "PA1",
];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(60))]

    #[test]
    fn no_line_ends_a_session(lines in proptest::collection::vec(
        proptest::collection::vec(0..PIECES.len(), 1..10), 1..6,
    ), spaced: bool) {
        let mut bench = Bench::new();
        for line in lines {
            let pieces: Vec<&str> = line.iter().map(|&at| PIECES[at]).collect();
            let line = pieces.join(if spaced { " " } else { "" });
            bench.screen.answers.extend(["Y".to_owned(), "中 <<x>>".to_owned()]);
            proptest::prop_assert!(super::complete(&bench.session.account.db, &line).0 <= line.len());
            bench.voc("PA1", &format!("PAþ{line}þLOOPþ{line}þIF @SELECTED > 0 THEN GO Aþ{line}þA: STOP"));
            bench.run(&line);
            bench.run("PA1");
        }
        // Whatever came before: it still answers.
        proptest::prop_assert!(bench.run("WHO").ends_with(" HOME\n"));
    }
}

#[test]
fn a_file_without_case_is_made_changed_and_renamed() {
    let mut bench = Bench::new();
    bench.run("CREATE.FILE NC NO.CASE");
    let no_case =
        |bench: &Bench, file: &str| bench.session.account.db.snapshot().unwrap().is_no_case(file).unwrap();
    assert!(no_case(&bench, "NC"));
    bench.run("CNAME NC TO NN");
    assert!(no_case(&bench, "NN"));
    bench.run("CONFIGURE.FILE NN CASE");
    assert!(!no_case(&bench, "NN"));
    bench.run("CONFIGURE.FILE NN NO.CASE");
    assert!(no_case(&bench, "NN"));
}
