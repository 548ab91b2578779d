//! The listings: `sales-golden.txt` and the commands of `golden/INDEX.tsv` with their exact output.
//!
//! Each command runs in a session of its own on an account in memory. What it prints is compared byte for byte; lines of
//! a listing without a sort are compared as a set, for the engine lists in the order of its hashed groups. So that a
//! SAMPLE takes the same records, it is given the records in the order of the dump.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use hal_db::tcl::{self, PageAnswer, Terminal};
use hal_db::{Database, DynArray, Env, date, hashed, query};

use crate::report::Report;

/// The engine's clock stood at 23 November 2026.
fn env() -> Env {
    Env { today: date::day_from_ymd(2026, 11, 23), second: 0 }
}

/// Runs every listing of `dir` and notes each command in `report` under `sales-golden` or `golden`.
pub(crate) fn run(dir: &Path, report: &mut Report) {
    if let Err(why) = sales(dir, report) {
        report.missing("sales-golden", &why);
    }
    if let Err(why) = golden(dir, report) {
        report.missing("golden", &why);
    }
}

type Outcome = Result<(), String>;

fn text<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

/// Commands after `>>> ` with their output; dictionary and data are written at the end of the file.
fn sales(dir: &Path, report: &mut Report) -> Outcome {
    let all = std::fs::read_to_string(dir.join("sales-golden.txt")).map_err(text)?;
    let (blocks, data) = all.split_once("\nDICT SALES records").ok_or("there are no records at its end")?;
    let order = Order::default();
    for block in blocks.split("\n>>> ").skip(1) {
        let (command, expected) = block.split_once('\n').unwrap_or((block, ""));
        // Every block may write, so each has an account of its own.
        let db = sales_account(data)?;
        let mut session = Session::new(&db, 24, &order);
        let got = marks_in_words(&session.run(command));
        let expected = format!("{}\n", expected.trim_end_matches('\n'));
        check(report, "sales-golden", command, &expected, &got);
    }
    Ok(())
}

fn marks_in_words(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            out.push_str(match byte {
                0xFE => "{FM}",
                0xFD => "{VM}",
                0xFC => "{SM}",
                0xFB => "{TM}",
                _ => "\u{FFFD}",
            });
        }
    }
    out
}

/// Reads `WRITE 'D':@FM:'0' TO D,'@ID'` lines: D, F and C, DC stand for the dictionary and data of SALES and CUST.
fn sales_account(data: &str) -> Result<Database, String> {
    let mut writes: Vec<(String, String, DynArray)> = Vec::new();
    for statement in data.lines().flat_map(|line| line.split(" ; ")) {
        let Some(rest) = statement.trim().strip_prefix("WRITE ") else { continue };
        let (record, place) = rest.rsplit_once(" TO ").ok_or_else(|| format!("no TO in {statement}"))?;
        let (file, id) = place.split_once(',').ok_or_else(|| format!("no id in {statement}"))?;
        let file = match file {
            "D" => "DICT SALES",
            "F" => "SALES",
            "DC" => "DICT CUST",
            "C" => "CUST",
            other => return Err(format!("unknown file {other}")),
        };
        writes.push((file.to_owned(), id.trim().trim_matches('\'').to_owned(), record_of(record)?));
    }
    let db = Database::in_memory();
    db.write(move |txn| {
        txn.create_file("SALES")?;
        txn.create_file("CUST")?;
        writes.iter().try_for_each(|(file, id, record)| txn.write(file, id, record))
    })
    .map_err(text)?;
    Ok(db)
}

