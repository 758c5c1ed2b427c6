//! What ends a command.

use std::{io, path::PathBuf};

use inlet_store::error::StoreError;

use crate::postgres::PostgresError;

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
    /// The database is another one's, or the keys are.
    #[error("the keys for secrets do not open what this database holds: start with the keys that it was filled under")]
    WrongKeys(#[source] StoreError),
    /// The database is behind this binary.
    #[error("{} migrations are missing in the database: run `inlet migrate` first", .0.len())]
    Unmigrated(Vec<i64>),
    /// The migrations are there, and a step after them was broken off.
    #[error("an upgrade of the database was broken off: run `inlet migrate`, which goes on where it was")]
    UpgradePending,
    /// The address is no address, or is taken.
    #[error("cannot listen on {address}")]
    Listen {
        /// As it was given.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// The client for webhooks could not be built.
    #[error("the HTTP client for webhooks could not be built")]
    Egress(#[from] inlet_egress::BuildError),
    /// The mail hook will not do.
    #[error(transparent)]
    MailHook(#[from] inlet_notifier::MailHookError),
    /// The system gives no threads.
    #[error("the threads of this process could not be started")]
    Runtime(#[source] io::Error),
    /// The HTTP server broke.
    #[error("the HTTP server ended")]
    Http(#[source] io::Error),
    /// A file or a folder.
    #[error("{what} {}", path.display())]
    File {
        /// What was tried, e.g. `could not read`.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// dev.json is not what we wrote.
    #[error("{} is damaged: move it away, and new credentials are made", path.display())]
    DamagedDevFile {
        /// Where it is.
        path: PathBuf,
        /// How.
        source: serde_json::Error,
    },
    /// An argument that only the database can judge.
    #[error("{0}")]
    Argument(String),
    /// The simulator.
    #[error(transparent)]
    Simulator(#[from] inlet_simulator::SimulatorError),
    /// The terminal is gone.
    #[error("could not print")]
    Print(#[source] io::Error),
}

impl ServerError {
    pub(crate) fn file(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }

    /// A stable word for it.
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
            Self::File { .. } => "FILE_SYSTEM",
            Self::DamagedDevFile { .. } => "DEV_FILE_DAMAGED",
            Self::Argument(_) => "ARGUMENT",
            Self::Simulator(error) => error.code(),
            Self::Print(_) => "PRINT",
        }
    }
}

/// Why a text holds no keys. It never tells the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeys {
    /// No key at all.
    #[error(
        "there is no key for secrets: set INLET_SECRETS_KEY to 64 hex digits (`openssl rand -hex 32`), or \
         INLET_SECRETS_KEYS to `1:<64 hex digits>,2:<64 hex digits>`; keep it, for without it nothing sealed opens"
    )]
    Missing,
    /// An entry is malformed.
    #[error("entry {0} of the keys for secrets is not `<version 1..255>:<64 hex digits>`")]
    Malformed(usize),
    /// A version stands twice.
    #[error("version {0} stands twice among the keys for secrets")]
    Repeated(u8),
}

impl InvalidKeys {
    /// A stable word for it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "KEYS_MISSING",
            Self::Malformed(_) => "KEYS_MALFORMED",
            Self::Repeated(_) => "KEYS_REPEATED",
        }
    }
}
