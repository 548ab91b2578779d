//! `hal audit`: who was let in, who asked for what, and what was refused.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use hal_server::auth::{admin, export};
use hal_wire::sign_in::Admin;

use crate::household::{Place, manage, tell};
use crate::report::{self, Exit, Failure};

/// A larger export is not one of a household.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// Show who was let in, who asked for what, and what was refused.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    what: AuditCommand,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Print the last entries: number, time, what, user, device, address, about, files,
    /// result. No words of questions or answers are in it.
    List {
        /// How many.
        #[arg(short = 'n', long, default_value_t = 50)]
        count: usize,
    },
    /// Check that no entry was changed, left out or put in between.
    Verify {
        /// An export to check instead of the log itself.
        file: Option<PathBuf>,
        /// A head that an earlier verification printed: it must still be there.
        #[arg(long, value_name = "HASH")]
        head: Option<String>,
    },
    /// Write all entries into a new file, one JSON object a line, to keep them longer
    /// than `audit.days`; `hal audit verify FILE` checks it anywhere.
    Export { file: PathBuf },
}

impl Audit {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let command = match self.what {
            AuditCommand::List { count } => Admin::AuditList { count },
            AuditCommand::Verify { file: Some(file), head } => return verify(&file, head.as_deref()),
            AuditCommand::Verify { file: None, head } => Admin::AuditVerify { head },
            AuditCommand::Export { file } => return write(&self.place, &file),
        };
        tell(&manage(self.place, &command)?)
    }
}

fn write(place: &Place, path: &Path) -> Result<Exit, Failure> {
    let failed = |error: std::io::Error| {
        let failure = Failure::new(format!("cannot write {}: {error}", path.display()));
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            failure.hint("an export is never written over another: name a new file")
        } else {
            failure
        }
    };
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = None;
    let mut after = 0;
    loop {
        let reply = manage(place.clone(), &Admin::AuditExport { after })?;
        // Not before there is something to write: a file without a line would only be in the way.
        let out = match &mut out {
            Some(out) => out,
            none => none.insert(BufWriter::new(options.open(path).map_err(failed)?)),
        };
        for line in &reply.lines {
            writeln!(out, "{line}").map_err(failed)?;
        }
        let last = reply.lines.last().and_then(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        // The first line of all has no number: a log without entries ends there.
        match last.and_then(|last| last["number"].as_u64()) {
            Some(number) => after = number,
            None => break,
        }
    }
    let out = out.map(BufWriter::into_inner).transpose().map_err(|error| failed(error.into_error()))?;
    if let Some(file) = out {
        file.sync_all().map_err(failed)?;
    }
    report::talk(format_args!("written: {}", path.display()));
    verify(path, None)
}

fn verify(path: &Path, head: Option<&str>) -> Result<Exit, Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("cannot read {}: {error}", path.display()));
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text)).map_err(failed)?;
    let found = export::verify(text.lines(), head)
        .map_err(|fault| Failure::new(format!("{}: {fault}", path.display())))?;
    report::data(&format!("{}\n", admin::verified(&found).join("\n")))?;
    Ok(Exit::Done)
}