/// `'a':@FM:"b"`: quoted parts and marks joined by colons.
fn record_of(source: &str) -> Result<DynArray, String> {
    let mut bytes = Vec::new();
    let mut rest = source.trim();
    while !rest.is_empty() {
        let length = match rest.chars().next() {
            Some(quote @ ('\'' | '"')) => {
                let end = rest[1..].find(quote).ok_or_else(|| format!("unclosed quote in {source}"))?;
                bytes.extend_from_slice(&rest.as_bytes()[1..=end]);
                end + 2
            }
            _ => {
                let end = rest.find(':').unwrap_or(rest.len());
                bytes.push(match &rest[..end] {
                    "@FM" => 0xFE,
                    "@VM" => 0xFD,
                    "@SM" => 0xFC,
                    other => return Err(format!("unknown part {other}")),
                });
                end
            }
        };
        rest = rest[length..].strip_prefix(':').unwrap_or(&rest[length..]);
    }
    Ok(DynArray::from_bytes(bytes))
}

/// Ids of each file in the order of its dump.
type Order = std::collections::HashMap<String, Vec<Vec<u8>>>;

fn golden(dir: &Path, report: &mut Report) -> Outcome {
    let index = std::fs::read_to_string(dir.join("golden/INDEX.tsv")).map_err(text)?;
    let (db, order) = golden_account(dir)?;
    for line in index.lines().skip(1) {
        let Some((file, command)) = line.split_once('\t') else { continue };
        let expected = match std::fs::read(dir.join("golden").join(file)) {
            Ok(expected) => expected,
            Err(error) => {
                report.check("golden", command, "a listing", &error.to_string());
                continue;
            }
        };
        let mut session = Session::new(&db, 32_000, &order);
        let mut got = Vec::new();
        match command.strip_prefix("one session: ") {
            None => got = session.run(command),
            Some(commands) => {
                for command in commands.split(" | ") {
                    got.extend_from_slice(format!("> {command}\n").as_bytes());
                    got.extend(session.run(command));
                }
            }
        }
        check(report, "golden", command, &String::from_utf8_lossy(&expected), &String::from_utf8_lossy(&got));
    }
    Ok(())
}

/// The account that the listings were made of: records from their dumps, whether case counts from the files themselves.
fn golden_account(dir: &Path) -> Result<(Database, Order), String> {
    let mut files: Vec<(String, Vec<(String, DynArray)>)> = Vec::new();
    let mut order = Order::new();
    let dump = dir.join("dump");
    let entries = std::fs::read_dir(&dump).map_err(text)?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            entry.ok()?.file_name().into_string().ok()?.strip_suffix(".dump.tsv").map(str::to_owned)
        })
        .collect();
    names.sort();
    for name in names {
        let lines = std::fs::read_to_string(dump.join(format!("{name}.dump.tsv"))).map_err(text)?;
        let rows = lines.lines().filter_map(|line| line.split_once('\t'));
        let rows: Vec<(Vec<u8>, Vec<u8>)> =
            rows.map(|(id, record)| (unescaped(id), unescaped(record))).collect();
        order.insert(name.clone(), rows.iter().map(|(id, _)| id.clone()).collect());
        // Ids that are not UTF-8 cannot be kept; no listing shows one.
        let rows = rows
            .into_iter()
            .filter_map(|(id, record)| Some((String::from_utf8(id).ok()?, DynArray::from_bytes(record))));
        let file = name.strip_suffix(".DIC").map_or_else(|| name.clone(), |data| format!("DICT {data}"));
        files.push((file, rows.collect()));
    }
    let db = Database::in_memory();
    let data = dir.join("data");
    db.write(move |txn| {
        for (name, _) in files.iter().filter(|(name, _)| !name.starts_with("DICT ")) {
            txn.create_file_as(name, is_no_case(&data.join(name)))?;
        }
        for (name, rows) in &files {
            for (id, record) in rows {
                // An id that HAL refuses (a letter that stands for a mark) is in no listing.
                match txn.write(name, id, record) {
                    Ok(()) | Err(hal_db::Error::IllegalId { .. }) => {}
                    Err(other) => return Err(other),
                }
            }
        }
        for item in ["LAST_NAME", "BALANCE", "PHONE", "AGE_BAND"] {
            txn.create_index("PERSON_AK", item)?;
        }
        Ok(())
    })
    .map_err(text)?;
    Ok((db, order))
}

