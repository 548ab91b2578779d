//! What stands in front of the gateway: the HAProxy file and the certificate for it.
//!
//! Knows nothing of sessions, sockets or the database. The time comes in as a value.

pub mod certs;
pub mod haproxy;
