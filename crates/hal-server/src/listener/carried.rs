//! Conversations over a restart: written when the server ends in good order, read and removed when it starts.
//!
//! One JSON object a line, so that a line nobody can read costs one conversation. The file is removed before anybody
//! asks, so that what a later crash forgets is not answered from a memory that is old. It holds words and is readable by
//! its owner only, as the database beside it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter};
use std::path::Path;

use hal_dialog::session::Millis;
use hal_dialog::{Brain, Memory, SavedMemory};
use hal_wire::resume::Kept;
use serde::{Deserialize, Serialize};

use super::sessions::{Answered, KEPT_MS_MAX, Key, Rights, SessionMemory, Sessions};
use crate::private_file;

/// The file's name in the data folder.
pub(super) const FILE: &str = "conversations.jsonl";
const FORMAT: u32 = 2;
/// Longer than any conversation; a longer line is not one of ours.
const LINE_BYTES_MAX: u64 = 1 << 20;

#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    /// When it was written.
    unix_ms: i64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    principal: String,
    id: String,
    /// What it was held under; whoever goes on with other rights begins anew.
    rights: Option<Rights>,
    /// Before the file was written.
    idle_ms: u64,
    round: u64,
    memory: SavedMemory,
    replies: Vec<KeptLine>,
}

#[derive(Serialize, Deserialize)]
struct KeptLine {
    idle_ms: u64,
    #[serde(flatten)]
    kept: Kept,
}

/// What the clocks show: milliseconds that only differ, and those since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub ms: Millis,
    pub unix_ms: i64,
}

/// Writes all conversations that somebody may still come back to, and returns how many.
pub(super) fn write(folder: &Path, sessions: &Sessions, brain: &Brain, now: Now) -> io::Result<usize> {
    let all = sessions.all(now.ms);
    let (path, unfinished) = (folder.join(FILE), folder.join(format!("{FILE}.new")));
    let mut file = BufWriter::new(private_file::create(&unfinished)?);
    write_line(&mut file, &Head { format: FORMAT, unix_ms: now.unix_ms })?;
    for (key, session, used) in &all {
        // Questions were waited for; one that hangs must not keep the server from ending.
        let Some(session) = session.try_lock() else { continue };
        let replies = session.replies(now.ms).map(|Answered { kept, at }| KeptLine {
            idle_ms: now.ms.saturating_sub(*at),
            kept: kept.clone(),
        });
        let line = Line {
            principal: key.principal.clone(),
            id: key.id.clone(),
            rights: session.rights(),
            idle_ms: now.ms.saturating_sub(*used),
            round: session.round,
            memory: session.memory.save(brain),
            replies: replies.collect(),
        };
        write_line(&mut file, &line)?;
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    std::fs::rename(&unfinished, &path)?;
    Ok(all.len())
}

/// Reads what [`write`] left and removes it. Returns how many conversations go on.
pub(super) fn read(folder: &Path, sessions: &Sessions, brain: &Brain, now: Now) -> io::Result<usize> {
    let path = folder.join(FILE);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    std::fs::remove_file(&path)?;
    let mut file = BufReader::new(file);
    let Some(head) = next_line::<Head>(&mut file)?.flatten() else { return Ok(0) };
    if head.format != FORMAT {
        return Ok(0);
    }
    // A clock that was set back in between makes nothing younger than it was.
    let away_ms = u64::try_from(now.unix_ms - head.unix_ms).unwrap_or(0);
    let mut count = 0;
    while let Some(line) = next_line::<Line>(&mut file)? {
        let Some(line) = line else { continue };
        if line.idle_ms.saturating_add(away_ms) > KEPT_MS_MAX {
            continue;
        }
        let at = |idle_ms: u64| now.ms.saturating_sub(idle_ms.saturating_add(away_ms));
        let replies: VecDeque<Answered> = line
            .replies
            .into_iter()
            .map(|KeptLine { idle_ms, kept }| Answered { kept, at: at(idle_ms) })
            .collect();
        let memory: Memory = line.memory.restore(brain);
        let key = Key { principal: line.principal, id: line.id };
        let memory = SessionMemory::new(memory, line.round, replies).held_under(line.rights);
        sessions.put(key, memory, at(line.idle_ms));
        count += 1;
    }
    Ok(count)
}

fn write_line(file: &mut impl io::Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *file, value)?;
    file.write_all(b"\n")
}

/// The next line; inside, `None` for one that cannot be read.
fn next_line<T: for<'de> Deserialize<'de>>(file: &mut BufReader<File>) -> io::Result<Option<Option<T>>> {
    let mut line = Vec::new();
    let count = io::Read::take(&mut *file, LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    Ok((count > 0).then(|| serde_json::from_slice(&line).ok()))
}

#[cfg(test)]
#[path = "carried_tests.rs"]
mod tests;
