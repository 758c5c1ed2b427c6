//! Compares the logs after a failover: the new primary may lack the last commits of the old one.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use inlet_domain::ids::{EventId, WorkspaceId};
use sqlx::{Connection, PgConnection, Row};
use uuid::Uuid;

use crate::{
    error::StoreError,
    log::{Head, notify},
};

/// How many logs one statement compares.
const AT_ONCE: usize = 1_000;

/// Compares the heads that this process knows with the logs as they are now. If an entry is gone, or another entry has
/// its number, the log begins a new epoch. Several processes that find the loss begin only one epoch. Returns the logs
/// whose epoch differs from the known one, with that epoch.
pub(crate) async fn compare(
    conn: &mut PgConnection,
    known: &[(WorkspaceId, Head)],
    now: DateTime<Utc>,
) -> Result<Vec<(WorkspaceId, i32)>, StoreError> {
    let mut others = Vec::new();
    for known in known.chunks(AT_ONCE) {
        let (found, mut differing) = look(conn, known).await?;
        others.extend(found);
        if !differing.is_empty() {
            // Every process locks the rows in this order, so no two wait for each other.
            differing.sort_unstable_by_key(|differing| differing.workspace);
            others.extend(begin_epochs(conn, &differing, now).await?);
        }
    }
    Ok(others)
}

/// A log that lacks the known head.
struct Differing {
    workspace: WorkspaceId,
    known: Head,
    /// The epoch of the log when the loss was found.
    epoch: i32,
}

/// The logs that have begun another epoch, and the logs that lack their known head.
async fn look(
    conn: &mut PgConnection,
    known: &[(WorkspaceId, Head)],
) -> Result<(Vec<(WorkspaceId, i32)>, Vec<Differing>), StoreError> {
    // Retention may have trimmed the entry away: that is no loss.
    let rows = sqlx::query(
        "SELECT given.workspace_id, coalesce(s.epoch, 1) AS epoch, \
           coalesce(s.epoch, 1) < given.epoch OR coalesce(s.floor, 0) < given.seq AND NOT EXISTS ( \
             SELECT FROM event e WHERE e.workspace_id = given.workspace_id AND e.id = given.id AND e.seq = given.seq) AS differs \
         FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::uuid[]) given(workspace_id, epoch, seq, id) \
         JOIN workspace w ON w.id = given.workspace_id LEFT JOIN log_state s ON s.workspace_id = given.workspace_id",
    )
    .bind(known.iter().map(|(workspace, _)| workspace.0).collect::<Vec<_>>())
    .bind(known.iter().map(|(_, head)| head.epoch).collect::<Vec<_>>())
    .bind(known.iter().map(|(_, head)| head.seq).collect::<Vec<_>>())
    .bind(known.iter().map(|(_, head)| head.id.0).collect::<Vec<_>>())
    .fetch_all(&mut *conn)
    .await?;
    let known: HashMap<WorkspaceId, Head> = known.iter().copied().collect();
    let (mut found, mut differing) = (Vec::new(), Vec::new());
    for row in rows {
        let (workspace, epoch): (WorkspaceId, i32) = (row.try_get("workspace_id")?, row.try_get("epoch")?);
        let Some(known) = known.get(&workspace).copied() else { continue };
        if epoch > known.epoch {
            found.push((workspace, epoch));
        } else if row.try_get("differs")? {
            differing.push(Differing { workspace, known, epoch });
        }
    }
    Ok((found, differing))
}

/// Begins a new epoch of each log, unless another process has done so meanwhile. Returns the epochs.
async fn begin_epochs(
    conn: &mut PgConnection,
    differing: &[Differing],
    now: DateTime<Utc>,
) -> Result<Vec<(WorkspaceId, i32)>, StoreError> {
    // As in `inlet admin new-epoch`: minutes give a number that no earlier epoch had.
    let minutes = i32::try_from(now.timestamp() / 60).unwrap_or(i32::MAX);
    let workspaces: Vec<Uuid> = differing.iter().map(|differing| differing.workspace.0).collect();
    let mut transaction = conn.begin().await?;
    sqlx::query("INSERT INTO log_state (workspace_id) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING")
        .bind(&workspaces)
        .execute(&mut *transaction)
        .await?;
    let standing: Vec<(WorkspaceId, i32)> = sqlx::query_as(
        "SELECT workspace_id, epoch FROM log_state WHERE workspace_id = ANY($1) ORDER BY workspace_id FOR UPDATE",
    )
    .bind(&workspaces)
    .fetch_all(&mut *transaction)
    .await?;
    let standing: HashMap<WorkspaceId, i32> = standing.into_iter().collect();
    let (mut epochs, mut begun) = (Vec::new(), Vec::new());
    for Differing { workspace, known, epoch } in differing {
        let standing = standing.get(workspace).copied().unwrap_or(*epoch);
        if standing > *epoch {
            epochs.push((*workspace, standing));
            continue;
        }
        let next = minutes.max(standing.max(known.epoch).saturating_add(1));
        tracing::warn!(
            %workspace, seq = known.seq, epoch = next,
            "the database moved and lacks events that followers have seen; they are told to read anew"
        );
        begun.push((*workspace, Head { epoch: next, seq: 0, id: EventId(Uuid::nil()) }));
    }
    sqlx::query(
        "UPDATE log_state s SET epoch = given.epoch FROM unnest($1::uuid[], $2::integer[]) given(workspace_id, epoch) \
         WHERE s.workspace_id = given.workspace_id",
    )
    .bind(begun.iter().map(|(workspace, _)| workspace.0).collect::<Vec<_>>())
    .bind(begun.iter().map(|(_, head)| head.epoch).collect::<Vec<_>>())
    .execute(&mut *transaction)
    .await?;
    notify(&mut transaction, &begun).await?;
    transaction.commit().await?;
    epochs.extend(begun.into_iter().map(|(workspace, head)| (workspace, head.epoch)));
    Ok(epochs)
}
