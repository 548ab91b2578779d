//! The HAProxy file of a gateway: written, checked, put in place.
//!
//! [`render`] is pure: options in, text out. A mode is one variant of [`Mode`] and one row of answers in its `impl`
//! (is there TLS, which name is served); the sections only ask those. [`installed`] asks the HAProxy of this machine
//! what it is and lets it check a file.

pub mod check;
mod document;
pub mod installed;
mod options;
mod render;

pub use document::{Document, Unreadable};
pub use options::{
    ACME_PORT_DEFAULT, Abilities, CERT_DEFAULT, Domain, Form, GATEWAY_DEFAULT, Gateway, HaproxyOptions, Mode,
    Process, Refused, SITE_DEFAULT, Version, WEBSOCKETS_PER_ADDRESS_DEFAULT, parse_address,
};
pub use render::render;

#[cfg(test)]
mod tests;
