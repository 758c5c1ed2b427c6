//! Takes the conversations of members who can no longer answer.
//!
//! The transaction that disables a member, or gives the member a role that cannot answer, only sets the mark
//! `gives_back`. A transaction that assigns or wakes a conversation holds the member under a shared lock. So it either
//! committed before, and this module finds its conversation; or it sees that the member cannot answer. This module
//! takes the conversations in steps of one transaction each, and clears the mark after the last step. If the process
//! dies in between, the mark stays and [`give_back_due`] continues.

use inlet_domain::{
    ids::{ConversationId, MemberId, WorkspaceId},
    model::{conversation::ConversationStatus, right::Role},
    scope::{Actor, Scope},
};
use uuid::Uuid;

use super::{Held, InboxWriter, write};
use crate::{error::StoreError, log};

/// The most conversations of one transaction.
const CHUNK: i64 = 500;

/// The most members of one query.
const MEMBERS: i64 = 100;

/// Takes the conversations of a member who can no longer answer. OPEN ones go to the queue; their teams stay. Each
/// raises an event. If the member can answer, nothing changes.
///
/// # Errors
/// `Overloaded` where rows stay locked for too long. Finished steps stay.
pub async fn give_back(
    writer: InboxWriter<'_>,
    scope: Scope,
    actor: Actor,
    member: MemberId,
) -> Result<(), StoreError> {
    let mut from = Some(Uuid::nil());
    while let Some(after) = from {
        from = step(&writer, scope, actor, member, after).await?;
    }
    Ok(())
}

/// Continues for marked members of any workspace. Several processes may call this at once.
///
/// # Errors
/// As [`give_back`].
pub async fn give_back_due(writer: InboxWriter<'_>) -> Result<(), StoreError> {
    let due: Vec<(WorkspaceId, MemberId)> =
        sqlx::query_as("SELECT workspace_id, id FROM member WHERE gives_back ORDER BY workspace_id, id LIMIT $1")
            .bind(MEMBERS)
            .fetch_all(&writer.database.pool)
            .await?;
    for (workspace, member) in due {
        give_back(writer, Scope::of(workspace), Actor::System, member).await?;
    }
    Ok(())
}

/// Takes the next conversations after `from` from the member. Returns the position to continue from, or `None` at the
/// end.
async fn step(
    writer: &InboxWriter<'_>,
    scope: Scope,
    actor: Actor,
    member: MemberId,
    from: Uuid,
) -> Result<Option<Uuid>, StoreError> {
    let mut transaction = writer.database.writes.begin().await?;
    let found: Option<(bool, i64)> = sqlx::query_as(
        "SELECT disabled_at IS NULL AND role = ANY($3), revision FROM member \
         WHERE workspace_id = $1 AND id = $2 AND gives_back FOR SHARE",
    )
    .bind(scope.workspace())
    .bind(member)
    .bind(Role::answering())
    .fetch_optional(&mut *transaction)
    .await
    .map_err(StoreError::or_busy)?;
    let Some((false, revision)) = found else { return Ok(None) };
    let ids: Vec<ConversationId> = sqlx::query_scalar(
        "SELECT id FROM conversation \
         WHERE workspace_id = $1 AND assignee_id = $2 AND status <> 'closed' AND id > $3 ORDER BY id LIMIT $4",
    )
    .bind(scope.workspace())
    .bind(member)
    .bind(from)
    .bind(CHUNK)
    .fetch_all(&mut *transaction)
    .await?;
    let mut all = Held::lock_all(&mut transaction, scope, &ids).await?;
    // Check under the locks: someone may have closed or reassigned one.
    all.retain(|held| held.row.assignee_id == Some(member.0) && held.row.status != ConversationStatus::Closed);
    let mut events = Vec::new();
    for held in &mut all {
        let before = held.payload();
        let mut handling = held.row.handling();
        handling.give_back();
        held.row.handle(handling);
        events.extend(held.changed(writer, actor, &before));
    }
    write(&mut transaction, &all.iter().map(|held| &held.row).collect::<Vec<_>>()).await?;
    let heads = log::append(&mut transaction, writer.ambient, &events).await?.heads;
    writer.database.commit(transaction).await?;
    writer.heads.tell(writer.database, &heads).await;
    let full = i64::try_from(ids.len()).is_ok_and(|found| found >= CHUNK);
    if let Some(last) = ids.last().filter(|_| full) {
        return Ok(Some(last.0));
    }
    // No one assigns to the member meanwhile, unless the member could answer in between. Then the revision differs.
    sqlx::query(
        "UPDATE member m SET gives_back = false \
         WHERE workspace_id = $1 AND id = $2 AND revision = $3 AND NOT EXISTS ( \
           SELECT FROM conversation c \
           WHERE c.workspace_id = $1 AND c.assignee_id = $2 AND c.status <> 'closed' AND c.deleted_at IS NULL)",
    )
    .bind(scope.workspace())
    .bind(member)
    .bind(revision)
    .execute(&writer.database.pool)
    .await?;
    Ok(None)
}
