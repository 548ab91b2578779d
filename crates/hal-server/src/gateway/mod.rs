//! The Voice Gateway: WebSockets of every dialect on any path, the page, and the health check, on one port.

mod conn;
mod hearing;
mod link;
mod page;
mod routes;

use std::sync::Arc;

pub(crate) use self::link::{Link, Remote};
pub(crate) use self::routes::serve;
use crate::clock::Clock;
use crate::config;
use crate::engines::Engines;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub clock: Clock,
    pub engines: Arc<Engines>,
    pub link: Arc<Link>,
    pub config: config::Gateway,
}
