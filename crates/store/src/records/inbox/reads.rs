//! Read marks. Each member has a mark in each conversation: the ordinal, in order of arrival, of the last inbound
//! message that the member has read. The conversation's own mark is the highest one; API keys, which have no mark, use
//! it. Beside each mark stands the number of existing messages up to it, so that the unread count is a difference of
//! two numbers.

use inlet_domain::{
    event::{EventType, payload::ReadPayload},
    ids::{ConversationId, MessageId},
    model::message::MessageKind,
    scope::{Actor, Scope},
};
use sqlx::PgConnection;

use super::{Held, InboxWriter};
use crate::{
    error::StoreError,
    records::mutation_tx::MutationRequest,
    rows::{ConversationRow, payloads},
};

/// A change of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Mark every inbound message as read.
    Read,
    /// Mark the messages up to this one as read. A higher mark stays.
    UpTo {
        /// The message: an entry of the conversation, of any kind.
        message: MessageId,
        /// The caller sees notes and activities.
        sees_notes: bool,
    },
    /// Mark the last inbound message as unread.
    Unread,
}

/// A position of a mark: an ordinal, and the number of existing messages up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reading {
    ordinal: i64,
    count: i64,
}

/// Moves the caller's mark, once for each key. A mark that stays raises no event. A conversation without inbound
/// messages cannot become unread.
///
/// # Errors
/// `Missing` where the conversation is not in the workspace, or the message does not exist or is hidden from the
/// caller; `Invalid` where the message is in another conversation; those of
/// [`MutationTx::begin`](crate::records::mutation_tx::MutationTx::begin).
pub async fn mark(
    writer: InboxWriter<'_>,
    asked: &MutationRequest<'_>,
    id: ConversationId,
    mark: Mark,
) -> Result<(), StoreError> {
    let Some(mut act) = writer.begin(asked).await? else { return Ok(()) };
    // `apply` counts messages and removes deleted ones from the marks under this lock.
    let held = Held::lock(act.conn(), asked.scope, id).await?;
    let all = held.row.inbound_count;
    let wanted = wanted(act.conn(), asked.scope, &held.row, mark).await?;
    let workspace = asked.scope.workspace();
    let (member, stood) = match asked.actor {
        Actor::Member(member) => {
            let stood: Option<(i64, i64)> = sqlx::query_as(
                "SELECT read_ordinal, read_count FROM conversation_read \
                 WHERE workspace_id = $1 AND conversation_id = $2 AND member_id = $3",
            )
            .bind(workspace)
            .bind(id)
            .bind(member)
            .fetch_optional(act.conn())
            .await?;
            let (ordinal, count) = stood.unwrap_or_default();
            (Some(member), Reading { ordinal, count })
        }
        Actor::ApiKey(_) | Actor::Provider | Actor::System => {
            (None, Reading { ordinal: held.row.read_ordinal, count: held.row.read_count })
        }
    };
    let moves = match mark {
        Mark::Read | Mark::UpTo { .. } => stood.ordinal < wanted.ordinal && stood.count < wanted.count,
        Mark::Unread => stood.ordinal > wanted.ordinal && stood.count > wanted.count,
    };
    if !moves {
        return writer.finish(act, id, &[]).await;
    }
    let now = writer.ambient.now();
    if let Some(member) = member {
        sqlx::query(
            "INSERT INTO conversation_read (workspace_id, conversation_id, member_id, read_count, read_ordinal, read_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (workspace_id, conversation_id, member_id) \
             DO UPDATE SET read_count = excluded.read_count, read_ordinal = excluded.read_ordinal, \
               read_at = excluded.read_at",
        )
        .bind(workspace)
        .bind(id)
        .bind(member)
        .bind(wanted.count)
        .bind(wanted.ordinal)
        .bind(now)
        .execute(act.conn())
        .await?;
    }
    // Make the conversation unread for callers without a mark, down to the highest mark of a member.
    let sql = match (mark, member) {
        (Mark::Read | Mark::UpTo { .. }, _) => {
            "UPDATE conversation SET read_count = greatest(read_count, $3), read_ordinal = greatest(read_ordinal, $4) \
             WHERE workspace_id = $1 AND id = $2"
        }
        (Mark::Unread, None) => {
            "UPDATE conversation SET read_count = $3, read_ordinal = $4 WHERE workspace_id = $1 AND id = $2"
        }
        (Mark::Unread, Some(_)) => {
            "UPDATE conversation c SET read_count = least(c.read_count, greatest($3, r.read_count)), \
               read_ordinal = least(c.read_ordinal, greatest($4, r.read_ordinal)) \
             FROM (SELECT max(read_count) AS read_count, max(read_ordinal) AS read_ordinal FROM conversation_read \
               WHERE workspace_id = $1 AND conversation_id = $2) r \
             WHERE c.workspace_id = $1 AND c.id = $2"
        }
    };
    sqlx::query(sql).bind(workspace).bind(id).bind(wanted.count).bind(wanted.ordinal).execute(act.conn()).await?;
    let payload = ReadPayload {
        id,
        member_id: member,
        read_count: wanted.count,
        unread: all - wanted.count,
        read_at: now,
        conversation: payloads::conversation_brief(&held.row),
    };
    let mut event = held.draft(&writer, asked.actor, EventType::ConversationRead, payloads::bytes(&payload));
    event.revision = None;
    writer.finish(act, id, &[event]).await
}

