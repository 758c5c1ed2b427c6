//! `dev.json`: the URLs and credentials of a running `inlet dev`. Other tools read it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use inlet_domain::ids::WorkspaceId;
use serde::{Deserialize, Serialize};

use crate::{error::ServerError, files};

/// The content of `dev.json`, a file of mode 0600.
#[derive(Clone, Serialize, Deserialize)]
pub struct DevFile {
    /// The base URL of the server, without a slash at the end.
    pub url: String,
    /// The URL of GraphQL.
    pub graphql_url: String,
    /// The URL of the database, with its password.
    pub database_url: String,
    /// The demo workspace.
    pub workspace_id: WorkspaceId,
    /// The owner's login.
    pub email: String,
    /// The owner's password.
    pub password: String,
    /// An API key with every scope.
    pub api_key: String,
    /// The source of each provider.
    pub sources: BTreeMap<String, DevSource>,
}

/// A source's URL and secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct DevSource {
    /// The source's URL.
    pub url: String,
    /// Its HMAC secret.
    pub secret: String,
}

impl DevFile {
    /// The path of `dev.json` in a data folder.
    #[must_use]
    pub fn path(data_dir: &Path) -> PathBuf {
        data_dir.join("dev.json")
    }

    /// Reads the file of an earlier start, if there is one.
    ///
    /// # Errors
    /// The file cannot be read, or holds no valid JSON.
    pub fn read(data_dir: &Path) -> Result<Option<Self>, ServerError> {
        let path = Self::path(data_dir);
        let bytes = files::read_optional(&path).map_err(ServerError::file("could not read", &path))?;
        bytes
            .map(|bytes| serde_json::from_slice(&bytes).map_err(|source| ServerError::DamagedDevFile { path, source }))
            .transpose()
    }

    /// Writes the file as a whole.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn write(&self, data_dir: &Path) -> Result<(), ServerError> {
        let path = Self::path(data_dir);
        let bytes = serde_json::to_vec_pretty(self)
            .map_err(|source| ServerError::DamagedDevFile { path: path.clone(), source })?;
        files::write_private(&path, &bytes).map_err(ServerError::file("could not write", &path))
    }
}
