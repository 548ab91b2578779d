//! `qmclient://user@host:4243/ACCOUNT`.

use std::fmt;
use std::str::FromStr;

use super::{ClientError, PORT};

/// Where a QMClient server is, and what is wanted there. Holds no password, so it may be logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Name or number of the machine; an IPv6 number without its brackets.
    pub host: String,
    /// Port, 4243 when left out.
    pub port: u16,
    /// Account, in capitals as the server takes it; a path as it is.
    pub account: String,
    /// User, when the address names one.
    pub user: Option<String>,
}

/// Longest address that is read.
const LENGTH_MAX: usize = 1000;

impl FromStr for Address {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Address, ClientError> {
        let wrong = |why: &str| ClientError::Address(format!("the address of the QM server {why}"));
        if text.len() > LENGTH_MAX {
            return Err(wrong("is too long"));
        }
        let rest =
            text.strip_prefix("qmclient://").ok_or_else(|| wrong("does not begin with qmclient://"))?;
        let (place, account) = rest.split_once('/').ok_or_else(|| wrong("names no account"))?;
        let (user, place) = match place.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, place),
        };
        if user.is_some_and(|user| user.contains(':')) {
            // The text is not repeated: it holds the password.
            return Err(wrong("holds a password, which would end up in logs: set HAL_QM_PASSWORD"));
        }
        if user == Some("") {
            return Err(wrong("has an empty user before the @"));
        }
        let (host, port) = match place.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, after)) => {
                (host, Some(after.strip_prefix(':').ok_or_else(|| wrong("has text after ]"))?))
            }
            None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        let port = match port {
            None => PORT,
            Some(port) => {
                port.parse().ok().filter(|&port| port > 0).ok_or_else(|| wrong("has no valid port"))?
            }
        };
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(wrong("names no host"));
        }
        if account.is_empty() || account.contains(|c: char| c.is_control()) {
            return Err(wrong("names no account"));
        }
        let account = if account.contains(['/', '\\']) { account.to_owned() } else { account.to_uppercase() };
        Ok(Address { host: host.to_owned(), port, account, user: user.map(str::to_owned) })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("qmclient://")?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}/{}", self.host, self.port, self.account),
            false => write!(f, "{}:{}/{}", self.host, self.port, self.account),
        }
    }
}