/// The new position of the mark.
async fn wanted(
    conn: &mut PgConnection,
    scope: Scope,
    row: &ConversationRow,
    mark: Mark,
) -> Result<Reading, StoreError> {
    let ordinal = match mark {
        Mark::Read => return Ok(Reading { ordinal: row.last_ordinal, count: row.inbound_count }),
        Mark::UpTo { message, sees_notes } => place(conn, scope, row, message, sees_notes).await?,
        Mark::Unread => {
            let last: Option<i64> = sqlx::query_scalar(
                "SELECT max(ordinal) FROM message WHERE workspace_id = $1 AND conversation_id = $2 \
                   AND direction = 'inbound' AND deleted_at IS NULL",
            )
            .bind(row.workspace_id)
            .bind(row.id)
            .fetch_one(&mut *conn)
            .await?;
            let ordinal = last.map_or(0, |last| last - 1);
            return Ok(Reading { ordinal, count: (row.inbound_count - 1).max(0) });
        }
    };
    let after: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM message WHERE workspace_id = $1 AND conversation_id = $2 AND direction = 'inbound' \
           AND deleted_at IS NULL AND ordinal > $3",
    )
    .bind(row.workspace_id)
    .bind(row.id)
    .bind(ordinal)
    .fetch_one(conn)
    .await?;
    Ok(Reading { ordinal, count: (row.inbound_count - after).max(0) })
}

/// The ordinal of the last inbound message that arrived up to this entry of the conversation.
async fn place(
    conn: &mut PgConnection,
    scope: Scope,
    row: &ConversationRow,
    message: MessageId,
    sees_notes: bool,
) -> Result<i64, StoreError> {
    let found: Option<(ConversationId, MessageKind, Option<i64>)> = sqlx::query_as(
        "SELECT conversation_id, kind, ordinal FROM message \
         WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL",
    )
    .bind(scope.workspace())
    .bind(message)
    .fetch_optional(&mut *conn)
    .await?;
    let (conversation, kind, ordinal) = found.ok_or(StoreError::missing("message", "input.upTo"))?;
    if matches!(kind, MessageKind::Note | MessageKind::Activity) && !sees_notes {
        return Err(StoreError::missing("message", "input.upTo"));
    }
    if conversation.0 != row.id {
        let message = format!("this message belongs to {conversation}: name a message of this conversation");
        return Err(StoreError::Invalid { path: "input.upTo", message });
    }
    if let Some(ordinal) = ordinal {
        return Ok(ordinal);
    }
    // The id tells the time of arrival.
    let before: Option<i64> = sqlx::query_scalar(
        "SELECT ordinal FROM message WHERE workspace_id = $1 AND conversation_id = $2 AND direction = 'inbound' \
           AND deleted_at IS NULL AND ordinal IS NOT NULL AND id < $3 ORDER BY ordinal DESC LIMIT 1",
    )
    .bind(row.workspace_id)
    .bind(row.id)
    .bind(message)
    .fetch_optional(conn)
    .await?;
    Ok(before.unwrap_or(0))
}
