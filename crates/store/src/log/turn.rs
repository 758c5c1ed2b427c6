//! The database moved to another history: a standby that may have lacked the last commits is the primary now.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use inlet_domain::ids::{EventId, WorkspaceId};
use sqlx::{Connection, PgConnection, Row};
use uuid::Uuid;

use crate::{
    error::StoreError,
    log::{Head, notify},
};

/// So many logs are compared at once.
const AT_ONCE: usize = 1_000;

/// Compares what this process knew to stand with what the logs hold now. Where an entry is gone, or its number is another
/// one's, the log begins an epoch, once for all processes that find it. Gives the logs whose epoch is another one than was
/// known.
///
/// # Errors
/// Where the database fails.
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
            // Who locks the rows of several does so in one order.
            differing.sort_unstable_by_key(|differing| differing.workspace);
            others.extend(begin_epochs(conn, &differing, now).await?);
        }
    }
    Ok(others)
}

/// A log that differs from what was known of it.
struct Differing {
    workspace: WorkspaceId,
    known: Head,
    /// The epoch in which it was found to differ.
    epoch: i32,
}

/// The logs that began another epoch since, and those that differ.
async fn look(
    conn: &mut PgConnection,
    known: &[(WorkspaceId, Head)],
) -> Result<(Vec<(WorkspaceId, i32)>, Vec<Differing>), StoreError> {
    // What retention trimmed away meanwhile is not compared.
    let rows = sqlx::query(
        "SELECT k.workspace_id, coalesce(s.epoch, 1) AS epoch, \
           coalesce(s.epoch, 1) < k.epoch OR coalesce(s.floor, 0) < k.seq AND NOT EXISTS ( \
             SELECT FROM event e WHERE e.workspace_id = k.workspace_id AND e.id = k.id AND e.seq = k.seq) AS differs \
         FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::uuid[]) k(workspace_id, epoch, seq, id) \
         JOIN workspace w ON w.id = k.workspace_id LEFT JOIN log_state s ON s.workspace_id = k.workspace_id",
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

/// Begins an epoch of each of these logs, unless another process did so since it was looked at; gives the epochs.
async fn begin_epochs(
    conn: &mut PgConnection,
    differing: &[Differing],
    now: DateTime<Utc>,
) -> Result<Vec<(WorkspaceId, i32)>, StoreError> {
    // As `inlet admin new-epoch` counts them: a number that no life before had.
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
            "the database moved and lacks events that were told; who follows the log is told to read anew"
        );
        begun.push((*workspace, Head { epoch: next, seq: 0, id: EventId(Uuid::nil()) }));
    }
    sqlx::query(
        "UPDATE log_state s SET epoch = k.epoch FROM unnest($1::uuid[], $2::integer[]) k(workspace_id, epoch) \
         WHERE s.workspace_id = k.workspace_id",
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
