//! Users, devices and the audit log of this machine's household, for the commands that manage them.
//!
//! Through the server where one runs on the data folder, else on its files.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use hal_server::auth::{ADDRESS_FILE, Auth, FOLDER, OWNER_TOKEN_FILE, Rule, admin};
use hal_wire::sign_in::{Admin, AdminReply, Request, from_line};

use crate::cmd::existing_data;
use crate::report::{self, Exit, Failure};

const CONNECT_LIMIT: Duration = Duration::from_secs(2);
const REPLY_LIMIT: Duration = Duration::from_secs(30);
/// The longest reply: ten thousand lines of the audit log.
const REPLY_BYTES_MAX: u64 = 8 << 20;

/// Which household.
#[derive(Clone, Debug, Args)]
pub(crate) struct Place {
    /// Folder of the database; else that of HAL_DATA, else the usual place.
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
}

impl Place {
    /// The data folder.
    ///
    /// # Errors
    /// There is no database in it.
    pub(crate) fn folder(&self) -> Result<PathBuf, Failure> {
        existing_data(self.data.clone())
    }
}

/// Prints the lines of a reply.
///
/// # Errors
/// stdout cannot be written.
pub(crate) fn tell(reply: &AdminReply) -> Result<Exit, Failure> {
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
    let data = existing_data(place.data)?;
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
