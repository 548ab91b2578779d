//! `hal user`, `hal device`, `hal audit`, and the owner's half of `hal pair`: who may ask this household what.
//!
//! Through the server where one runs on the data folder, else on its files.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use hal_server::auth::{ADDRESS_FILE, Auth, FOLDER, OWNER_TOKEN_FILE, Rule, admin};
use hal_wire::sign_in::{Admin, AdminReply, Request, from_line};

use super::db;
use crate::report::{self, Exit, Failure};

const CONNECT_LIMIT: Duration = Duration::from_secs(2);
const REPLY_LIMIT: Duration = Duration::from_secs(30);
/// The longest reply: ten thousand lines of the audit log.
const REPLY_BYTES_MAX: u64 = 8 << 20;

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

/// Which household.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Folder of the database; else that of HAL_DATA, else the usual place.
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
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

impl Audit {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let command = match self.what {
            AuditCommand::List { count } => Admin::AuditList { count },
            AuditCommand::Verify { head } => Admin::AuditVerify { head },
        };
        tell(&manage(self.place, &command)?)
    }
}

fn tell(reply: &AdminReply) -> Result<Exit, Failure> {
    let mut text = reply.lines.join("\n");
    text.push('\n');
    report::data(&text)?;
    Ok(Exit::Done)
}

/// Does it through the server that runs on the data folder, or on its files.
///
/// # Errors
/// What was refused; a server that has the files and does not answer.
pub(crate) fn manage(place: Place, command: &Admin) -> Result<AdminReply, Failure> {
    let data = db::existing(place.data)?;
    let folder = data.join(FOLDER);
    let reply = match ask(&folder, command)? {
        Some(reply) => reply,
        None => directly(&data, command)?,
    };
    match &reply.error {
        Some(error) => Err(Failure::from_words(error)),
        None => Ok(reply),
    }
}

/// Asks the server; `None` where none runs.
fn ask(folder: &Path, command: &Admin) -> Result<Option<AdminReply>, Failure> {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    let address = read(ADDRESS_FILE).and_then(|text| text.trim().parse::<SocketAddr>().ok());
    let Some(address) = address else { return Ok(None) };
    // The file of a server that has ended may still be there.
    let Ok(mut stream) = TcpStream::connect_timeout(&address, CONNECT_LIMIT) else { return Ok(None) };
    let failed = |why: &str| {
        Failure::new(format!("the server at {address} did not answer: {why}"))
            .hint("see its log, or stop it and try again")
    };
    let token = read(OWNER_TOKEN_FILE).unwrap_or_default().trim().to_owned();
    let request = Request::Admin { token: token.into(), admin: command.clone() };
    let exchange = || -> std::io::Result<Vec<u8>> {
        stream.set_read_timeout(Some(REPLY_LIMIT))?;
        stream.write_all(&request.to_line())?;
        let mut line = Vec::new();
        BufReader::new(stream.take(REPLY_BYTES_MAX)).read_until(b'\n', &mut line)?;
        Ok(line)
    };
    let line = exchange().map_err(|error| failed(&error.to_string()))?;
    from_line(&line).map(Some).ok_or_else(|| failed("it is not the server of this folder"))
}

fn directly(data: &Path, command: &Admin) -> Result<AdminReply, Failure> {
    let now_ms = hal_server::clock::Clock::start().unix_ms();
    // Who may write the files may do everything with them anyway.
    let auth = Auth::open(data, Rule::LoopbackOpen)?;
    auth.ensure_owner(None, now_ms)?;
    let owner = auth.directory().local().ok_or_else(|| Failure::new("the household has no owner"))?;
    let reply = admin::run(&auth, &owner, command, now_ms);
    auth.flush();
    Ok(reply)
}

/// What somebody of the household may do with its database.
///
/// # Errors
/// There is no such user; the server has the files of sign-in.
pub(crate) fn access_of(data: &Path, user: &str) -> Result<hal_db::Access, Failure> {
    let directory = hal_server::auth::read_directory(data)?;
    let user = directory.user(user).map_err(|fault| Failure::new(fault.to_string()))?;
    let principal = directory.as_user(&user.id).ok_or_else(|| Failure::new("there is no such user"))?;
    Ok(principal.access)
}
