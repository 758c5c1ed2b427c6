//! `inlet simulate`: a crowd of providers, a webhook sink, and afterwards the comparison of what was acknowledged with
//! what stands.

use std::path::PathBuf;

use crate::SimulatorError;

/// Plays every provider against a server, then checks that everything it acknowledged stands exactly once.
#[derive(Debug, Clone, clap::Args)]
pub struct SimulateArgs {
    /// The data folder of the running server; its dev.json tells where to post.
    #[arg(long, env = "INLET_DATA_DIR", default_value = "./.inlet")]
    pub data_dir: PathBuf,
    /// Events a second.
    #[arg(long, env = "INLET_SIMULATE_RATE", default_value_t = 100.0)]
    pub rate: f64,
    /// How many events in all.
    #[arg(long, env = "INLET_SIMULATE_EVENTS", conflicts_with = "duration")]
    pub events: Option<usize>,
    /// For how many seconds, instead of a number of events.
    #[arg(long, env = "INLET_SIMULATE_DURATION", value_name = "SECONDS")]
    pub duration: Option<f64>,
    /// Repeats, reordering, concurrent repeats, dropped connections, a sink that fails.
    #[arg(long, env = "INLET_SIMULATE_CHAOS")]
    pub chaos: bool,
    /// The same seed gives the same events.
    #[arg(long, env = "INLET_SIMULATE_SEED", default_value_t = 1)]
    pub seed: u64,
    /// A word that goes into every id, so that a second run with the same seed is not a repeat of the first. Default:
    /// from the time.
    #[arg(long, env = "INLET_SIMULATE_RUN")]
    pub run: Option<String>,
    /// Connections held open to the server.
    #[arg(long, env = "INLET_SIMULATE_CONNECTIONS", default_value_t = 64)]
    pub connections: usize,
    /// Write the report here as JSON too.
    #[arg(long, env = "INLET_SIMULATE_REPORT", value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// How many seconds to wait, after the last event, for the last webhook.
    #[arg(long, env = "INLET_SIMULATE_SETTLE", value_name = "SECONDS", default_value_t = 180)]
    pub settle: u64,
    /// Start `inlet dev` itself on the data folder, kill it with -9 this many times during the run, and start it again
    /// each time.
    #[arg(long, env = "INLET_SIMULATE_KILLS", value_name = "TIMES", default_value_t = 0)]
    pub kills: u32,
    /// The binary that `--kills` starts. Default: this one.
    #[arg(long, env = "INLET_SIMULATE_SERVER", value_name = "FILE")]
    pub server: Option<PathBuf>,
}

/// Plays the providers, then compares.
///
/// # Errors
/// Where no server is found, or what stands differs from what was acknowledged.
pub async fn simulate(_args: SimulateArgs) -> Result<(), SimulatorError> {
    Ok(())
}
