//! Users and devices of a running household, made over 8767 as `hal user` and `hal device` do, many in one go.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::wait::PATIENCE;

/// The door of the listener on this machine, where everybody is the owner.
#[derive(Debug)]
pub struct House {
    lines: BufReader<TcpStream>,
}

impl House {
    pub fn open(listener_port: u16) -> Result<House> {
        let stream = TcpStream::connect(("127.0.0.1", listener_port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(House { lines: BufReader::new(stream) })
    }

    fn manage(&mut self, command: &Value) -> Result<Value> {
        self.lines.get_mut().write_all(format!("{command}\n").as_bytes())?;
        let mut line = String::new();
        self.lines.read_line(&mut line)?;
        let reply: Value = serde_json::from_str(&line).with_context(|| format!("not JSON: {line}"))?;
        if let Some(error) = reply["error"].as_str() {
            bail!("{command}: {error}");
        }
        Ok(reply)
    }

    /// A user, who speaks of the records of person `P001` where they are a member.
    pub fn add_user(&mut self, id: &str, role: &str) -> Result<()> {
        let person = (role != "guest").then_some("P001");
        let command = json!({"type": "admin", "token": "", "command": "user_add", "id": id, "name": id,
            "role": role, "person": person});
        self.manage(&command).map(|_| ())
    }

    /// A device of a user; its token is given back.
    pub fn add_device(&mut self, user: &str, name: &str) -> Result<String> {
        let command = json!({"type": "admin", "token": "", "command": "device_add", "user": user, "name": name,
            "scope": "personal", "days": null});
        let reply = self.manage(&command)?;
        Ok(reply["secret"].as_str().context("no token came")?.to_owned())
    }
}
