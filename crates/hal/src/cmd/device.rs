//! `hal device`: what belongs to them and asks for them.

use clap::{Args, Subcommand};
use hal_wire::sign_in::Admin;

use crate::household::{Place, manage, tell};
use crate::report::{self, Exit, Failure};

/// Add, list and shut out devices.
///
/// A device belongs to a user and may do what they may, within its scope:
/// `personal` for a telephone or computer of their own, `kitchen` for a speaker
/// that everybody in the room can use, or one of access.toml.
#[derive(Debug, Args)]
pub(crate) struct Device {
    #[command(subcommand)]
    what: DeviceCommand,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum DeviceCommand {
    /// Add a device and print its token, once.
    Add {
        user: String,
        name: String,
        #[arg(long, default_value = "personal")]
        scope: String,
        /// After so many days the token ends by itself.
        #[arg(long, value_name = "N")]
        days: Option<u32>,
    },
    /// List all devices.
    List,
    /// Shut a device out, at once: by its id, or its name where that is clear.
    Revoke { device: String },
}

impl Device {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let command = match self.what {
            DeviceCommand::Add { user, name, scope, days } => Admin::DeviceAdd { user, name, scope, days },
            DeviceCommand::List => Admin::DeviceList,
            DeviceCommand::Revoke { device } => Admin::DeviceRevoke { device },
        };
        let reply = manage(self.place, &command)?;
        let Some(token) = &reply.secret else { return tell(&reply) };
        // The token alone is data: `TOKEN=$(hal device add …)`.
        reply.lines.iter().for_each(report::talk);
        report::talk("its token, which is not shown again; give it to the device as HAL_TOKEN:");
        report::data(&format!("{}\n", token.expose()))?;
        Ok(Exit::Done)
    }
}
