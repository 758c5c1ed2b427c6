//! The server under test, as `dev.json` describes it.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use crate::{SimulatorError, provider::Provider};

/// The content of `dev.json` (contract, section 5).
#[derive(Debug, Clone, Deserialize)]
pub struct Target {
    /// The base URL, e.g. `http://127.0.0.1:8080`.
    pub url: String,
    /// The URL of GraphQL.
    pub graphql_url: String,
    /// The database. Only other programs (psql, pgbench) get this URL.
    pub database_url: String,
    /// An API key with all rights.
    pub api_key: String,
    sources: BTreeMap<String, Source>,
}

/// A provider's source.
#[derive(Debug, Clone, Deserialize)]
pub struct Source {
    /// The source's URL.
    pub url: String,
    /// The secret that the provider signs with.
    pub secret: String,
}

impl Target {
    /// Reads `dev.json` in `data_dir`.
    ///
    /// # Errors
    /// The file cannot be read, or violates the contract.
    pub async fn find(data_dir: &Path) -> Result<Self, SimulatorError> {
        let path = data_dir.join("dev.json");
        let text = match tokio::fs::read_to_string(&path).await {
            Ok(text) => text,
            Err(source) => return Err(SimulatorError::NoServer { path, source }),
        };
        serde_json::from_str(&text).map_err(SimulatorError::shape(path.display().to_string()))
    }

    /// The source of a provider.
    ///
    /// # Errors
    /// The server has no source of that provider.
    pub fn source(&self, provider: Provider) -> Result<&Source, SimulatorError> {
        self.sources.get(provider.word()).ok_or_else(|| SimulatorError::Refused {
            what: "dev.json".into(),
            answer: format!("it has no source of {}", provider.word()),
        })
    }
}
