//! Who is to blame for a batch that was rolled back.

use super::batch::BatchError;
use crate::error::StoreError;

/// Why a batch was rolled back, by what is to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    /// The data of a request; of which, if that is known. Another try changes nothing.
    Request(Option<usize>),
    /// Someone holds rows of it: a lock that did not come, a deadlock. Another try may find them free.
    Contention,
    /// A statement took too long: the batch may be too large, or the database slow. Half of it may be done in time.
    Slowness,
    /// Postgres refuses it for a reason that tells neither. The others of the batch must not suffer from it.
    Unclear,
    /// The database is away, or the answer to a commit is lost. Another try may mend it, and may find it done.
    Absence,
}

/// Of SQLSTATE: 22 is bad data, 23 a broken constraint, 54 more than Postgres can hold, as in an index entry; 40 is a
/// deadlock or a race, 55P03 a lock that did not come in time, 57014 a statement that took too long; 08, 25, 28, 3D, 53,
/// 55 else, 57 else and 58 are a server that is stopping, full, read-only or not there, or that ended a transaction in
/// which this process was silent for too long (25P03).
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

/// What the raw log says of it.
pub(crate) fn reason(error: &BatchError) -> String {
    match error {
        BatchError::Rejected { rejection, .. } => rejection.to_string(),
        BatchError::Store(StoreError::Database(sqlx::Error::Database(refusal))) => refusal.message().to_owned(),
        BatchError::Store(error) => error.to_string(),
    }
}
