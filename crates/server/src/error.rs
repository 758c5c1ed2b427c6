//! Errors that end a command.

use std::{io, path::PathBuf};

use inlet_store::error::StoreError;

use crate::{postgres::PostgresError, telemetry::TracingError};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The embedded Postgres.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys for secrets.
    #[error(transparent)]
    Keys(#[from] InvalidKeys),
    /// The keys do not belong to this database.
    #[error("the keys for secrets cannot read this database: start with the keys that sealed its secrets")]
    WrongKeys(#[source] StoreError),
    /// The database lacks migrations of this binary.
    #[error("the database lacks migrations ({}): run `inlet migrate` first", .0.len())]
    Unmigrated(Vec<i64>),
    /// `inlet migrate` was interrupted after the migrations.
    #[error("an upgrade of the database was interrupted: run `inlet migrate` to finish it")]
    UpgradePending,
    /// The address is invalid, or another process uses it.
    #[error("cannot listen on {address}: free the address, or set another with --listen or --metrics-listen")]
    Listen {
        /// The address as it was given.
        address: String,
        /// The cause.
        source: io::Error,
    },
    /// The client for webhooks could not be built.
    #[error("the HTTP client for webhooks could not be built")]
    Egress(#[from] inlet_egress::BuildError),
    /// The environment asks for an export of spans that is not possible.
    #[error(transparent)]
    Tracing(#[from] TracingError),
    /// The URL or the secret of the mail hook is invalid.
    #[error(transparent)]
    MailHook(#[from] inlet_notifier::MailHookError),
    /// The operating system refuses to start threads.
    #[error("the operating system refused to start a thread: raise its limit on threads or memory")]
    Runtime(#[source] io::Error),
    /// The HTTP server failed.
    #[error("the HTTP server failed")]
    Http(#[source] io::Error),
    /// The file system refused.
    #[error("{what} {}", path.display())]
    File {
        /// The action that failed, e.g. `could not read`.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// dev.json holds no valid JSON.
    #[error("{} is damaged: move the file away and start again; Inlet then makes new credentials", path.display())]
    DamagedDevFile {
        /// The path of dev.json.
        path: PathBuf,
        /// The cause.
        source: serde_json::Error,
    },
    /// An invalid argument that only the database can check.
    #[error("{0}")]
    Argument(String),
    /// The simulator.
    #[error(transparent)]
    Simulator(#[from] inlet_simulator::SimulatorError),
    /// Standard output is closed.
    #[error("could not write to standard output")]
    Print(#[source] io::Error),
}

impl ServerError {
    pub(crate) fn file(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }

    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Postgres(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Keys(error) => error.code(),
            Self::WrongKeys(_) => "WRONG_KEYS",
            Self::Unmigrated(_) => "UNMIGRATED",
            Self::UpgradePending => "UPGRADE_PENDING",
            Self::Listen { .. } => "LISTEN",
            Self::Runtime(_) => "RUNTIME",
            Self::Http(_) => "HTTP",
            Self::Egress(_) => "EGRESS",
            Self::MailHook(_) => "MAIL_HOOK",
            Self::Tracing(_) => "TRACING",
            Self::File { .. } => "FILE_SYSTEM",
            Self::DamagedDevFile { .. } => "DEV_FILE_DAMAGED",
            Self::Argument(_) => "ARGUMENT",
            Self::Simulator(error) => error.code(),
            Self::Print(_) => "PRINT",
        }
    }
}

/// Why a text holds no valid keys. It never contains the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeys {
    /// The text holds no key.
    #[error(
        "there is no key for secrets: set INLET_SECRETS_KEY to 64 hex digits (`openssl rand -hex 32`), or \
         INLET_SECRETS_KEYS to `1:<64 hex digits>,2:<64 hex digits>`; keep the key, because sealed secrets cannot be read without it"
    )]
    Missing,
    /// An entry is malformed.
    #[error("entry {0} of the keys for secrets is malformed: write it as `<version 1..255>:<64 hex digits>`")]
    Malformed(usize),
    /// Two keys have one version.
    #[error("the keys for secrets have two entries of version {0}: give each key a version of its own")]
    Repeated(u8),
}

impl InvalidKeys {
    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "KEYS_MISSING",
            Self::Malformed(_) => "KEYS_MALFORMED",
            Self::Repeated(_) => "KEYS_REPEATED",
        }
    }
}
