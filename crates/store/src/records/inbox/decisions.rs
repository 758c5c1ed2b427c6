//! Decisions about a conversation: the assignee, the status, the priority and the labels.

use inlet_domain::{
    ids::{ConversationId, LabelId},
    model::{conversation::ConversationStatus, handling::Decision, right::Role},
    scope::{Actor, Scope},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Held, InboxWriter, check_revision, write};
use crate::{
    error::StoreError,
    log::{self, NewEvent},
    records::{members, mutation_tx::MutationRequest},
    rows::ConversationRow,
};

/// The most conversations of one transaction.
const CHUNK: i64 = 500;

/// Applies a decision to a conversation, once for each key. A decision that changes nothing raises no event.
///
/// # Errors
/// `Missing` where the conversation, or an object that the decision names, is not in the workspace; `Conflict` where
/// the conversation has another revision; `Invalid` where the decision is not allowed; those of
/// [`MutationTx::begin`](crate::records::mutation_tx::MutationTx::begin).
pub async fn decide(
    writer: InboxWriter<'_>,
    asked: &MutationRequest<'_>,
    id: ConversationId,
    if_revision: Option<i64>,
    decision: &Decision,
) -> Result<(), StoreError> {
    let Some(mut act) = writer.begin(asked).await? else { return Ok(()) };
    hold_named(act.conn(), asked.scope, decision).await?;
    let mut held = Held::lock(act.conn(), asked.scope, id).await?;
    check_revision("conversation", if_revision, held.row.revision)?;
    let before = held.payload();
    let mut handling = held.row.handling();
    handling
        .decide(decision, writer.ambient.now())
        .map_err(|refusal| StoreError::Invalid { path: path(decision), message: refusal.to_string() })?;
    if held.row.status == ConversationStatus::Closed && handling.status != ConversationStatus::Closed {
        refuse_second(act.conn(), asked.scope, &held.row).await?;
        let assignee = handling.assignee.map(|member| (asked.scope.workspace().0, member.0));
        let shut_out = members::shut_out(act.conn(), assignee.as_slice()).await.map_err(StoreError::or_busy)?;
        handling.assignee = handling.assignee.filter(|member| !shut_out.contains(&member.0));
    }
    held.row.handle(handling);
    let event = held.changed(&writer, asked.actor, &before);
    if event.is_some() {
        let written = write(act.conn(), &[&held.row]).await;
        if written.as_ref().is_err_and(StoreError::is_second_open) {
            // A message has just opened another conversation. Its transaction may not have committed, so the error does
            // not name it.
            drop(act);
            return Err(second_open(None));
        }
        written?;
    }
    writer.finish(act, id, event.as_slice()).await
}

fn path(decision: &Decision) -> &'static str {
    match decision {
        Decision::Assign { .. } => "input.memberId",
        Decision::Status(_) => "input.status",
        Decision::Snooze(_) => "input.until",
        Decision::Priority(_) => "input.priority",
        Decision::AddLabels(_) | Decision::RemoveLabels(_) => "input.labelIds",
    }
}

/// Locks the objects that the decision names, so that no one deletes them meanwhile.
async fn hold_named(conn: &mut PgConnection, scope: Scope, decision: &Decision) -> Result<(), StoreError> {
    match decision {
        Decision::Assign { member, team } => {
            if let Some(Some(member)) = member {
                // A transaction that disables the member waits for this lock, then takes the conversation back.
                let found: Option<(bool, bool)> = sqlx::query_as(
                    "SELECT disabled_at IS NOT NULL, role = ANY($3) FROM member \
                     WHERE workspace_id = $1 AND id = $2 FOR SHARE",
                )
                .bind(scope.workspace())
                .bind(member)
                .bind(Role::answering())
                .fetch_optional(&mut *conn)
                .await
                .map_err(StoreError::or_busy)?;
                let refusal = match found.ok_or(StoreError::missing("member", "input.memberId"))? {
                    (true, _) => Some("this member is disabled: assign the conversation to someone who can answer"),
                    (false, false) => {
                        Some("a VIEWER cannot answer: assign the conversation to an AGENT, ADMIN or OWNER")
                    }
                    (false, true) => None,
                };
                if let Some(message) = refusal {
                    return Err(StoreError::Invalid { path: "input.memberId", message: message.to_owned() });
                }
            }
            match team {
                Some(Some(team)) => {
                    hold(conn, scope, "team", &[team.0], |_| StoreError::missing("team", "input.teamId")).await
                }
                _ => Ok(()),
            }
        }
        // A deleted label may still be taken off.
        Decision::AddLabels(labels) => {
            let gone = |id| StoreError::missing_one("label", "input.labelIds", LabelId(id));
            hold(conn, scope, "label", &labels.iter().map(|label| label.0).collect::<Vec<_>>(), gone).await
        }
        _ => Ok(()),
    }
}

