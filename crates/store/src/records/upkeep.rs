//! What operators do to a whole database: sealing everything anew under a new key, and beginning a new life of the logs
//! after a restore. No one else calls it, and it asks for no scope.

use chrono::{DateTime, Utc};
use inlet_domain::{
    ids::WorkspaceId,
    secrets::{Place, Sealer},
};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use uuid::Uuid;

use super::canary;
use crate::{database::Database, error::StoreError};

/// Each column that holds what is sealed. A test compares it with the database's columns of bytes.
pub const SEALED: [(&str, &str); 7] = [
    ("source", "sealed_token"),
    ("source", "sealed_secrets"),
    ("webhook", "sealed_secrets"),
    ("webhook", "sealed_legacy_signature"),
    ("webhook", "sealed_headers"),
    ("inbound_event", "sealed"),
    ("mail_outbox", "sealed"),
];

/// The most rows of one step.
const CHUNK: i64 = 500;

/// How far sealing anew has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// How many values were sealed anew so far.
    pub resealed: u64,
}

/// Seals under the newest key whatever stands under another, while servers that have both keys go on; the canary last,
/// so that from then on the old key is not needed to start. It can be broken off and begun anew. Tells `progress` after
/// each step; gives how many values were sealed anew.
///
/// # Errors
/// Where a value opens under none of the keys, or the database fails: what was done until then stays.
pub async fn reseal(
    database: &Database,
    sealer: &Sealer,
    mut progress: impl FnMut(Progress),
) -> Result<u64, StoreError> {
    canary::check(database, sealer).await?;
    let mut total = 0;
    for (table, column) in SEALED {
        let mut resealed = 0;
        let mut after = (Uuid::nil(), Uuid::nil());
        while let Some((done, last)) = step(database, sealer, table, column, after).await? {
            resealed += done;
            after = last;
            progress(Progress { table, column, resealed });
        }
        total += resealed;
    }
    canary::renew(database, sealer).await?;
    Ok(total)
}

/// Looks at the next rows; gives how many were sealed anew and which was the last, or nothing where none is left.
async fn step(
    database: &Database,
    sealer: &Sealer,
    table: &'static str,
    column: &'static str,
    after: (Uuid, Uuid),
) -> Result<Option<(u64, (Uuid, Uuid))>, StoreError> {
    let select = format!(
        "SELECT workspace_id, id, {column} AS sealed FROM {table} \
         WHERE (workspace_id, id) > ($1, $2) AND {column} IS NOT NULL AND get_byte({column}, 0) <> $3 \
         ORDER BY workspace_id, id LIMIT $4"
    );
    let rows = sqlx::query(AssertSqlSafe(select))
        .bind(after.0)
        .bind(after.1)
        .bind(i32::from(sealer.version()))
        .bind(CHUNK)
        .fetch_all(&database.upkeep)
        .await?;
    let mut keys = (Vec::new(), Vec::new());
    let mut values = (Vec::new(), Vec::new());
    for row in &rows {
        let (workspace, id): (Uuid, Uuid) = (row.try_get("workspace_id")?, row.try_get("id")?);
        let sealed: Vec<u8> = row.try_get("sealed")?;
        let place = Place { workspace: WorkspaceId(workspace), table, id, column };
        let plain = sealer.open(&place, &sealed).inspect_err(|error| {
            tracing::error!(table, column, %workspace, %id, %error, "a value cannot be sealed anew");
        })?;
        values.1.push(sealer.seal(&place, &plain));
        values.0.push(sealed);
        keys.0.push(workspace);
        keys.1.push(id);
    }
    let (Some(workspace), Some(id)) = (keys.0.last().copied(), keys.1.last().copied()) else { return Ok(None) };
    // What someone changed meanwhile was sealed then.
    let update = format!(
        "UPDATE {table} t SET {column} = k.new \
         FROM unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::bytea[]) k(workspace_id, id, old, new) \
         WHERE t.workspace_id = k.workspace_id AND t.id = k.id AND t.{column} = k.old"
    );
    let done = sqlx::query(AssertSqlSafe(update))
        .bind(keys.0)
        .bind(keys.1)
        .bind(values.0)
        .bind(values.1)
        .execute(&database.upkeep)
        .await?;
    Ok(Some((done.rows_affected(), (workspace, id))))
}

/// Begins a new life of every workspace's log, so that cursors from before a restore are told apart from those after
/// it. Its number is one that no life before had, also where the same backup is restored twice: minutes since 1970.
/// Gives the workspaces with their new epochs.
///
/// # Errors
/// Where the database fails.
pub async fn begin_epoch(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Vec<(WorkspaceId, i32)>, StoreError> {
    let minutes = i32::try_from(now.timestamp() / 60).unwrap_or(i32::MAX);
    Ok(sqlx::query_as(
        "INSERT INTO log_state AS s (workspace_id, epoch) SELECT id, $1 FROM workspace ORDER BY id \
         ON CONFLICT (workspace_id) DO UPDATE SET epoch = greatest(s.epoch + 1, excluded.epoch) \
         RETURNING workspace_id, epoch",
    )
    .bind(minutes)
    .fetch_all(conn)
    .await?)
}