/// Whether a hashed file says that case does not count in its ids; a dump does not tell.
fn is_no_case(file: &Path) -> bool {
    let primary = ["~0", "%0"].iter().find_map(|name| std::fs::File::open(file.join(name)).ok());
    let reader = primary.and_then(|primary| hashed::Reader::open(primary, None).ok());
    reader.is_some_and(|reader| reader.header().no_case)
}

/// `\xHH` is a byte.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("\\x") {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let digits = rest.get(at + 2..at + 4).unwrap_or_default();
        match u8::from_str_radix(digits, 16) {
            Ok(byte) => {
                bytes.push(byte);
                rest = &rest[at + 4..];
            }
            Err(_) => {
                bytes.extend_from_slice(b"\\x");
                rest = &rest[at + 2..];
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// Compares a listing; one without a sort as a set of lines.
fn check(report: &mut Report, table: &str, command: &str, expected: &str, got: &str) {
    if expected != got && is_unsorted(command) && sorted_lines(expected) == sorted_lines(got) {
        report.check(table, command, expected, expected);
    } else {
        report.check(table, command, expected, got);
    }
}

fn is_unsorted(command: &str) -> bool {
    let last = command.rsplit(" | ").next().unwrap_or(command);
    let last = last.trim_start_matches("one session: ");
    let ordered = last.contains(" BY ") || last.contains(" BY.");
    (last.starts_with("LIST ") || last.starts_with("LIST.ITEM ")) && !ordered
}

fn sorted_lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

/// One session on a screen of 80 columns, where nobody answers.
struct Session<'s> {
    db: &'s Database,
    order: &'s Order,
    session: tcl::Session,
    screen: Screen,
}

struct Screen {
    lines: usize,
    shown: Vec<u8>,
}

impl Terminal for Screen {
    fn width(&self) -> usize {
        80
    }

    fn height(&self) -> Option<usize> {
        Some(self.lines)
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.shown.extend_from_slice(bytes);
        Ok(())
    }

    fn complain(&mut self, failure: &tcl::Failure) {
        self.shown.extend_from_slice(format!("{failure}\n").as_bytes());
    }

    fn ask(&mut self, _: &str) -> Option<String> {
        None
    }

    fn pause(&mut self) -> PageAnswer {
        PageAnswer::Go
    }

    fn interrupt(&self) -> Arc<AtomicBool> {
        Arc::default()
    }
}

/// One account and no other.
struct Alone;

impl tcl::Host for Alone {
    fn open_account(&mut self, name: &str) -> hal_db::Result<tcl::Account> {
        Err(hal_db::Error::Refused(format!("there is no account {name}")))
    }
}

impl Session<'_> {
    fn new<'s>(db: &'s Database, lines: usize, order: &'s Order) -> Session<'s> {
        let account = tcl::Account { name: "HALDEMO".to_owned(), path: String::new(), db: db.clone() };
        let person = tcl::Person { user: String::new(), number: 1, tty: "none".to_owned() };
        let screen = Screen { lines, shown: Vec::new() };
        Session { db, order, session: tcl::Session::new(account, person), screen }
    }

    fn run(&mut self, command: &str) -> Vec<u8> {
        self.give_order(command);
        let mut world = tcl::World { env: env(), terminal: &mut self.screen, host: &mut Alone };
        self.session.run(command, &mut world);
        std::mem::take(&mut self.screen.shown)
    }

    /// A SAMPLE takes the first records of the file as the engine has them.
    fn give_order(&mut self, command: &str) {
        let Ok(plan) = self
            .db
            .snapshot()
            .map_err(text)
            .and_then(|snapshot| query::parse_command(command, &snapshot).map_err(text))
        else {
            return;
        };
        let first = plan.sample.as_ref().is_some_and(|sample| !sample.sorted);
        let free = plan.from == query::From::Active && self.session.lists().get(0).is_none();
        if first
            && free
            && plan.ids.is_empty()
            && let Some(order) = self.order.get(&plan.file)
        {
            // List 0 takes any number of ids.
            self.session.lists_mut().set(0, order.clone()).ok();
        }
    }
}