async fn hold(
    conn: &mut PgConnection,
    scope: Scope,
    table: &'static str,
    ids: &[Uuid],
    gone: impl Fn(Uuid) -> StoreError,
) -> Result<(), StoreError> {
    let sql =
        format!("SELECT id FROM {table} WHERE workspace_id = $1 AND id = ANY($2) ORDER BY id FOR KEY SHARE OF {table}");
    let found: Vec<Uuid> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(scope.workspace())
        .bind(ids)
        .fetch_all(conn)
        .await
        .map_err(StoreError::or_busy)?;
    match ids.iter().find(|id| !found.contains(id)) {
        None => Ok(()),
        Some(id) => Err(gone(*id)),
    }
}

/// Refuses to reopen a conversation while another one with the same address is not closed (P5). A transaction that
/// opens one holds the lock of the last conversation of the address, or fails at the unique index.
async fn refuse_second(conn: &mut PgConnection, scope: Scope, row: &ConversationRow) -> Result<(), StoreError> {
    let other: Option<ConversationId> = sqlx::query_scalar(
        "SELECT id FROM conversation \
         WHERE workspace_id = $1 AND channel_id = $2 AND address_id = $3 AND status <> 'closed' AND id <> $4",
    )
    .bind(scope.workspace())
    .bind(row.channel_id)
    .bind(row.address_id)
    .bind(row.id)
    .fetch_optional(conn)
    .await?;
    match other {
        Some(other) => Err(second_open(Some(other))),
        None => Ok(()),
    }
}

fn second_open(other: Option<ConversationId>) -> StoreError {
    let other = other.map_or_else(|| "another".to_owned(), |id| format!("conversation {id}"));
    let message = format!("{other} with this address on this channel is not closed: use that one");
    StoreError::Invalid { path: "input.status", message }
}

/// Takes a label off the next conversations after `from`, in a transaction of its own. Returns the position to continue
/// from, or `None` at the end.
///
/// # Errors
/// `Overloaded` where rows stay locked for too long.
pub async fn strip_label(
    writer: InboxWriter<'_>,
    scope: Scope,
    actor: Actor,
    label: LabelId,
    from: Uuid,
) -> Result<Option<Uuid>, StoreError> {
    let mut transaction = writer.database.writes.begin().await?;
    let (events, next) = strip(&mut transaction, &writer, scope, actor, label, from).await?;
    let heads = log::append(&mut transaction, writer.ambient, &events).await?.heads;
    writer.database.commit(transaction).await?;
    writer.heads.tell(writer.database, &heads).await;
    Ok(next)
}

/// Takes the label off within a transaction. Returns the events and the position to continue from.
pub(super) async fn strip(
    conn: &mut PgConnection,
    writer: &InboxWriter<'_>,
    scope: Scope,
    actor: Actor,
    label: LabelId,
    from: Uuid,
) -> Result<(Vec<NewEvent>, Option<Uuid>), StoreError> {
    let ids: Vec<ConversationId> = sqlx::query_scalar(
        "SELECT id FROM conversation WHERE workspace_id = $1 AND id > $2 AND $3 = ANY(label_ids) ORDER BY id LIMIT $4",
    )
    .bind(scope.workspace())
    .bind(from)
    .bind(label)
    .bind(CHUNK)
    .fetch_all(&mut *conn)
    .await?;
    let mut all = Held::lock_all(conn, scope, &ids).await?;
    let mut events = Vec::new();
    for held in &mut all {
        let before = held.payload();
        held.row.label_ids.retain(|id| *id != label.0);
        events.extend(held.changed(writer, actor, &before));
    }
    write(conn, &all.iter().map(|held| &held.row).collect::<Vec<_>>()).await?;
    let full = i64::try_from(ids.len()).is_ok_and(|found| found >= CHUNK);
    Ok((events, ids.last().filter(|_| full).map(|id| id.0)))
}
