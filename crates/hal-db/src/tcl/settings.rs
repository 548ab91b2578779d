//! The session itself: its account, screen, options, clock and locks (22, 27).

use super::failure::{self, Failure};
use super::verbs::Call;
use super::{Done, Session, Terminal, World};
use crate::conv;

/// Columns of a printer's sheet.
pub(super) const PRINTER_WIDTH: usize = 80;

/// Options that change what a sentence means.
const SERVED: &[&str] = &[
    "QUERY.PRIORITY.AND",
    "WITH.IMPLIES.OR",
    "PICK.IMPLIED.EQ",
    "PICK.WILDCARD",
    "PICK.WILDCARDS",
    "PICK.IMPLIED.EQ",
];

/// A size that TERM has set; 0 for that of the terminal itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Size {
    width: usize,
    height: usize,
}

impl Size {
    /// Columns and lines that are in force; no lines where nothing is divided into pages.
    pub(super) fn of(self, terminal: &dyn Terminal) -> (usize, Option<usize>) {
        let width = if self.width > 0 { self.width } else { terminal.width() };
        let height = terminal.height().map(|height| if self.height > 0 { self.height } else { height });
        (width.clamp(20, 32_000), height)
    }
}

impl Session {
    /// `TERM`, `TERM width{,height}`, `TERM DEFAULT`
    pub(super) fn term(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        if args.take("DEFAULT") {
            self.screen = Size::default();
        } else if let Some(width) = args.next() {
            let number =
                |text: &str| text.parse::<usize>().ok().filter(|number| (1..=32_000).contains(number));
            let mut size = self.screen;
            size.width = number(&width.text).filter(|width| *width >= 20).ok_or_else(|| args.wrong())?;
            if let Some(height) = args.next() {
                size.height =
                    number(&height.text).filter(|height| *height >= 5).ok_or_else(|| args.wrong())?;
            }
            self.screen = size;
            return args.end();
        }
        args.end()?;
        let (width, height) = self.screen.of(world.terminal);
        let tty = self.person.tty.clone();
        let mut out = self.output(world);
        out.line("            Terminal   Printer")?;
        out.line(&format!("Page width  {width:>8}   {PRINTER_WIDTH:>7}"))?;
        let lines = height.map_or_else(|| "no pages".to_owned(), |height| height.to_string());
        out.line(&format!("Page length {lines:>8}   {:>7}", 66))?;
        Ok(out.line(&format!("Terminal is {tty}"))?)
    }

    pub(super) fn who(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        call.args()?.end()?;
        let line = format!("{} {}", self.person.number, self.account.name);
        Ok(self.output(world).line(&line)?)
    }

    pub(super) fn listu(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        call.args()?.end()?;
        let person = self.person.clone();
        let account = self.account.name.clone();
        let mut out = self.output(world);
        out.line("Uid   User           Account        Terminal")?;
        Ok(out.line(&format!("{:<5} {:<14} {account:<14} {}", person.number, person.user, person.tty))?)
    }

    pub(super) fn status(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        call.args()?.end()?;
        let snapshot = self.account.db.snapshot()?;
        let mut lines = vec![
            format!("Account    {}", self.account.name),
            format!("Path       {}", self.account.path),
            format!("User       {} {}", self.person.number, self.person.user),
            format!("Files      {}", snapshot.files()?.len()),
            format!("Commit     {}", snapshot.commit_number()),
        ];
        for (number, size) in super::lists::active(&self.lists) {
            lines.push(format!("List {number:<2}    {size} id(s)"));
        }
        let mut out = self.output(world);
        Ok(lines.iter().try_for_each(|line| out.line(line))?)
    }

    /// `DATE` shows the day; `DATE 21515` the day of a number, `DATE "25 NOV 2026"` the number of a day.
    pub(super) fn date(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let asked = call.rest.trim().trim_matches(['"', '\'']).to_owned();
        let show = |day: i64, code: &str| shown(&day.to_string(), code);
        let env = world.env;
        let line = if asked.is_empty() {
            let (day, time) = (show(env.today, "DWA"), shown(&env.second.to_string(), "MTH"));
            format!("{}, {}  {time}", capitalised(&day), show(env.today, "D4"))
        } else if let Ok(day) = asked.parse::<i64>() {
            show(day, "D4")
        } else {
            let (stored, status) = conv::iconv(asked.as_bytes(), "D", &env);
            if status != conv::Status::Ok {
                return Err(Failure::new(failure::ARGUMENTS, format!("'{asked}' is not a date")));
            }
            String::from_utf8_lossy(&stored).into_owned()
        };
        Ok(self.output(world).line(&line)?)
    }

