//! The binary `inlet`: configuration, roles, commands, lifecycle, and a Postgres of its own.
//!
//! [`server::Server`] is built, then run: what is built has bound its address, so port 0 can be asked for.

pub mod command;
pub mod config;
pub mod dev_file;
pub mod error;
pub mod files;
pub mod health;
pub mod keys;
pub mod lifecycle;
pub mod maintenance;
pub mod postgres;
pub mod seed;
pub mod server;
pub mod telemetry;

mod exposition;
mod upgrade;
