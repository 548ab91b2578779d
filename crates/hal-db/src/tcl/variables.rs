//! @-variables of the command line (22). The date and the time need the world; the rest is the session's own.

use super::{Session, World};
use crate::date;

impl Session {
    /// The value of `@NAME`, with those that depend on the clock and the screen.
    pub(super) fn variable_at(&self, word: &str, world: &World<'_>) -> Option<String> {
        let upper = word.to_ascii_uppercase();
        let (year, month, day) = date::ymd_from_day(world.env.today);
        let (width, height) = self.screen.of(world.terminal);
        Some(match upper.as_str() {
            "@DATE" => world.env.today.to_string(),
            "@TIME" => world.env.second.to_string(),
            "@DAY" => format!("{day:02}"),
            "@MONTH" => format!("{month:02}"),
            "@YEAR" => format!("{:02}", year.rem_euclid(100)),
            "@YEAR4" => format!("{year:04}"),
            "@CRTWIDE" => width.to_string(),
            "@CRTHIGH" => height.unwrap_or(0).to_string(),
            _ => return self.variable(word),
        })
    }

    /// The value of `@NAME`, where the session knows it.
    pub(super) fn variable(&self, word: &str) -> Option<String> {
        let name = word.strip_prefix('@')?.to_ascii_uppercase();
        let number = |number: i64| number.to_string();
        Some(match name.as_str() {
            "SELECTED" => self.selected.to_string(),
            "SYSTEM.RETURN.CODE" => number(self.return_code),
            "USER.RETURN.CODE" => self.user_variables[5].clone(),
            "USER0" | "USER1" | "USER2" | "USER3" | "USER4" => {
                self.user_variables[usize::from(name.as_bytes()[4] - b'0')].clone()
            }
            "SENTENCE" => self.sentence.clone(),
            "COMMAND" => self.command.clone(),
            "LOGNAME" | "USER" => self.person.user.clone(),
            "USERNO" => self.person.number.to_string(),
            "WHO" => self.account.name.clone(),
            "PATH" => self.account.path.clone(),
            "TTY" => self.person.tty.clone(),
            "LPTRWIDE" => "80".to_owned(),
            "LPTRHIGH" => "66".to_owned(),
            "TRUE" => "1".to_owned(),
            "FALSE" => "0".to_owned(),
            "TRANSACTION.LEVEL" => self.user.transaction_level().to_string(),
            // One a session: its number says which.
            "TRANSACTION.ID" if self.user.in_transaction() => self.user.number().to_string(),
            "TRANSACTION.ID" => "0".to_owned(),
            "VOC" => "VOC".to_owned(),
            "DS" => "/".to_owned(),
            "IP.ADDR" | "HOSTNAME" | "ANS" => String::new(),
            _ => return None,
        })
    }

    /// Sets `@USER0` to `@USER4` or `@USER.RETURN.CODE`; `false` for another name.
    pub(super) fn set_variable(&mut self, word: &str, value: &str) -> bool {
        let upper = word.to_ascii_uppercase();
        let at = match upper.as_str() {
            "@USER.RETURN.CODE" => 5,
            "@USER0" | "@USER1" | "@USER2" | "@USER3" | "@USER4" => usize::from(upper.as_bytes()[5] - b'0'),
            _ => return false,
        };
        value.clone_into(&mut self.user_variables[at]);
        true
    }
}
