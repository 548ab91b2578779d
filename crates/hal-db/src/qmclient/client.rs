//! The session: login, account, files, records, commands. After a fault of the connection it refuses everything.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::ops::ControlFlow;
use std::time::Duration;

use super::wire::{
    Function, Outcome, Reply, await_greeting, push_counted, push_request, receive, send, send_packets,
};
use super::{Address, ClientError};
use crate::dynarray::{FM, Record};
use crate::hashed::{Encoding, id_from_text, id_to_text};

/// Longest user or password that the server takes.
const CREDENTIAL_BYTES_MAX: usize = 32;
/// From here the server cuts an id and would read another record.
const ID_BYTES_MAX: usize = 99;
/// The select list that is used; commands of the user have 0.
const LIST: i16 = 9;
/// Reads that are under way together. Few enough that all requests fit into the buffers of a socket: a server that answers
/// before it has read them all can then never wait for a client that still writes.
const READS_AT_ONCE: usize = 32;
/// Record ids of one file that are taken.
const IDS_MAX: usize = 5_000_000;
/// Texts of the server in errors, in characters.
const TEXT_MAX: usize = 300;

/// Who asks. The password appears nowhere else: not in `Debug`, not in errors.
#[derive(Clone)]
pub struct Credentials {
    user: String,
    password: String,
}

impl Credentials {
    /// User and password as the server's machine knows them.
    #[must_use]
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Credentials {
        Credentials { user: user.into(), password: password.into() }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// How long things may take, and how the account's text is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// To reach the machine.
    pub connect: Duration,
    /// From a request to the last byte of its reply. A login that fails takes the server three seconds.
    pub reply: Duration,
    /// Encoding of ids and records.
    pub encoding: Encoding,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            connect: Duration::from_secs(5),
            reply: Duration::from_secs(30),
            encoding: Encoding::default(),
        }
    }
}

/// A connection whose next read or write can be given a limit.
pub trait Socket: Read + Write {
    /// Limits the reads and writes that follow; `limit` is not zero.
    ///
    /// # Errors
    /// When the system refuses.
    fn set_limit(&mut self, limit: Duration) -> io::Result<()>;
}

impl Socket for TcpStream {
    fn set_limit(&mut self, limit: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(limit))?;
        self.set_write_timeout(Some(limit))
    }
}

/// Gives the time since any fixed moment; there is no clock in this crate.
type Now = Box<dyn Fn() -> Duration + Send>;

/// Takes a record of [`Client::read_each`] with its id; `Break` stops.
pub type Visit<'a> = dyn FnMut(&str, Result<Option<Record>, ClientError>) -> ControlFlow<()> + 'a;

/// An open file of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    number: i16,
    name: String,
}

/// A session with a server.
pub struct Client<S = TcpStream> {
    socket: S,
    options: Options,
    now: Now,
    /// Why the session cannot be used any more: replies would belong to other requests.
    dead: Option<ClientError>,
}

impl<S> fmt::Debug for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Client<TcpStream> {
    /// Connects, logs in and enters the account of the address.
    ///
    /// `now` is a clock that never goes back: the time since any fixed moment. Looking up the host's name may take longer than
    /// the limit, as the system has no way to limit it.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`], [`ClientError::TimedOut`], [`ClientError::Login`], [`ClientError::Account`],
    /// [`ClientError::Protocol`].
    pub fn connect(
        address: &Address,
        credentials: &Credentials,
        options: Options,
        now: impl Fn() -> Duration + Send + 'static,
    ) -> Result<Client, ClientError> {
        let server = format!("{}:{}", address.host, address.port);
        let unreachable = |reason: String| ClientError::Unreachable { server: server.clone(), reason };
        let places = (address.host.as_str(), address.port)
            .to_socket_addrs()
            .map_err(|error| unreachable(error.to_string()))?;
        let mut last = "the name has no address".to_owned();
        for place in places {
            match TcpStream::connect_timeout(&place, options.connect) {
                Ok(socket) => {
                    socket.set_nodelay(true).map_err(|error| unreachable(error.to_string()))?;
                    return Client::over(socket, &address.account, credentials, options, now);
                }
                Err(error) => last = error.to_string(),
            }
        }
        Err(unreachable(last))
    }
}

