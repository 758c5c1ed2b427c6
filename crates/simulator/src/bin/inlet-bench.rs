//! Measures a release build of Inlet beside the limits of its machine: `make bench`.

use clap::Parser;

/// Measures a release build of Inlet beside the limits of its machine.
#[derive(Parser)]
#[command(version)]
struct Command {
    #[command(flatten)]
    args: inlet_simulator::BenchArgs,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    Ok(inlet_simulator::bench(Command::parse().args).await?)
}
