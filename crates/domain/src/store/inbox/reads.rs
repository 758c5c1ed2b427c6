//! What members have read. Each has a mark of their own: how many inbound messages of a conversation, in the order in
//! which they came. The conversation's own count is what anyone has read, for those who have no mark: API keys.

use super::{Desk, Held};
use crate::{
    apply::fold::payloads,
    error::StoreError,
    event::{EventType, payload::ReadPayload},
    ids::ConversationId,
    scope::Actor,
    store::acts::Asked,
};

/// What becomes of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Every inbound message that there is has been read.
    Read,
    /// The last inbound message has not.
    Unread,
}

/// Moves the asker's mark, once where there is a key. What it stands at already raises no event; of a conversation without
/// inbound messages nothing can be unread.
///
/// # Errors
/// `NotFound` where the conversation is not in the workspace; those of [`Act::begin`](crate::store::acts::Act::begin).
pub async fn mark(desk: Desk<'_>, asked: &Asked<'_>, id: ConversationId, mark: Mark) -> Result<(), StoreError> {
    let Some(mut act) = desk.begin(asked).await? else { return Ok(()) };
    // Apply counts messages, and takes places of deleted ones out of the marks, under the same lock.
    let held = Held::lock(act.conn(), asked.scope, id).await?;
    let all = held.row.inbound_count;
    let wanted = match mark {
        Mark::Read => all,
        Mark::Unread => (all - 1).max(0),
    };
    let workspace = asked.scope.workspace();
    let (member, stood) = match asked.actor {
        Actor::Member(member) => {
            let stood: Option<i64> = sqlx::query_scalar(
                "SELECT read_count FROM conversation_read \
                 WHERE workspace_id = $1 AND conversation_id = $2 AND member_id = $3",
            )
            .bind(workspace)
            .bind(id)
            .bind(member)
            .fetch_optional(act.conn())
            .await?;
            (Some(member), stood.unwrap_or(0))
        }
        Actor::ApiKey(_) | Actor::Provider | Actor::System => (None, held.row.read_count),
    };
    let moves = match mark {
        Mark::Read => stood < wanted,
        Mark::Unread => stood > wanted,
    };
    if !moves {
        return desk.finish(act, id, &[]).await;
    }
    let now = desk.ambient.now();
    if let Some(member) = member {
        sqlx::query(
            "INSERT INTO conversation_read (workspace_id, conversation_id, member_id, read_count, read_at) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (workspace_id, conversation_id, member_id) \
             DO UPDATE SET read_count = excluded.read_count, read_at = excluded.read_at",
        )
        .bind(workspace)
        .bind(id)
        .bind(member)
        .bind(wanted)
        .bind(now)
        .execute(act.conn())
        .await?;
    }
    // Unread again for whoever has no mark: as far as the marks of members go, for they stand.
    let sql = match (mark, member) {
        (Mark::Read, _) => {
            "UPDATE conversation SET read_count = greatest(read_count, $3) WHERE workspace_id = $1 AND id = $2"
        }
        (Mark::Unread, None) => "UPDATE conversation SET read_count = $3 WHERE workspace_id = $1 AND id = $2",
        (Mark::Unread, Some(_)) => {
            "UPDATE conversation c SET read_count = least(c.read_count, greatest($3, ( \
               SELECT max(r.read_count) FROM conversation_read r \
               WHERE r.workspace_id = c.workspace_id AND r.conversation_id = c.id))) \
             WHERE workspace_id = $1 AND id = $2"
        }
    };
    sqlx::query(sql).bind(workspace).bind(id).bind(wanted).execute(act.conn()).await?;
    let payload = ReadPayload {
        id,
        member_id: member,
        read_count: wanted,
        unread: all - wanted,
        read_at: now,
        conversation: payloads::conversation_brief(&held.row),
    };
    let mut event = held.draft(&desk, asked.actor, EventType::ConversationRead, payloads::bytes(&payload));
    event.revision = None;
    desk.finish(act, id, &[event]).await
}