impl<S: Socket> Client<S> {
    /// Logs in over a connection that is there.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub fn over(
        socket: S,
        account: &str,
        credentials: &Credentials,
        options: Options,
        now: impl Fn() -> Duration + Send + 'static,
    ) -> Result<Client<S>, ClientError> {
        let mut client = Client { socket, options, now: Box::new(now), dead: None };
        let deadline = (client.now)() + client.options.reply;
        await_greeting(&mut Limited { client: &mut client, deadline })?;
        client.login(credentials)?;
        let reply = client.ask(Function::Account, account.as_bytes())?;
        if reply.outcome != Outcome::Ok {
            // Such a session opens no file any more: it is given up.
            client.quit();
            return Err(ClientError::Account(account.to_owned()));
        }
        Ok(client)
    }

    fn login(&mut self, credentials: &Credentials) -> Result<(), ClientError> {
        let (user, password) = (credentials.user.as_bytes(), credentials.password.as_bytes());
        if user.is_empty() || user.len() > CREDENTIAL_BYTES_MAX || user.starts_with(b"$") {
            return Err(ClientError::Login("the user's name is not one that it takes".to_owned()));
        }
        if password.len() > CREDENTIAL_BYTES_MAX {
            return Err(ClientError::Login("the password is longer than 32 bytes".to_owned()));
        }
        let mut data = Vec::new();
        push_counted(&mut data, user);
        push_counted(&mut data, password);
        let reply = self.ask(Function::Login, &data)?;
        match reply.outcome {
            Outcome::Ok => Ok(()),
            _ => {
                let error = ClientError::Login(words(&reply.data));
                self.dead = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Opens a file; `DICT name` is its dictionary.
    ///
    /// # Errors
    /// [`ClientError::NoSuchFile`]; those of the connection.
    pub fn open(&mut self, name: &str) -> Result<File, ClientError> {
        let reply = self.ask(Function::Open, name.as_bytes())?;
        match reply.outcome {
            Outcome::Ok => match reply.data.first_chunk::<2>() {
                Some(number) => Ok(File { number: i16::from_le_bytes(*number), name: name.to_owned() }),
                None => Err(self.give_up("it gives no number for the file")),
            },
            Outcome::Else => Err(ClientError::NoSuchFile { file: name.to_owned(), status: reply.status }),
            _ => Err(self.fault(reply)),
        }
    }

    /// Closes a file.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn close(&mut self, file: File) -> Result<(), ClientError> {
        let reply = self.ask(Function::Close, &file.number.to_le_bytes())?;
        if reply.outcome == Outcome::Ok { Ok(()) } else { Err(self.fault(reply)) }
    }

    /// Reads a record without a lock; `None` when there is none.
    ///
    /// # Errors
    /// [`ClientError::Refused`] for an id that the server would cut; [`ClientError::Locked`]; those of the connection.
    pub fn read(&mut self, file: &File, id: &str) -> Result<Option<Record>, ClientError> {
        let data = self.read_request(file, id)?;
        let reply = self.ask(Function::Read, &data)?;
        match reply.outcome {
            Outcome::Ok => Ok(Some(self.record(&reply))),
            Outcome::Else => Ok(None),
            _ => Err(self.fault(reply)),
        }
    }

    /// Reads many records, several requests travelling together; `visit` gets each with its id, in order, `None` for one that is
    /// not there, and gives `Break` to stop. What goes wrong with one record alone is handed to `visit` as well.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn read_each(
        &mut self,
        file: &File,
        ids: &[String],
        visit: &mut Visit<'_>,
    ) -> Result<(), ClientError> {
        for window in ids.chunks(READS_AT_ONCE) {
            let mut packets = Vec::new();
            let mut asked = Vec::new();
            let mut flow = ControlFlow::Continue(());
            for id in window {
                match self.read_request(file, id) {
                    Ok(data) => {
                        push_request(&mut packets, Function::Read, &data)?;
                        asked.push(id);
                    }
                    Err(error) if flow.is_continue() => flow = visit(id, Err(error)),
                    Err(_) => {}
                }
            }
            self.exchange(|limited| send_packets(limited, &packets))?;
            for id in asked {
                // Replies that are under way are taken off the wire even when nobody wants them any more.
                let result = match self.exchange(|limited| receive(limited)) {
                    Ok(reply) => match reply.outcome {
                        Outcome::Ok => Ok(Some(self.record(&reply))),
                        Outcome::Else => Ok(None),
                        Outcome::Locked => Err(ClientError::Locked { user: reply.status }),
                        // Its text could only be asked for behind the replies that are still to come.
                        _ => Err(ClientError::Server { text: words(&reply.data), status: reply.status }),
                    },
                    Err(error) if error.ends_session() => return Err(error),
                    Err(error) => Err(error),
                };
                if flow.is_continue() {
                    flow = visit(id, result);
                }
            }
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn read_request(&self, file: &File, id: &str) -> Result<Vec<u8>, ClientError> {
        let bytes = id_from_text(id);
        let Some(bytes) = self.options.encoding.encode(&bytes) else {
            return Err(ClientError::Refused(
                "the id has a character that the server's encoding lacks".to_owned(),
            ));
        };
        if bytes.is_empty() || bytes.len() > ID_BYTES_MAX {
            return Err(ClientError::Refused(format!("an id of {} bytes cannot be asked for", bytes.len())));
        }
        Ok([&file.number.to_le_bytes(), bytes.as_ref()].concat())
    }

    fn record(&self, reply: &Reply) -> Record {
        Record::from_bytes(self.options.encoding.decode(&reply.data).into_owned())
    }

    /// The ids of all records of a file, in the server's order.
    ///
    /// # Errors
    /// [`ClientError::Protocol`] past five million ids or 64 MiB; those of the connection.
    pub fn ids(&mut self, file: &File) -> Result<Vec<String>, ClientError> {
        let data = [file.number.to_le_bytes(), LIST.to_le_bytes()].concat();
        let reply = self.ask(Function::Select, &data)?;
        if reply.outcome != Outcome::Ok {
            return Err(self.fault(reply));
        }
        let reply = self.ask(Function::ReadList, &LIST.to_le_bytes())?;
        match reply.outcome {
            Outcome::Ok => {}
            Outcome::Else => return Ok(Vec::new()),
            _ => return Err(self.fault(reply)),
        }
        let cleared = self.ask(Function::ClearSelect, &LIST.to_le_bytes())?;
        if cleared.outcome != Outcome::Ok {
            return Err(self.fault(cleared));
        }
        let ids = reply.data.split(|&b| b == FM).filter(|id| !id.is_empty());
        let ids: Vec<String> =
            ids.take(IDS_MAX + 1).map(|id| id_to_text(&self.options.encoding.decode(id)).0).collect();
        if ids.len() > IDS_MAX {
            return Err(ClientError::Protocol(format!("{} has more than {IDS_MAX} ids", file.name)));
        }
        Ok(ids)
    }

    /// Runs a command or query; gives what it prints, a line each.
    ///
    /// # Errors
    /// [`ClientError::Prompt`] when it wants input (it is ended then); [`ClientError::Server`] when it aborts;
    /// those of the connection.
    pub fn execute(&mut self, sentence: &str) -> Result<String, ClientError> {
        if sentence.is_empty() || sentence.contains(['\n', '\r', '\0']) {
            return Err(ClientError::Refused("a sentence is one line".to_owned()));
        }
        let sentence = self.options.encoding.encode(sentence.as_bytes()).ok_or_else(|| {
            ClientError::Refused("the sentence has a character that the server's encoding lacks".to_owned())
        })?;
        let reply = self.ask(Function::Execute, &sentence)?;
        match reply.outcome {
            Outcome::Ok => Ok(self.lines(&reply.data)),
            Outcome::Prompt => {
                // Any other request would abort the program, and what it had printed would be lost.
                let asked = words(&reply.data);
                let ended = self.ask(Function::EndCommand, &[])?;
                if ended.outcome == Outcome::Prompt {
                    return Err(self.give_up("it goes on asking after the command was ended"));
                }
                Err(ClientError::Prompt(asked))
            }
            _ => Err(self.fault(reply)),
        }
    }

    /// Ends the session.
    pub fn quit(&mut self) {
        if self.dead.is_none() {
            // The connection is dropped either way.
            self.ask(Function::Quit, &[]).ok();
            self.dead = Some(ClientError::Broken("the session has ended".to_owned()));
        }
    }

    /// The lines of an output: divided by field marks or line ends.
    fn lines(&self, data: &[u8]) -> String {
        let text = self.options.encoding.decode(data);
        let lines = text.split(|&b| b == FM).map(String::from_utf8_lossy);
        lines.collect::<Vec<_>>().join("\n").replace("\r\n", "\n")
    }

    fn ask(&mut self, function: Function, data: &[u8]) -> Result<Reply, ClientError> {
        self.exchange(|limited| send(limited, function, data).and_then(|()| receive(limited)))
    }

    /// Does `talk` within the limit of a reply; after a fault of the connection nothing is said any more.
    fn exchange<T>(
        &mut self,
        talk: impl FnOnce(&mut Limited<'_, S>) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        if let Some(dead) = &self.dead {
            return Err(dead.clone());
        }
        let deadline = (self.now)() + self.options.reply;
        let answer = talk(&mut Limited { client: self, deadline });
        if let Err(error) = &answer
            && error.ends_session()
        {
            self.dead = Some(error.clone());
        }
        answer
    }

    /// The error that a reply tells.
    fn fault(&mut self, reply: Reply) -> ClientError {
        match reply.outcome {
            Outcome::Locked => ClientError::Locked { user: reply.status },
            Outcome::Error => {
                // Its text has to be fetched.
                match self.ask(Function::ErrorText, &[]) {
                    Ok(text) => ClientError::Server { text: words(&text.data), status: reply.status },
                    Err(error) => error,
                }
            }
            Outcome::Else => ClientError::Server { text: "not found".to_owned(), status: reply.status },
            Outcome::Prompt => self.give_up("it asks for input where none was expected"),
            // The words of an abort may be those of an earlier one: the status says which.
            Outcome::OnError | Outcome::Ok => {
                ClientError::Server { text: words(&reply.data), status: reply.status }
            }
        }
    }

    fn give_up(&mut self, why: &str) -> ClientError {
        let error = ClientError::Protocol(why.to_owned());
        self.dead = Some(error.clone());
        error
    }
}

/// Text of the server for people: one line, without control characters, not too long.
fn words(data: &[u8]) -> String {
    let text = String::from_utf8_lossy(data);
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TEXT_MAX).collect();
    let line = line.trim();
    if line.is_empty() { "nothing more".to_owned() } else { line.to_owned() }
}

/// The socket until a deadline: a peer that drips bytes does not get more time with each.
struct Limited<'a, S> {
    client: &'a mut Client<S>,
    deadline: Duration,
}

impl<S: Socket> Limited<'_, S> {
    fn limit(&mut self) -> io::Result<()> {
        let left = self.deadline.saturating_sub((self.client.now)());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.client.socket.set_limit(left)
    }
}

impl<S: Socket> Read for Limited<'_, S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.limit()?;
        self.client.socket.read(into)
    }
}

impl<S: Socket> Write for Limited<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.limit()?;
        self.client.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.client.socket.flush()
    }
}
