//! Measures a release build of Inlet with the limits of its machine, and attacks it: `make bench` and `make siege`.

use clap::{Parser, Subcommand};

/// Measure a release build of Inlet with the limits of its machine, or attack it.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Command {
    #[command(flatten)]
    args: inlet_simulator::BenchArgs,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Subcommand)]
enum Part {
    Audience(inlet_simulator::AudienceArgs),
    Siege(inlet_simulator::SiegeArgs),
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Command { args, part } = Command::parse();
    match part {
        Some(Part::Audience(args)) => Ok(inlet_simulator::audience(args).await?),
        Some(Part::Siege(args)) => Ok(inlet_simulator::siege(args).await?),
        None => Ok(inlet_simulator::bench(args).await?),
    }
}
