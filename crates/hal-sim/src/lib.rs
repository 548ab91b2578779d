//! Real programs for tests and measurements: starts them, speaks their protocols, ends them.
//!
//! Nothing here stands in for anything: the server is the `hal` binary, HAProxy is HAProxy, the browser is
//! Chromium, the speech is espeak-ng's. (One test needs a QM server, which cannot be installed, and brings a peer.) All of it stays on this machine's loopback addresses.

pub mod abuse;
pub mod browser;
pub mod client;
pub mod haproxy;
pub mod honest;
pub mod house;
pub mod http;
pub mod load;
pub mod ports;
pub mod process;
pub mod programs;
pub mod questions;
pub mod server;
pub mod speech;
pub mod wait;

/// Buffers of one WebSocket of the bare echo server, as small as the gateway's own.
pub const WRITE_BUFFER_BYTES: usize = 4096;
pub const READ_BUFFER_BYTES: usize = 4096;
