//! `dev.json`: where a running `inlet dev` is and how to get in. Other tools rely on it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use inlet_domain::ids::WorkspaceId;
use serde::{Deserialize, Serialize};

use crate::{error::ServerError, files};

/// What the file holds; it is of mode 0600.
#[derive(Clone, Serialize, Deserialize)]
pub struct DevFile {
    /// Where the server listens, without a slash at the end.
    pub url: String,
    /// Where GraphQL is.
    pub graphql_url: String,
    /// The database, with its password.
    pub database_url: String,
    /// The demo workspace.
    pub workspace_id: WorkspaceId,
    /// The owner's login.
    pub email: String,
    /// The owner's password.
    pub password: String,
    /// A key with every scope.
    pub api_key: String,
    /// By provider.
    pub sources: BTreeMap<String, DevSource>,
}

/// Where a provider posts to, and what it signs with.
#[derive(Clone, Serialize, Deserialize)]
pub struct DevSource {
    /// The source's URL.
    pub url: String,
    /// Its HMAC secret.
    pub secret: String,
}

impl DevFile {
    /// Where it is in a data folder.
    #[must_use]
    pub fn path(data_dir: &Path) -> PathBuf {
        data_dir.join("dev.json")
    }

    /// What an earlier start left.
    ///
    /// # Errors
    /// Where the file cannot be read or is not ours.
    pub fn read(data_dir: &Path) -> Result<Option<Self>, ServerError> {
        let path = Self::path(data_dir);
        let bytes = files::read_optional(&path).map_err(ServerError::file("could not read", &path))?;
        bytes
            .map(|bytes| serde_json::from_slice(&bytes).map_err(|source| ServerError::DamagedDevFile { path, source }))
            .transpose()
    }

    /// Writes it whole.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, data_dir: &Path) -> Result<(), ServerError> {
        let path = Self::path(data_dir);
        let bytes = serde_json::to_vec_pretty(self)
            .map_err(|source| ServerError::DamagedDevFile { path: path.clone(), source })?;
        files::write_private(&path, &bytes).map_err(ServerError::file("could not write", &path))
    }
}
