//! `inlet-bench`: the targets T1 to T4 and T9 beside the limits of the same machine in the same run.

mod bodies;
mod drive;
mod limits;
mod results;
mod round;

use std::path::PathBuf;

use crate::{SimulatorError, output::say};

/// Measures T1 to T4 and T9 beside the limits of the same run.
#[derive(Debug, Clone, clap::Args)]
pub struct BenchArgs {
    /// The server's binary, a release build.
    #[arg(long, env = "INLET_BENCH_SERVER", default_value = "target/release/inlet")]
    pub server: PathBuf,
    /// Where data, results and plot go.
    #[arg(long, env = "INLET_BENCH_OUT", default_value = "target/bench")]
    pub out: PathBuf,
    /// How many times all is measured, each on a fresh data folder.
    #[arg(long, env = "INLET_BENCH_ROUNDS", default_value_t = 3)]
    pub rounds: usize,
    /// How long each figure is measured, in seconds.
    #[arg(long, env = "INLET_BENCH_SECONDS", default_value_t = 10)]
    pub seconds: u64,
}

/// Measures and prints, and writes `results.json` and `plot.svg`.
///
/// # Errors
/// Where pgbench or the server cannot be started, or the server refuses an event.
pub async fn bench(args: BenchArgs) -> Result<(), SimulatorError> {
    std::fs::create_dir_all(&args.out).map_err(SimulatorError::io(args.out.display().to_string()))?;
    let out = args.out.canonicalize().map_err(SimulatorError::io(args.out.display().to_string()))?;
    let server = args.server.canonicalize().map_err(SimulatorError::io(args.server.display().to_string()))?;
    let mut rounds = Vec::new();
    for number in 1..=args.rounds {
        say(format!("round {number} of {}", args.rounds));
        let round = round::measure(&server, &out, number, args.seconds).await?;
        say(round.to_string());
        rounds.push(round);
    }
    say(results::write(&out, &rounds)?);
    Ok(())
}
