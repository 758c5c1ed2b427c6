//! The binary `inlet`.

use std::process::ExitCode;

use clap::Parser;
use inlet_server::command::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match Box::pin(inlet_server::command::run(cli)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            inlet_server::telemetry::complain(&error);
            ExitCode::FAILURE
        }
    }
}
