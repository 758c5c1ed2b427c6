//! Why there is no Postgres, and what to do about it.

use std::{io, path::PathBuf};

use super::binaries::INSTALL_HINT;

/// A Postgres that could not be made, started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// No server binaries anywhere.
    #[error(
        "found no PostgreSQL server (looked at INLET_PG_BINDIR, pg_config, the distributions' folders, {}, PATH). {INSTALL_HINT}",
        unpacked.display()
    )]
    NoBinaries {
        /// Where an unpacked copy would be.
        unpacked: PathBuf,
    },
    /// `INLET_PG_BINDIR` holds no server.
    #[error("INLET_PG_BINDIR is {}, which holds no runnable `postgres` and `initdb`", .0.display())]
    WrongBindir(PathBuf),
    /// Only servers that are too old.
    #[error("found only PostgreSQL {found} in {}; Inlet needs {needed} or newer. {INSTALL_HINT}", bindir.display())]
    TooOld {
        /// The newest major version found.
        found: u32,
        /// Where.
        bindir: PathBuf,
        /// The oldest that serves.
        needed: u32,
    },
    /// The data was made by a major version that is not installed.
    #[error(
        "the data in {} is of PostgreSQL {data}, but only {installed} is installed: install postgresql-{data}, or set \
         INLET_PG_BINDIR to its binaries, or move the folder away to begin anew",
        folder.display()
    )]
    VersionMismatch {
        /// The data folder.
        folder: PathBuf,
        /// The major version that made it.
        data: String,
        /// Those that are there.
        installed: String,
    },
    /// Another process has this folder.
    #[error("{} is in use by another process{}: stop it, or take another --data-dir", folder.display(), holder.map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The other process.
        holder: Option<u32>,
    },
    /// As root, and there is no other account to run it as.
    #[error("PostgreSQL does not run as root, and this machine has neither a user `postgres` nor `nobody`")]
    NoAccount,
    /// No folder that the account may enter.
    #[error("the user `{account}`, who runs PostgreSQL here because root may not, cannot enter {}", folder.display())]
    Unreachable {
        /// The account.
        account: String,
        /// The folder.
        folder: PathBuf,
    },
    /// initdb failed.
    #[error("initdb failed: {output}")]
    Initdb {
        /// What it printed.
        output: String,
    },
    /// The server ended while it started.
    #[error("PostgreSQL did not start: {output} (the whole log: {})", log.display())]
    DidNotStart {
        /// The last lines of its log.
        output: String,
        /// The log.
        log: PathBuf,
    },
    /// The server did not end.
    #[error("PostgreSQL (pid {pid}) did not stop in time; it is left running")]
    DidNotStop {
        /// Its process.
        pid: i32,
    },
    /// The file that keeps the password and the port is damaged.
    #[error("{} is damaged", path.display())]
    DamagedSettings {
        /// The file.
        path: PathBuf,
        /// How.
        source: serde_json::Error,
    },
    /// The file system refused.
    #[error("{what} {}", path.display())]
    Io {
        /// What was tried, e.g. `could not read`.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The server runs, but refuses us.
    #[error("the embedded PostgreSQL refused a connection")]
    Connect(#[from] sqlx::Error),
}

impl PostgresError {
    pub(super) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }

    /// A stable word for it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoBinaries { .. } => "POSTGRES_MISSING",
            Self::WrongBindir(_) => "POSTGRES_WRONG_BINDIR",
            Self::TooOld { .. } => "POSTGRES_TOO_OLD",
            Self::VersionMismatch { .. } => "POSTGRES_VERSION_MISMATCH",
            Self::InUse { .. } => "DATA_DIR_IN_USE",
            Self::NoAccount => "POSTGRES_NO_ACCOUNT",
            Self::Unreachable { .. } => "DATA_DIR_UNREACHABLE",
            Self::Initdb { .. } => "POSTGRES_INITDB_FAILED",
            Self::DidNotStart { .. } => "POSTGRES_DID_NOT_START",
            Self::DidNotStop { .. } => "POSTGRES_DID_NOT_STOP",
            Self::DamagedSettings { .. } => "POSTGRES_SETTINGS_DAMAGED",
            Self::Io { .. } => "FILE_SYSTEM",
            Self::Connect(_) => "POSTGRES_REFUSED",
        }
    }
}