    pub(super) fn time(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        call.args()?.end()?;
        let line = format!(
            "{}  {}",
            shown(&world.env.second.to_string(), "MTS"),
            shown(&world.env.today.to_string(), "D4")
        );
        Ok(self.output(world).line(&line)?)
    }

    pub(super) fn create_account(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let name = args.word()?;
        args.take("NO.QUERY");
        args.end()?;
        let made = world.host.create_account(&name)?;
        let mut out = self.output(world);
        Ok(out.line(&format!("Account {} is made in {}; LOGTO {name} works in it", made.name, made.path))?)
    }

    pub(super) fn logto(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let name = args.word()?;
        args.end()?;
        if name.eq_ignore_ascii_case(&self.account.name) {
            return Ok(());
        }
        if self.user.in_transaction() {
            return Err(Failure::new(failure::NOT_IN_TRANSACTION, "A transaction stays in its account")
                .hint("COMMIT or ROLLBACK it first"));
        }
        // Two openings of one account would shut each other out, so the lists go with the account, not the account first.
        self.account = Session::open_account(&name, world)?;
        self.user = self.account.db.session();
        self.as_of = None;
        self.unsynced = false;
        self.lists.clear_all();
        Ok(())
    }

    /// `OPTION name {ON|OFF|DISPLAY}`, `OPTION ALL OFF`, `OPTION` shows those that are on.
    pub(super) fn option(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let Some(name) = args.next() else {
            let names: Vec<String> = self.options.iter().cloned().collect();
            let mut out = self.output(world);
            return Ok(names.iter().try_for_each(|name| out.line(name))?);
        };
        let name = name.text.to_uppercase();
        if args.take("DISPLAY") {
            let on = if self.options.contains(&name) { "on" } else { "off" };
            return Ok(self.output(world).line(&format!("Option {name} is {on}"))?);
        }
        if args.take("OFF") {
            if name == "ALL" {
                self.options.clear();
            } else {
                self.options.remove(&name);
            }
            return args.end();
        }
        args.take("ON");
        args.end()?;
        if self.options.len() < 100 {
            self.options.insert(name.clone());
        }
        let line = if SERVED.contains(&name.as_str()) {
            format!("Option {name} is on")
        } else {
            format!("Option {name} is noted; HAL behaves the same with and without it")
        };
        Ok(self.output(world).line(&line)?)
    }

    pub(super) fn date_format(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        if args.take("ON") {
            return Err(Failure::new(failure::BARRED, "Dates are read month first here")
                .hint("conversions with E, as in D4/E, read and show the day first"));
        }
        args.take("OFF");
        args.end()?;
        Ok(self.output(world).line("Date format is OFF (month first)")?)
    }

    pub(super) fn clear_screen(&mut self, _: &Call<'_>, world: &mut World<'_>) -> Done {
        world.terminal.clear();
        Ok(())
    }

    pub(super) fn off(&mut self, _: &Call<'_>, _: &mut World<'_>) -> Done {
        self.off = true;
        Ok(())
    }

    pub(super) fn no_system(&mut self, call: &Call<'_>, _: &mut World<'_>) -> Done {
        Err(Failure::new(
            failure::BARRED,
            format!("{}: commands of the operating system are off", call.verb.name),
        ))
    }

    pub(super) fn no_show(&mut self, _: &Call<'_>, _: &mut World<'_>) -> Done {
        Err(Failure::new(failure::BARRED, "SHOW: HAL has no screen to pick records from")
            .hint("SELECT file WITH … chooses them, LIST shows them"))
    }

    pub(super) fn no_programs(&mut self, call: &Call<'_>, _: &mut World<'_>) -> Done {
        Err(Failure::new(failure::BARRED, format!("{}: HAL runs no BASIC programs", call.verb.name))
            .hint("write commands that belong together as a paragraph: .S saves them"))
    }

    /// Commands that the program itself has.
    pub(super) fn elsewhere(&mut self, call: &Call<'_>, _: &mut World<'_>) -> Done {
        let command = match call.verb.name {
            "BACKUP" => "hal db backup FILE",
            "RESTORE" => "hal db restore FILE",
            "VERIFY" => "hal db verify",
            "IMPORT.QM" => "hal db import-qm PATH",
            "EXPORT.QM" => "hal db export-qm PATH",
            _ => "hal db export FILE --csv|--json, hal db import FILE",
        };
        Err(Failure::new(failure::BARRED, format!("{} is not a command in here", call.verb.name))
            .hint(format!("leave with OFF, then: {command}")))
    }
}

/// A number as a conversion shows it.
fn shown(value: &str, code: &str) -> String {
    String::from_utf8_lossy(&conv::oconv(value.as_bytes(), code).0).into_owned()
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters.flat_map(char::to_lowercase)).collect()
    })
}
