//! The server under test, as `dev.json` describes it.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use crate::{SimulatorError, provider::Provider};

/// What `inlet dev` writes down about itself (the contract, section 5).
#[derive(Debug, Clone, Deserialize)]
pub struct Target {
    /// Where it listens, e.g. `http://127.0.0.1:8080`.
    pub url: String,
    /// Where it answers GraphQL.
    pub graphql_url: String,
    /// The database behind it; only other programs (psql, pgbench) are ever given it.
    pub database_url: String,
    /// A key with all rights.
    pub api_key: String,
    sources: BTreeMap<String, Source>,
}

/// A provider's way in.
#[derive(Debug, Clone, Deserialize)]
pub struct Source {
    /// Where the provider posts.
    pub url: String,
    /// What it signs with.
    pub secret: String,
}

impl Target {
    /// Reads `dev.json` in `data_dir`.
    ///
    /// # Errors
    /// Where it cannot be read or is not as the contract says.
    pub async fn find(data_dir: &Path) -> Result<Self, SimulatorError> {
        let path = data_dir.join("dev.json");
        let text = match tokio::fs::read_to_string(&path).await {
            Ok(text) => text,
            Err(source) => return Err(SimulatorError::NoServer { path, source }),
        };
        serde_json::from_str(&text).map_err(SimulatorError::shape(path.display().to_string()))
    }

    /// The way in of a provider.
    ///
    /// # Errors
    /// Where the server has no source of that provider.
    pub fn source(&self, provider: Provider) -> Result<&Source, SimulatorError> {
        self.sources.get(provider.word()).ok_or_else(|| SimulatorError::Refused {
            what: "dev.json".into(),
            answer: format!("it names no source of {}", provider.word()),
        })
    }
}
