//! `hal audit`: who was let in, who asked for what, and what was refused.

use clap::{Args, Subcommand};
use hal_wire::sign_in::Admin;

use crate::household::{Place, manage, tell};
use crate::report::{Exit, Failure};

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
        /// A head that an earlier verification printed: it must still be there.
        #[arg(long, value_name = "HASH")]
        head: Option<String>,
    },
}

impl Audit {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let command = match self.what {
            AuditCommand::List { count } => Admin::AuditList { count },
            AuditCommand::Verify { head } => Admin::AuditVerify { head },
        };
        tell(&manage(self.place, &command)?)
    }
}
