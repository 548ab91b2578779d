//! Everything that waits: gateway, listener, engines, the HAProxy file. The only crate with a runtime and a clock.

pub mod auth;
pub mod clock;
pub mod config;
pub mod demo;
pub mod edge;
mod engines;
mod gateway;
mod listener;
#[cfg(test)]
mod matrix_tests;
pub mod run;
