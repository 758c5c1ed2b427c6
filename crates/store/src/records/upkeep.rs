//! Operations on a whole database: sealing all values under a new key, and beginning a new epoch of the logs after a
//! restore. Only operators call them, so they take no scope.

use chrono::{DateTime, Utc};
use inlet_domain::{
    ids::WorkspaceId,
    secrets::{Place, Sealer},
};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use uuid::Uuid;

use super::canary;
use crate::{database::Database, error::StoreError};

/// The sealed columns. A test compares them with the database's columns of bytes.
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

/// The progress of sealing anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The number of values sealed anew so far.
    pub resealed: u64,
}

/// Seals all values under the newest key while servers with both keys run. The canary comes last; from then on a
/// process starts without the old key. The operation can be interrupted and repeated. Calls `progress` after each step.
/// Returns the number of values sealed anew.
///
/// # Errors
/// Where the database fails, or a value opens under no key. Earlier steps stay.
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

/// Seals the next rows. Returns the number of values sealed anew and the last row, or `None` at the end.
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
    // Skip a value that someone has changed meanwhile: it is sealed under the newest key.
    let update = format!(
        "UPDATE {table} t SET {column} = resealed.new \
         FROM unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::bytea[]) resealed(workspace_id, id, old, new) \
         WHERE t.workspace_id = resealed.workspace_id AND t.id = resealed.id AND t.{column} = resealed.old"
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

/// Begins a new epoch of every workspace's log, so that cursors from before a restore differ from later ones. The epoch
/// is the number of minutes since 1970, or one more than the last epoch. So it is new even if the same backup is
/// restored twice. Returns the workspaces with their new epochs.
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
