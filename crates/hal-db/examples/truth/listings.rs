//! The listings: `sales-golden.txt` and the commands of `golden/INDEX.tsv` with their exact output.
//!
//! Each command runs in a session of its own on an account in memory. What it prints is compared byte for byte; lines of
//! a listing without a sort are compared as a set, for the engine lists in the order of its hashed groups. So that a
//! SAMPLE takes the same records, it is given the records in the order of the dump.

use std::path::Path;

use hal_db::query::{self, SelectLists, Verb};
use hal_db::{Database, DynArray, Env, Snapshot, date};

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
    let (db, order) = golden_account(&dir.join("dump"))?;
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

fn golden_account(dump: &Path) -> Result<(Database, Order), String> {
    let mut files: Vec<(String, Vec<(String, DynArray)>)> = Vec::new();
    let mut order = Order::new();
    let entries = std::fs::read_dir(dump).map_err(text)?;
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
    db.write(move |txn| {
        for (name, _) in files.iter().filter(|(name, _)| !name.starts_with("DICT ")) {
            txn.create_file(name)?;
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

/// One session: what the commands of the listings need of a shell.
struct Session<'s> {
    db: &'s Database,
    lines: usize,
    order: &'s Order,
    lists: SelectLists,
}

impl Session<'_> {
    fn new<'s>(db: &'s Database, lines: usize, order: &'s Order) -> Session<'s> {
        Session { db, lines, order, lists: SelectLists::new() }
    }

    fn run(&mut self, command: &str) -> Vec<u8> {
        let mut out = Vec::new();
        if let Err(message) = self.command(command, &mut out) {
            out.extend_from_slice(message.as_bytes());
            out.push(b'\n');
        }
        out
    }

    fn command(&mut self, command: &str, out: &mut Vec<u8>) -> Outcome {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            ["SAVE.LIST", name] => {
                let (_, count) = self.lists.save(0, false).map_err(text)?;
                out.extend(format!("{count} records saved to select list '{name}'\n").into_bytes());
                Ok(())
            }
            ["MERGE.LIST", first, operation, second, "TO", to] => {
                let number = |word: &str| word.parse::<usize>().map_err(text);
                let to = number(to)?;
                let count = self.lists.merge(number(first)?, operation, number(second)?, to).map_err(text)?;
                out.extend(format!("{count} record(s) selected to select list {to}\n").into_bytes());
                Ok(())
            }
            ["CT", file, ids @ ..] => {
                let snapshot = self.db.snapshot().map_err(text)?;
                for id in ids {
                    let record = snapshot.read(file, id).map_err(text)?.ok_or(format!("'{id}' not found"))?;
                    out.extend(format!("{file} {id}\n").into_bytes());
                    for line in query::record_lines(record.as_bytes()) {
                        out.extend(line);
                        out.push(b'\n');
                    }
                }
                Ok(())
            }
            [verb, ..] if Verb::ALL.iter().any(|known| known.word() == *verb) => self.query(command, out),
            [verb, ..] => Err(format!("{verb} is not in your VOC")),
            [] => Ok(()),
        }
    }

    fn query(&mut self, command: &str, out: &mut Vec<u8>) -> Outcome {
        let snapshot: Snapshot = self.db.snapshot().map_err(text)?;
        let plan = query::parse_command(command, &snapshot).map_err(|error| error.message)?;
        let mut list = self.lists.take_for(&plan).map_err(text)?;
        if list.is_none() && plan.ids.is_empty() && plan.sample.as_ref().is_some_and(|sample| !sample.sorted)
        {
            list = self.order.get(&plan.file).cloned();
        }
        let env = env();
        if plan.verb.selects() {
            let selected = snapshot.select(&plan, &env, list.as_deref()).map_err(text)?;
            let to = plan.to;
            let count = self.lists.keep(selected).map_err(text)?;
            out.extend(format!("{count} record(s) selected to list {to}\n").into_bytes());
            return Ok(());
        }
        if matches!(plan.verb, Verb::Reformat | Verb::Sreformat) {
            let done = self.db.write(move |txn| txn.reformat(&plan, &env, list.as_deref())).map_err(text)?;
            let (written, overwritten) = (done.written, done.overwritten);
            out.extend(
                format!("{written} record(s) reformated, {overwritten} record(s) overwritten\n").into_bytes(),
            );
            return Ok(());
        }
        let screen = query::Screen { width: 80, lines: Some(self.lines) };
        snapshot.report(&plan, &env, list.as_deref(), screen, out).map_err(text)?;
        Ok(())
    }
}
