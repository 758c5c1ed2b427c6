//! The cause of a rollback, and what to do about it.

use super::batch::BatchError;
use crate::error::StoreError;

/// The cause of a rollback, by what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    /// The data of a request, with its index if known. A retry does not help.
    Request(Option<usize>),
    /// Another transaction holds rows: a lock timeout or a deadlock. A retry may find the rows free.
    Contention,
    /// A statement took too long: the batch may be too large, or the database slow. Half of the batch may end in time.
    Slowness,
    /// Postgres refuses the batch for an unclear reason. The other requests of the batch must not suffer.
    Unclear,
    /// The database is away, or the answer to a commit is lost. A retry may succeed, or find the batch committed.
    Absence,
}

/// Reads the cause from the SQLSTATE. 22 is bad data, 23 is a broken constraint, 54 is a value beyond the limits of
/// Postgres, as in an index entry. 40 is a deadlock or a race, 55P03 is a lock timeout, 57014 is a statement timeout.
/// 08, 25, 28, 3D, 53, 58 and the rest of 55 and 57 mean that the server is stopping, full, read-only or not there, or
/// that it ended a transaction in which this process was idle for too long (25P03).
pub(crate) fn blame(error: &BatchError) -> Blame {
    let store = match error {
        BatchError::Rejected { index, .. } => return Blame::Request(Some(*index)),
        BatchError::Store(store) => store,
    };
    match store {
        StoreError::Database(sqlx::Error::Database(refusal)) => {
            let code = refusal.code().unwrap_or_default();
            match (&*code, code.get(..2).unwrap_or_default()) {
                ("55P03", _) | (_, "40") => Blame::Contention,
                ("57014", _) => Blame::Slowness,
                (_, "22" | "23" | "54") => Blame::Request(None),
                (_, "08" | "25" | "28" | "3D" | "53" | "55" | "57" | "58") => Blame::Absence,
                _ => Blame::Unclear,
            }
        }
        StoreError::Database(sqlx::Error::Encode(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_))
        | StoreError::InvalidValue { .. } => Blame::Request(None),
        _ => Blame::Absence,
    }
}

/// The reason as the raw log tells it.
pub(crate) fn reason(error: &BatchError) -> String {
    match error {
        BatchError::Rejected { rejection, .. } => rejection.to_string(),
        BatchError::Store(StoreError::Database(sqlx::Error::Database(refusal))) => refusal.message().to_owned(),
        BatchError::Store(error) => error.to_string(),
    }
}
