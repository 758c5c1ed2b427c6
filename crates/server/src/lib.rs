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

use std::process::ExitCode;

use clap::Parser;

/// Runs the command that the arguments name, to its end. It stands here so that all of it is compiled with this crate, and none
/// of it anew with the binary.
#[must_use]
pub fn main() -> ExitCode {
    let cli = command::Cli::parse();
    let ended = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(Box::pin(command::run(cli))),
        Err(error) => Err(error::ServerError::Runtime(error)),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            telemetry::complain(&error);
            ExitCode::FAILURE
        }
    }
}
