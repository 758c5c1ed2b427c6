//! What connections are for, and how long what they do may take. This is the one place that says so: the bounds are
//! options of the connection, so they cost no statement.
//!
//! A process that is frozen, or cut off, holds its locks for as long as Postgres lets its transaction stand idle. A bound
//! on that lets every other process go on.

use sqlx::postgres::PgConnectOptions;

/// A kind of work. Each has connections of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// The lanes commit what providers posted.
    Apply,
    /// The notifier writes deliveries, claims them and finishes them.
    Deliveries,
    /// GraphQL reads, and so do look-ups.
    Reads,
    /// A member or a key changes something.
    Writes,
    /// Partitions are made and dropped, tables analysed, keys made anew.
    Upkeep,
    /// Migrations change the tables.
    Migration,
    /// A look says whether the database is there.
    Look,
}

/// Of each kind: the longest statement, the longest that a transaction stands idle, and the longest wait for a lock.
struct Bounds {
    statement: &'static str,
    idle_in_transaction: &'static str,
    lock: &'static str,
}

/// These keep plans as they should be at a million rows: see docs/adr/0003.
const PLANNED: [(&str, &str); 5] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];

/// Postgres finds by these that a client's machine is gone: after 19 s without a sign of it, or 5 s of data that it does
/// not take. On a socket file they are passed over.
const KEPT_ALIVE: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "3"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "5s"),
];

impl Work {
    fn bounds(self) -> Bounds {
        let (statement, idle_in_transaction, lock) = match self {
            // A provider is answered 2 s after it came.
            Self::Apply => ("1500ms", "2s", "1s"),
            Self::Deliveries => ("10s", "3s", "1s"),
            // An operation has 20 s by default and ends by itself; this is for a statement that was left behind.
            Self::Reads => ("30s", "2s", "1s"),
            // A new password is hashed within one, in its turn.
            Self::Writes => ("5s", "4s", "1s"),
            Self::Upkeep => ("60s", "5s", "1s"),
            // How long an index takes, no one can say.
            Self::Migration => ("0", "5s", "1s"),
            Self::Look => ("2s", "2s", "1s"),
        };
        Bounds { statement, idle_in_transaction, lock }
    }

    /// The options of a connection for this kind of work.
    pub(crate) fn options(self, options: PgConnectOptions) -> PgConnectOptions {
        let Bounds { statement, idle_in_transaction, lock } = self.bounds();
        let name = if self == Self::Deliveries { "inlet-notifier" } else { "inlet" };
        let options = options.application_name(name).options(KEPT_ALIVE).options([
            ("timezone", "UTC"),
            ("statement_timeout", statement),
            ("idle_in_transaction_session_timeout", idle_in_transaction),
            ("lock_timeout", lock),
        ]);
        match self {
            Self::Apply | Self::Deliveries => options.options(PLANNED),
            Self::Reads | Self::Writes | Self::Upkeep | Self::Migration | Self::Look => options,
        }
    }
}
