//! `hal user`: the people of the household.

use clap::{Args, Subcommand};
use hal_wire::sign_in::Admin;

use crate::household::{Place, manage, tell};
use crate::report::{Exit, Failure};

/// Add, list and remove the people of the household.
///
/// An owner may do everything; a member reads the household's records, and what
/// they asked themselves; a guest may ask for the time and the shopping list.
/// `access.toml` in the data folder changes that, or adds roles.
#[derive(Debug, Args)]
pub(crate) struct User {
    #[command(subcommand)]
    what: UserCommand,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Add somebody.
    Add {
        /// Small letters, digits and dashes.
        id: String,
        /// What people call them [default: the id].
        #[arg(long)]
        name: Option<String>,
        /// owner, member, guest, or one of access.toml.
        #[arg(long, default_value = "member")]
        role: String,
        /// Id of their record in PERSON: whose records "my" means.
        #[arg(long, value_name = "ID")]
        person: Option<String>,
    },
    /// List everybody.
    List,
    /// Give somebody another role; it counts from their next question on.
    Role { id: String, role: String },
    /// Remove somebody with all devices.
    Remove { id: String },
}

impl User {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let command = match self.what {
            UserCommand::Add { id, name, role, person } => {
                Admin::UserAdd { name: name.unwrap_or_else(|| id.clone()), id, role, person }
            }
            UserCommand::List => Admin::UserList,
            UserCommand::Role { id, role } => Admin::UserRole { id, role },
            UserCommand::Remove { id } => Admin::UserRemove { id },
        };
        tell(&manage(self.place, &command)?)
    }
}
