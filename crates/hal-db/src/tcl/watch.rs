//! `WATCH`: the change feed as lines, each when it happens.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::verbs::Call;
use super::{Done, Session, World};

/// How often Ctrl-C is looked for, and the commits of another process.
const LOOK: Duration = Duration::from_millis(200);

impl Session {
    /// `WATCH {DICT} file|ALL {FROM n} {COUNT k} {NO.WAIT}`
    ///
    /// A line is the number of the commit, the file, and the ids. It ends at Ctrl-C, after COUNT changes, with NO.WAIT when there is
    /// nothing more. FROM goes on behind the commit of that number.
    pub(super) fn watch(&mut self, call: &Call<'_>, world: &mut World<'_>) -> Done {
        let mut args = call.args()?;
        let from = args.number_after("FROM")?;
        let mut left = args.number_after("COUNT")?.unwrap_or(usize::MAX);
        let no_wait = args.take_anywhere("NO.WAIT");
        let name = args.file()?;
        args.end()?;
        let place = if name.eq_ignore_ascii_case("ALL") { None } else { Some(self.place(&name, world)?) };
        let db = place.as_ref().map_or(&self.account.db, |place| &place.db).clone();
        let start = match from {
            Some(from) => u64::try_from(from).unwrap_or(u64::MAX),
            None => db.snapshot()?.commit_number(),
        };
        let interrupt = world.terminal.interrupt();
        let mut watch = db.watch(start, place.as_ref().map(|place| place.file.as_str()));
        let mut out = self.output(world).without_pages();
        if from.is_none() && !no_wait {
            out.line(&format!("Watching {name} from commit {start}; Ctrl-C ends it"))?;
            out.show();
        }
        let patience = if no_wait { Duration::ZERO } else { LOOK };
        while left > 0 {
            if interrupt.load(Ordering::Relaxed) {
                // The way to end it is not a failure.
                break;
            }
            let Some(piece) = watch.next(patience)? else {
                if no_wait {
                    break;
                }
                continue;
            };
            if piece.missed {
                out.line("Earlier changes are no longer known: look at everything once")?;
            }
            for change in piece.changes.iter().take(left) {
                let ids = match &change.ids {
                    Some(ids) => ids.join(" "),
                    None => "many records".to_owned(),
                };
                out.line(&format!("{}  {}  {ids}", change.commit, change.file))?;
            }
            left = left.saturating_sub(piece.changes.len());
            out.show();
        }
        Ok(())
    }
}
