//! A peer for tests: it follows the byte description of a QMClient server over one invented account, on a loopback port.
//!
//! It shows that both ends of HAL read the description alike, and nothing about a real server.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Records by id, in bytes.
pub type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// What the peer serves; a test may change it at any time.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Who may log in.
    pub user: String,
    /// With which password.
    pub password: String,
    /// Files by name (`DICT X` for a dictionary): records by id, in bytes.
    pub files: BTreeMap<String, Records>,
    /// Files that cannot be opened: name → server_error and status.
    pub faults: BTreeMap<String, (i16, i32)>,
    /// Ids that somebody has locked.
    pub locked: Vec<Vec<u8>>,
    /// Commands: sentence → server_error, status, output.
    pub commands: BTreeMap<String, (i16, i32, Vec<u8>)>,
    /// Whether requests are read and not answered.
    pub silent: bool,
    /// Functions it was asked for.
    pub asked: Vec<i16>,
}

impl Account {
    /// An account HAL of the user qmtest with the password sesame.
    #[must_use]
    pub fn hal() -> Account {
        Account {
            name: "HAL".to_owned(),
            user: "qmtest".to_owned(),
            password: "sesame".to_owned(),
            ..Account::default()
        }
    }

    /// Puts a record, its fields parted by `^`, its values by `]`.
    #[must_use]
    pub fn with(mut self, file: &str, id: &str, record: &str) -> Account {
        self.put(file, id, record);
        self
    }

    /// As [`Account::with`].
    pub fn put(&mut self, file: &str, id: &str, record: &str) {
        let marks = |byte| match byte {
            b'^' => 0xFE,
            b']' => 0xFD,
            other => other,
        };
        let record = record.bytes().map(marks).collect();
        self.files.entry(file.to_owned()).or_default().insert(id.as_bytes().to_vec(), record);
    }
}

/// A running peer; ends when dropped.
#[derive(Debug)]
pub struct Peer {
    port: u16,
    shared: Arc<Mutex<Shared>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    account: Account,
    ended: bool,
    sockets: Vec<TcpStream>,
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Peer {
    /// Serves `account` on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When the system gives no port.
    pub fn start(account: Account) -> std::io::Result<Peer> {
        Peer::start_at(0, account)
    }

    /// Serves it on that port, as one that was away and is back.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn start_at(port: u16, account: Account) -> std::io::Result<Peer> {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Mutex::new(Shared { account, ..Shared::default() }));
        let own = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let mut connections = Vec::new();
            while let Ok((socket, _)) = listener.accept() {
                let mut now = lock(&own);
                let Ok(kept) = socket.try_clone() else { continue };
                if now.ended {
                    break;
                }
                now.sockets.push(kept);
                drop(now);
                let shared = Arc::clone(&own);
                let connection = Connection { socket, shared, open: Vec::new(), list: Vec::new() };
                connections.push(std::thread::spawn(move || {
                    // A client that goes away ends its connection.
                    connection.serve().ok();
                }));
            }
            drop(listener);
            for connection in connections {
                connection.join().ok();
            }
        });
        Ok(Peer { port, shared, thread: Some(thread) })
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address, as settings name it.
    #[must_use]
    pub fn address(&self) -> String {
        let now = lock(&self.shared);
        format!("qmclient://{}@127.0.0.1:{}/{}", now.account.user, self.port, now.account.name)
    }

    /// Looks at the account or changes it.
    pub fn with<T>(&self, work: impl FnOnce(&mut Account) -> T) -> T {
        work(&mut lock(&self.shared).account)
    }

    /// Ends it with all its connections; gives what it served.
    pub fn stop(mut self) -> Account {
        self.end();
        std::mem::take(&mut lock(&self.shared).account)
    }

    fn end(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        {
            let mut now = lock(&self.shared);
            now.ended = true;
            for socket in now.sockets.drain(..) {
                socket.shutdown(Shutdown::Both).ok();
            }
        }
        // It waits for a connection: this is the one.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        thread.join().ok();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.end();
    }
}

struct Connection {
    socket: TcpStream,
    shared: Arc<Mutex<Shared>>,
    open: Vec<String>,
    list: Vec<Vec<u8>>,
}

/// Server_error, STATUS() and data; `None` after the last.
type Answer = Option<(i16, i32, Vec<u8>)>;

fn fine(data: impl Into<Vec<u8>>) -> Answer {
    Some((0, 0, data.into()))
}

