//! The subcommands: one file each and one line here.

use clap::Subcommand;

use crate::report::{Exit, Failure};

mod ask;
mod audit;
mod cert;
mod chat;
mod db;
mod device;
mod doctor;
mod firewall;
mod haproxy;
mod pair;
mod serve;
mod service;
mod tcl;
mod user;

pub(crate) use db::existing as existing_data;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(serve::Serve),
    Ask(ask::Ask),
    Chat(chat::Chat),
    // Boxed: it has by far the most options.
    Haproxy(Box<haproxy::Haproxy>),
    Cert(cert::Cert),
    Firewall(firewall::Firewall),
    Service(service::Service),
    Db(db::Db),
    Doctor(doctor::Doctor),
    Tcl(tcl::Tcl),
    User(user::User),
    Device(device::Device),
    Pair(pair::Pair),
    Audit(audit::Audit),
}

impl Command {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Command::Serve(serve) => serve.run(),
            Command::Ask(ask) => ask.run(),
            Command::Chat(chat) => chat.run(),
            Command::Haproxy(haproxy) => haproxy.run(),
            Command::Cert(cert) => cert.run(),
            Command::Firewall(firewall) => firewall.run(),
            Command::Service(service) => service.run(),
            Command::Db(db) => db.run(),
            Command::Doctor(doctor) => doctor.run(),
            Command::Tcl(tcl) => tcl.run(),
            Command::User(user) => user.run(),
            Command::Device(device) => device.run(),
            Command::Pair(pair) => pair.run(),
            Command::Audit(audit) => audit.run(),
        }
    }
}
