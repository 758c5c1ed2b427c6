//! The binary `inlet`: configuration, roles, commands, lifecycle, and a Postgres of its own.
//!
//! [`server::Server`] is built, then run. A built server has bound its address, so a caller can ask for port 0.

pub mod command;
pub mod config;
mod connections;
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

/// Runs the command of the arguments to its end. It is in the library so that the code compiles with this crate and not
/// again with the binary.
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
