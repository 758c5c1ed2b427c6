//! What was read of a log is told only once it is known to be durable. A commit that waits for its standby, and whose backend
//! is ended, can be read already, and a failover may give its number to another event.

use inlet_domain::scope::Scope;
use sqlx::Row;

use super::{LogState, state};
use crate::{
    database::Database,
    error::StoreError,
    log::{Head, Heads},
};

/// Where the log of `scope` stands, as far as it is durable.
///
/// # Errors
/// As [`settle`].
pub async fn durable_state(database: &Database, heads: &Heads, scope: Scope) -> Result<LogState, StoreError> {
    let turn = heads.turn();
    let state = state(&database.pool, scope).await?;
    if let Some(last) = state.last() {
        settle(database, heads, scope, turn, last).await?;
    }
    Ok(state)
}

/// Waits until the log is durable up to an entry that was read, and notes that this process may tell of it. `turn` is the
/// [turn](Heads::turn) before it was read. There is nothing to wait for where this process committed the number, or was told
/// of it by the one that did.
///
/// # Errors
/// Where the database fails. `Away` where it is not known in time, or the database moved since the entry was read.
pub async fn settle(database: &Database, heads: &Heads, scope: Scope, turn: u64, read: Head) -> Result<(), StoreError> {
    if heads.durable(scope.workspace()) < read.seq && !make_durable(database, scope, read).await? {
        return Err(StoreError::Away);
    }
    if heads.settle(turn, scope.workspace(), read) { Ok(()) } else { Err(StoreError::Away) }
}

/// Makes what can be read durable. Whether the entry stands there: it may have been read from a server that was the primary
/// until a moment ago.
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