impl Connection {
    fn serve(mut self) -> std::io::Result<()> {
        self.socket.set_nodelay(true)?;
        // Some servers print a line before the greeting.
        self.socket.write_all(b"[QM]\r\n\x06")?;
        let mut logged_in = false;
        loop {
            let mut head = [0; 6];
            self.socket.read_exact(&mut head)?;
            let [a, b, c, d, e, f] = head;
            let length = i32::from_le_bytes([a, b, c, d]);
            let function = i16::from_le_bytes([e, f]);
            let length = usize::try_from(length).ok().and_then(|length| length.checked_sub(6));
            let Some(length) = length else { return Ok(()) };
            let mut data = vec![0; length];
            self.socket.read_exact(&mut data)?;
            let shared = Arc::clone(&self.shared);
            let mut now = lock(&shared);
            now.account.asked.push(function);
            let silent = now.account.silent;
            let answer = match function {
                24 => {
                    logged_in = data == login(&now.account);
                    if !logged_in {
                        drop(now);
                        return self.reply(1, 0, b"Invalid username or password");
                    }
                    fine("")
                }
                _ if !logged_in => {
                    drop(now);
                    return self.reply(1, 0, b"Not logged in");
                }
                _ => self.answer(&now.account, function, &data),
            };
            drop(now);
            match answer {
                _ if silent => {}
                Some((error, status, data)) => self.reply(error, status, &data)?,
                None => return self.reply(0, 0, b""),
            }
        }
    }

    fn answer(&mut self, account: &Account, function: i16, data: &[u8]) -> Answer {
        match function {
            1 => None,
            2 => fine("Something is wrong\x07"),
            3 if data == account.name.as_bytes() => fine(""),
            3 => Some((3, 3006, Vec::new())),
            4 => {
                let name = String::from_utf8_lossy(data).into_owned();
                if let Some((error, status)) = account.faults.get(&name) {
                    return Some((*error, *status, Vec::new()));
                }
                if !account.files.contains_key(&name) {
                    return Some((2, 3007, Vec::new()));
                }
                self.open.push(name);
                fine((self.open.len() as i16).to_le_bytes())
            }
            5 | 13 | 23 => fine(""),
            6 => {
                let (file, id) = self.file(account, data)?;
                if account.locked.iter().any(|locked| locked == id) {
                    return Some((4, 12, Vec::new()));
                }
                match file.get(id) {
                    Some(record) => fine(record.clone()),
                    None => Some((2, 3006, Vec::new())),
                }
            }
            11 => {
                let (file, _) = self.file(account, data)?;
                self.list = file.keys().cloned().collect();
                fine("")
            }
            14 if self.list.is_empty() => Some((2, 0, Vec::new())),
            14 => fine(std::mem::take(&mut self.list).join(&0xFE)),
            21 => {
                let sentence = String::from_utf8_lossy(data).into_owned();
                Some(account.commands.get(&sentence).cloned().unwrap_or((1, 1018, b"Unrecognised".to_vec())))
            }
            other => Some((3, i32::from(other), Vec::new())),
        }
    }

    /// The file that the request's first two bytes number, and what follows them.
    fn file<'a, 'b>(&self, account: &'a Account, data: &'b [u8]) -> Option<(&'a Records, &'b [u8])> {
        let (number, rest) = data.split_first_chunk::<2>()?;
        let index = usize::try_from(i16::from_le_bytes(*number)).ok()?.checked_sub(1)?;
        Some((account.files.get(self.open.get(index)?)?, rest))
    }

    fn reply(&mut self, error: i16, status: i32, data: &[u8]) -> std::io::Result<()> {
        let mut packet = (10 + data.len() as i32).to_le_bytes().to_vec();
        packet.extend_from_slice(&error.to_le_bytes());
        packet.extend_from_slice(&status.to_le_bytes());
        packet.extend_from_slice(data);
        // In two pieces, as a network does.
        let (first, second) = packet.split_at(packet.len() / 2);
        self.socket.write_all(first)?;
        self.socket.flush()?;
        self.socket.write_all(second)
    }
}

/// The data of a login with the right password.
fn login(account: &Account) -> Vec<u8> {
    let mut data = Vec::new();
    for text in [&account.user, &account.password] {
        data.extend_from_slice(&(text.len() as i16).to_le_bytes());
        data.extend_from_slice(text.as_bytes());
        if !text.len().is_multiple_of(2) {
            data.push(0);
        }
    }
    data
}
