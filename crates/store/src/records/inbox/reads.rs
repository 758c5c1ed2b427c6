//! What members have read. Each has a mark of their own: the ordinal of the last inbound message of a conversation that
//! they have read, in the order in which those came. The conversation's own mark is what anyone has read, for those who
//! have none: API keys. Beside each mark stands how many of the messages up to it are there, so that what is unread is a
//! difference of two numbers.

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
    records::{mutation_tx::MutationRequest, words::word},
    rows::{ConversationRow, payloads},
};

/// What becomes of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Every inbound message that there is has been read.
    Read,
    /// What came up to this message has been read. A mark that stands further stays.
    UpTo {
        /// The message, of the conversation; any kind of entry.
        message: MessageId,
        /// Whether the asker sees notes and activities.
        sees_notes: bool,
    },
    /// The last inbound message has not.
    Unread,
}

/// How far was read: up to which ordinal, and how many messages that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reading {
    ordinal: i64,
    count: i64,
}

/// Moves the asker's mark, once where there is a key. What it stands at already raises no event; of a conversation without
/// inbound messages nothing can be unread.
///
/// # Errors
/// `Missing` where the conversation is not in the workspace, or the message is not or not to be seen by the asker;
/// `Invalid` where the message is of another conversation; those of [`MutationTx::begin`](crate::records::mutation_tx::MutationTx::begin).
pub async fn mark(
    writer: InboxWriter<'_>,
    asked: &MutationRequest<'_>,
    id: ConversationId,
    mark: Mark,
) -> Result<(), StoreError> {
    let Some(mut act) = writer.begin(asked).await? else { return Ok(()) };
    // Apply counts messages, and takes deleted ones out of the marks, under the same lock.
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
    // Unread again for whoever has no mark: as far as the marks of members go, for they stand.
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

/// How far the mark is to stand.
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

/// The ordinal of the last inbound message that came up to this entry of the conversation.
async fn place(
    conn: &mut PgConnection,
    scope: Scope,
    row: &ConversationRow,
    message: MessageId,
    sees_notes: bool,
) -> Result<i64, StoreError> {
    let found: Option<(ConversationId, String, Option<i64>)> = sqlx::query_as(
        "SELECT conversation_id, kind, ordinal FROM message \
         WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL",
    )
    .bind(scope.workspace())
    .bind(message)
    .fetch_optional(&mut *conn)
    .await?;
    let (conversation, kind, ordinal) = found.ok_or(StoreError::missing("message", "input.upTo"))?;
    let kind: MessageKind = word("message", "kind", message, &kind)?;
    if matches!(kind, MessageKind::Note | MessageKind::Activity) && !sees_notes {
        return Err(StoreError::missing("message", "input.upTo"));
    }
    if conversation.0 != row.id {
        let message = format!("this message is of {conversation}: name one of the conversation that was read");
        return Err(StoreError::Invalid { path: "input.upTo", message });
    }
    if let Some(ordinal) = ordinal {
        return Ok(ordinal);
    }
    // Its id tells when it came.
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
