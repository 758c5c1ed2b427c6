//! Makes sure that an entry is durable before anyone is told of it. An entry can be read while its commit waits for the
//! standby. If the commit's backend then ends, a failover may give the number to another event.

use inlet_domain::scope::Scope;
use sqlx::Row;

use super::{LogState, state};
use crate::{
    database::Database,
    error::StoreError,
    log::{Head, Heads},
};

/// The state of the log of `scope`, once it is durable.
///
/// # Errors
/// See [`settle`].
pub async fn durable_state(database: &Database, heads: &Heads, scope: Scope) -> Result<LogState, StoreError> {
    let turn = heads.turn();
    let state = state(&database.pool, scope).await?;
    if let Some(last) = state.last() {
        settle(database, heads, scope, turn, last).await?;
    }
    Ok(state)
}

/// Waits until the log is durable up to an entry that was read, and notes that this process may tell of the entry.
/// `turn` is the [turn](Heads::turn) before the reading. Does not wait if this process committed the number, or heard
/// of it from the process that did.
///
/// # Errors
/// `Away` if Postgres does not answer in time, or if the database has moved since the reading. Read the log anew then.
pub async fn settle(database: &Database, heads: &Heads, scope: Scope, turn: u64, read: Head) -> Result<(), StoreError> {
    if heads.durable(scope.workspace()) < read.seq && !make_durable(database, scope, read).await? {
        return Err(StoreError::Away);
    }
    if heads.settle(turn, scope.workspace(), read) { Ok(()) } else { Err(StoreError::Away) }
}

/// Makes everything durable that can be read. False if the entry is not there: the server that it was read from may
/// have been the primary until a moment ago.
async fn make_durable(database: &Database, scope: Scope, read: Head) -> Result<bool, StoreError> {
    let pool = database.writes.clone();
    let marking = async move {
        let row = sqlx::query(
            "SELECT EXISTS (SELECT FROM event WHERE workspace_id = $1 AND id = $2 AND seq = $3) AS stands, \
               pg_logical_emit_message(true, 'inlet', '')",
        )
        .bind(scope.workspace())
        .bind(read.id)
        .bind(read.seq)
        .fetch_one(&pool)
        .await?;
        row.try_get("stands")
    };
    database.unbroken(marking).await
}
