//! Errors of the embedded Postgres, with their remedies.

use std::{io, path::PathBuf};

use super::binaries::INSTALL_HINT;

/// The embedded Postgres could not be made, started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The machine has no server binaries.
    #[error(
        "found no PostgreSQL server in INLET_PG_BINDIR, pg_config, the distributions' folders, {} or PATH. {INSTALL_HINT}",
        unpacked.display()
    )]
    NoBinaries {
        /// The folder of an unpacked copy.
        unpacked: PathBuf,
    },
    /// `INLET_PG_BINDIR` holds no runnable server.
    #[error("INLET_PG_BINDIR is {}, which has no runnable `postgres` and `initdb`: set it to the folder of both, or unset it", .0.display())]
    WrongBindir(PathBuf),
    /// All servers on the machine are too old.
    #[error("found only PostgreSQL {found} in {}; Inlet needs {needed} or newer. {INSTALL_HINT}", bindir.display())]
    TooOld {
        /// The newest major version on the machine.
        found: u32,
        /// The folder of that version.
        bindir: PathBuf,
        /// The oldest supported version.
        needed: u32,
    },
    /// The major version that made the data is not installed.
    #[error(
        "the data in {} was made by PostgreSQL {data}, but only {installed} is installed: install postgresql-{data}, or set \
         INLET_PG_BINDIR to its binaries, or move the folder away to begin with an empty database",
        folder.display()
    )]
    VersionMismatch {
        /// The data folder.
        folder: PathBuf,
        /// The major version that made it.
        data: String,
        /// The installed major versions.
        installed: String,
    },
    /// Another process owns this folder.
    #[error("{} is in use by another process{}: stop that process, or use another --data-dir", folder.display(), holder.map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The pid of the other process, if known.
        holder: Option<u32>,
    },
    /// The process is root, and there is no other account for Postgres.
    #[error(
        "PostgreSQL does not run as root, and this machine has no user `postgres` or `nobody` to run it: create the user `postgres`, or run Inlet as an ordinary user"
    )]
    NoAccount,
    /// The account of Postgres cannot enter the folder.
    #[error("PostgreSQL does not run as root, and its user `{account}` cannot enter {}: use a --data-dir that this user can enter", folder.display())]
    Unreachable {
        /// The account.
        account: String,
        /// The folder.
        folder: PathBuf,
    },
    /// initdb failed.
    #[error("initdb failed: {output}")]
    Initdb {
        /// The output of initdb.
        output: String,
    },
    /// The server ended during its start.
    #[error("PostgreSQL did not start: {output} (full log: {})", log.display())]
    DidNotStart {
        /// The last lines of the log.
        output: String,
        /// The path of the log.
        log: PathBuf,
    },
    /// The server did not stop.
    #[error("PostgreSQL (pid {pid}) did not stop in time and is still running: stop it by hand")]
    DidNotStop {
        /// The pid of the server.
        pid: i32,
    },
    /// The file with the password and the port is damaged.
    #[error("{} is damaged: restore it from a backup, or move the data folder away to begin with an empty database", path.display())]
    DamagedSettings {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: serde_json::Error,
    },
    /// The file system refused.
    #[error("{what} {}", path.display())]
    Io {
        /// The action that failed, e.g. `could not read`.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The server runs, but refuses a connection.
    #[error("the embedded PostgreSQL refused a connection")]
    Connect(#[from] sqlx::Error),
}

impl PostgresError {
    pub(super) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }

    /// A stable code.
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
