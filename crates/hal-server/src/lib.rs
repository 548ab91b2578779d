//! Everything that waits: gateway, listener, engines, the HAProxy file. The only crate with a runtime and a clock.

pub mod auth;
pub mod backups;
pub mod clock;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod edge;
mod engines;
mod gateway;
pub mod holder;
mod limits;
mod listener;
mod logs;
#[cfg(test)]
mod matrix_tests;
mod metrics;
pub mod networks;
mod notify;
pub mod private_file;
mod resume;
pub mod run;
pub mod service;
mod signals;
mod writer;
