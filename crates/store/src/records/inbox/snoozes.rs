//! Ends snoozes.

use chrono::{DateTime, Utc};
use inlet_domain::{
    ids::ConversationId,
    model::conversation::ConversationStatus,
    scope::{Actor, Scope},
};
use uuid::Uuid;

use super::{Held, InboxWriter, write};
use crate::{error::StoreError, log, records::members};

/// The most conversations of one pass.
const CHUNK: i64 = 100;

/// Ends the due snoozes of any workspace: each conversation returns to its assignee, or to the queue. Returns the
/// number of conversations. Fewer than [`CHUNK`] in one workspace mean that none is left there. Locked rows are left to
/// the next pass. Several processes may call this at once.
pub async fn wake_due(writer: InboxWriter<'_>) -> Result<usize, StoreError> {
    let now = writer.ambient.now();
    let mut woken = 0;
    let due: Vec<Uuid> = sqlx::query_scalar(
        "SELECT DISTINCT workspace_id FROM ( \
           SELECT workspace_id FROM conversation WHERE status = 'snoozed' AND snoozed_until <= $1 \
           ORDER BY snoozed_until LIMIT $2) d",
    )
    .bind(now)
    .bind(CHUNK)
    .fetch_all(&writer.database.pool)
    .await?;
    for workspace in due {
        woken += wake(&writer, Scope::of(workspace.into()), now).await?;
    }
    Ok(woken)
}

async fn wake(writer: &InboxWriter<'_>, scope: Scope, now: DateTime<Utc>) -> Result<usize, StoreError> {
    let mut transaction = writer.database.writes.begin().await?;
    let ids: Vec<ConversationId> = sqlx::query_scalar(
        "SELECT id FROM conversation WHERE workspace_id = $1 AND status = 'snoozed' AND snoozed_until <= $2 \
         ORDER BY id LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED",
    )
    .bind(scope.workspace())
    .bind(now)
    .bind(CHUNK)
    .fetch_all(&mut *transaction)
    .await?;
    let mut all = Held::lock_all(&mut transaction, scope, &ids).await?;
    let mut assignees: Vec<_> =
        all.iter().filter_map(|held| Some((held.row.workspace_id, held.row.assignee_id?))).collect();
    assignees.sort_unstable();
    assignees.dedup();
    let shut_out = members::shut_out(&mut transaction, &assignees).await.map_err(StoreError::or_busy)?;
    let mut events = Vec::new();
    for held in &mut all {
        debug_assert_eq!(held.row.status, ConversationStatus::Snoozed);
        let before = held.payload();
        let mut handling = held.row.handling();
        if handling.assignee.is_some_and(|member| shut_out.contains(&member.0)) {
            handling.give_back();
        }
        handling.awake();
        held.row.handle(handling);
        events.extend(held.changed(writer, Actor::System, &before));
    }
    write(&mut transaction, &all.iter().map(|held| &held.row).collect::<Vec<_>>()).await?;
    let heads = log::append(&mut transaction, writer.ambient, &events).await?.heads;
    writer.database.commit(transaction).await?;
    writer.heads.tell(writer.database, &heads).await;
    Ok(all.len())
}
