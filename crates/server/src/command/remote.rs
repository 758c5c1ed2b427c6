//! The GraphQL client of the commands that talk to a running server.

use std::path::PathBuf;

use clap::Args;
use inlet_simulator::graphql::Client;

use crate::{dev_file::DevFile, error::ServerError};

/// The URL and the credential of the running server.
#[derive(Clone, Args)]
pub(super) struct RemoteArgs {
    /// The GraphQL URL of the server. Default: the URL in dev.json of `inlet dev`.
    #[arg(long, env = "INLET_GRAPHQL_URL", value_name = "URL", requires = "api_key")]
    graphql_url: Option<String>,
    /// An API key. Prefer the environment: other users of the machine can see the command line.
    #[arg(long, env = "INLET_API_KEY", value_name = "KEY", hide_env_values = true, requires = "graphql_url")]
    api_key: Option<String>,
    /// The data folder of `inlet dev`.
    #[arg(long, env = "INLET_DATA_DIR", value_name = "DIR", default_value = "./.inlet")]
    data_dir: PathBuf,
}

impl std::fmt::Debug for RemoteArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteArgs").field("graphql_url", &self.graphql_url).finish_non_exhaustive()
    }
}

impl RemoteArgs {
    /// A client of that server.
    ///
    /// # Errors
    /// No URL was given, and the data folder has no dev.json.
    pub(super) fn client(&self) -> Result<Client, ServerError> {
        if let (Some(url), Some(key)) = (&self.graphql_url, &self.api_key) {
            return Ok(Client::at(url, key)?);
        }
        let dev = DevFile::read(&self.data_dir)?.ok_or_else(|| {
            let path = DevFile::path(&self.data_dir);
            ServerError::Argument(format!(
                "there is no {}: start `inlet dev`, or pass --graphql-url and --api-key",
                path.display()
            ))
        })?;
        Ok(Client::at(&dev.graphql_url, &dev.api_key)?)
    }
}
