//! HELP: the commands by what they are for, or one of them.

use super::failure::{ARGUMENTS, Failure};
use super::verbs::{Call, GROUPS, VERBS, builtin};
use super::{Done, Session, World};

/// What a query may hold, for HELP LIST and its like.
const QUERY: &str = "\
WITH item = \"value\"   only records of this value; also # < > <= >= LIKE UNLIKE
                      SAID BETWEEN; AND, OR, ( ); WITH EVERY, WITHOUT, WHEN
BY item               in this order; BY.DSND downwards, BY.EXP value by value
items                 what is shown; EVAL \"expression\" computes
TOTAL item            sums; also AVERAGE MAX MIN ENUM PERCENT
BREAK.ON item         groups
HEADING \"text\"        also FOOTING
NO.PAGE DET.SUP ID.SUP HDR.SUP COL.SUP COUNT.SUP DBL.SPC VERT
SAMPLE n              the first n; FROM n takes ids from select list n
CSV, DELIM \"|\", JSON   for programs";

impl Session {
    pub(super) fn help(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let topic = args.next().map(|word| word.text.to_uppercase());
        let mut lines: Vec<String> = Vec::new();
        match topic {
            None => overview(&mut lines),
            Some(topic) => {
                let verb = builtin(&topic).filter(|verb| !verb.about.is_empty());
                let verb = verb.ok_or_else(|| {
                    Failure::new(ARGUMENTS, format!("There is no help on {topic}"))
                        .hint("HELP lists the commands")
                })?;
                lines.push(verb.usage.to_owned());
                lines.push(format!("    {}", verb.about));
                if verb.group == GROUPS[0] || matches!(verb.name, "SELECT" | "SSELECT" | "SEARCH") {
                    lines.push(String::new());
                    lines.extend(QUERY.lines().map(str::to_owned));
                }
            }
        }
        let mut out = self.output(world);
        Ok(lines.iter().try_for_each(|line| out.line(line))?)
    }
}

fn overview(lines: &mut Vec<String>) {
    for group in GROUPS {
        lines.push((*group).to_owned());
        for verb in VERBS.iter().filter(|verb| verb.group == *group) {
            lines.push(format!("    {:<14} {}", verb.name, verb.about));
        }
    }
    lines.push(String::new());
    lines.push("HELP command shows how one is written. .? shows the commands of the stack.".to_owned());
    lines.push("LISTF shows the files, LISTDICT file what is in one.".to_owned());
}
