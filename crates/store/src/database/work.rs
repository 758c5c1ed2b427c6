//! The kinds of work that connections do, and the time bounds of each. The bounds are options of the connection, so
//! they cost no statement.
//!
//! A process that is frozen or cut off holds its locks for as long as Postgres lets its transaction stand idle. The
//! bound on idle transactions lets the other processes go on.

use sqlx::postgres::PgConnectOptions;

/// A kind of work. Each has connections of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// The lanes commit the requests of providers.
    Apply,
    /// The notifier writes deliveries, claims them and finishes them.
    Deliveries,
    /// GraphQL and other callers read.
    Reads,
    /// A member or a key changes something.
    Writes,
    /// Maintenance: making and dropping partitions, analysing tables, changing keys.
    Upkeep,
    /// Migrations change the tables.
    Migration,
    /// A check asks whether the database is there.
    Look,
}

/// The longest statement, the longest idle time in a transaction, and the longest wait for a lock.
struct Bounds {
    statement: &'static str,
    idle_in_transaction: &'static str,
    lock: &'static str,
}

/// Forces the plans that are right at a million rows: see docs/adr/0003.
const PLANNED: [(&str, &str); 5] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];

/// Lets Postgres notice that the client's machine is gone: after 19 s without an answer, or 5 s of unacknowledged data.
/// Postgres ignores these options on a Unix socket.
const KEPT_ALIVE: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "3"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "5s"),
];

impl Work {
    fn bounds(self) -> Bounds {
        let (statement, idle_in_transaction, lock) = match self {
            // The door answers a provider 2 s after the request came.
            Self::Apply => ("1500ms", "2s", "1s"),
            Self::Deliveries => ("10s", "3s", "1s"),
            // An operation ends by itself, after 20 s by default. This bound is for statements that outlive it.
            Self::Reads => ("30s", "2s", "1s"),
            // A transaction that sets a password also hashes it.
            Self::Writes => ("5s", "4s", "1s"),
            Self::Upkeep => ("60s", "5s", "1s"),
            // Building an index may take any time.
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
