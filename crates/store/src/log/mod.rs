//! The event log. Each workspace has one. Its entries are numbered 1, 2, 3 ... in commit order, without gaps, so a
//! reader needs only "after n". Appending to the log is the last step of [`crate::apply`] and of each mutation.

mod announce;
mod append;
mod facets;
mod heads;
mod settled;
mod turn;

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use inlet_domain::{
    ids::{ChannelId, ContactId, ConversationId, EventId, MessageId, WorkspaceId},
    scope::Scope,
};
use serde_json::value::RawValue;
use sqlx::{PgExecutor, Row, postgres::PgRow, types::Json};
use uuid::Uuid;

pub use append::{Appended, NewEvent, append};
pub use facets::{Facets, Standing, State};
pub use heads::{CHANNEL, Head, Heads};
pub use settled::{durable_state, settle};

pub(crate) use announce::announce;
pub(crate) use heads::notify;

use crate::error::StoreError;

/// A place in a log: the reader has seen every entry up to `seq`. A restore from a backup begins a new epoch, and so
/// does a failover that lost entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The epoch of the log.
    pub epoch: i32,
    /// The number of the last entry that was seen; 0 before the first entry.
    pub seq: i64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.seq)
    }
}

/// The text is not a cursor of a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a cursor of the event log: pass one that an event, `head` or a `Reset` gave")]
pub struct InvalidCursor(pub String);

impl FromStr for Cursor {
    type Err = InvalidCursor;
    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let invalid = || InvalidCursor(text.chars().take(64).collect());
        let (epoch, seq) = text.split_once('-').ok_or_else(invalid)?;
        let cursor = Self { epoch: epoch.parse().map_err(|_| invalid())?, seq: seq.parse().map_err(|_| invalid())? };
        if cursor.epoch < 0 || cursor.seq < 0 { Err(invalid()) } else { Ok(cursor) }
    }
}

/// An entry of the log.
#[derive(Debug, Clone)]
pub struct LogEntry {
    /// The id of the entry.
    pub id: EventId,
    /// The number of the entry in the log.
    pub seq: i64,
    /// The type of the event, for example `message.created`.
    pub kind: String,
    /// When the change happened.
    pub occurred_at: DateTime<Utc>,
    /// `member`, `api_key`, `provider` or `system`.
    pub actor_kind: String,
    /// The id of the member or key.
    pub actor_id: Option<Uuid>,
    /// The revision of the entity after the change.
    pub revision: Option<i64>,
    /// The conversation that the entity is, or is in.
    pub conversation_id: Option<ConversationId>,
    /// The message that changed, or that the entity belongs to.
    pub message_id: Option<MessageId>,
    /// The contact that changed, or that the entity belongs to.
    pub contact_id: Option<ContactId>,
    /// The channel of the conversation.
    pub channel_id: Option<ChannelId>,
    /// The channel's medium.
    pub medium: Option<String>,
    /// The direction of the message.
    pub direction: Option<String>,
    /// Whether the message is a note or an activity.
    pub internal: bool,
    /// The entity at the commit: final bytes, in JavaScript's own form (see [`inlet_domain::json`]).
    pub payload: Box<RawValue>,
    /// The old values of the members that changed; only for updates.
    pub previous: Option<Box<RawValue>>,
}

impl LogEntry {
    /// The entry as the head of the log in this epoch.
    #[must_use]
    pub fn head(&self, epoch: i32) -> Head {
        Head { epoch, seq: self.seq, id: self.id }
    }

    /// The size of its payloads in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.payload.get().len() + self.previous.as_ref().map_or(0, |previous| previous.get().len())
    }
}

const COLUMNS: &str = "id, seq, type, occurred_at, actor_kind, actor_id, revision, conversation_id, message_id, \
                       contact_id, channel_id, medium, direction, internal, payload, previous";

fn entry(row: &PgRow) -> Result<LogEntry, sqlx::Error> {
    Ok(LogEntry {
        id: row.try_get("id")?,
        seq: row.try_get("seq")?,
        kind: row.try_get("type")?,
        occurred_at: row.try_get("occurred_at")?,
        actor_kind: row.try_get("actor_kind")?,
        actor_id: row.try_get("actor_id")?,
        revision: row.try_get("revision")?,
        conversation_id: row.try_get("conversation_id")?,
        message_id: row.try_get("message_id")?,
        contact_id: row.try_get("contact_id")?,
        channel_id: row.try_get("channel_id")?,
        medium: row.try_get("medium")?,
        direction: row.try_get("direction")?,
        internal: row.try_get("internal")?,
        payload: row.try_get::<Json<Box<RawValue>>, _>("payload")?.0,
        previous: row.try_get::<Option<Json<Box<RawValue>>>, _>("previous")?.map(|json| json.0),
    })
}

/// Up to `limit` entries after number `seq`, in order.
pub async fn after(
    executor: impl PgExecutor<'_>,
    scope: Scope,
    seq: i64,
    limit: i64,
) -> Result<Vec<LogEntry>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM event WHERE workspace_id = $1 AND seq > $2 ORDER BY seq LIMIT $3"
    ));
    let rows = sqlx::query(sql).bind(scope.workspace()).bind(seq).bind(limit).fetch_all(executor).await?;
    Ok(rows.iter().map(entry).collect::<Result<_, _>>()?)
}

/// The entry with this id; `None` if there is none, or retention has trimmed it away.
pub async fn by_id(executor: impl PgExecutor<'_>, scope: Scope, id: EventId) -> Result<Option<LogEntry>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM event WHERE workspace_id = $1 AND id = $2"));
    let row = sqlx::query(sql).bind(scope.workspace()).bind(id).fetch_optional(executor).await?;
    Ok(row.as_ref().map(entry).transpose()?)
}

/// The entries with these ids, in the log's order, without those that do not exist or that retention has trimmed away.
pub async fn by_ids(executor: impl PgExecutor<'_>, scope: Scope, ids: &[EventId]) -> Result<Vec<LogEntry>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!(
        "SELECT entry.* FROM (SELECT DISTINCT unnest($2::uuid[]) AS id) given CROSS JOIN LATERAL ( \
           SELECT {COLUMNS} FROM event e WHERE e.workspace_id = $1 AND e.id = given.id) entry ORDER BY entry.seq"
    ));
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query(sql).bind(scope.workspace()).bind(ids).fetch_all(executor).await?;
    Ok(rows.iter().map(entry).collect::<Result<_, _>>()?)
}

/// The entry that tells of a message's creation, among the entries in a range of ids.
pub(crate) async fn beginning_of(
    executor: impl PgExecutor<'_>,
    scope: Scope,
    message: MessageId,
    ids: std::ops::Range<Uuid>,
) -> Result<Option<EventId>, StoreError> {
    // Read in the order of the primary key, so that Postgres stops at the entry.
    Ok(sqlx::query_scalar(
        "SELECT id FROM event WHERE workspace_id = $1 AND id >= $3 AND id < $4 AND message_id = $2 \
           AND type IN ('message.created', 'call.completed') ORDER BY workspace_id, id LIMIT 1",
    )
    .bind(scope.workspace())
    .bind(message)
    .bind(ids.start)
    .bind(ids.end)
    .fetch_optional(executor)
    .await?)
}

/// Up to `limit` entries about a message, newest first, without those of its creation and of its statuses.
pub(crate) async fn changes_of(
    executor: impl PgExecutor<'_>,
    scope: Scope,
    message: MessageId,
    limit: i64,
) -> Result<Vec<EventId>, StoreError> {
    // These conditions are those of the index `event_message`.
    Ok(sqlx::query_scalar(
        "SELECT id FROM event WHERE workspace_id = $1 AND message_id = $2 AND message_id IS NOT NULL \
           AND type NOT IN ('message.created', 'call.completed', 'message.status_changed') \
         ORDER BY id DESC LIMIT $3",
    )
    .bind(scope.workspace())
    .bind(message)
    .bind(limit)
    .fetch_all(executor)
    .await?)
}

/// The state of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogState {
    /// The epoch of the log.
    pub epoch: i32,
    /// The last number that retention has trimmed away.
    pub floor: i64,
    /// The last number that the log has given.
    pub head: i64,
    /// The entry with that number; `None` if retention has trimmed it away, or the log is empty.
    pub last: Option<EventId>,
}

/// Why a reader cannot go on after a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// Retention has trimmed away entries after the cursor.
    Trimmed,
    /// The cursor is of another epoch, or beyond the head.
    Foreign,
}

impl LogState {
    /// The cursor at the head.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor { epoch: self.epoch, seq: self.head }
    }

    fn last(&self) -> Option<Head> {
        self.last.map(|id| Head { epoch: self.epoch, seq: self.head, id })
    }

    /// The number after which the reader of `cursor` goes on.
    ///
    /// # Errors
    /// If the reader missed entries, or the cursor is not of this epoch: read the lists anew.
    pub fn resume(&self, cursor: Cursor) -> Result<i64, Lost> {
        if cursor.epoch != self.epoch || cursor.seq > self.head {
            Err(Lost::Foreign)
        } else if cursor.seq < self.floor {
            Err(Lost::Trimmed)
        } else {
            Ok(cursor.seq)
        }
    }
}

/// The state of the log of `scope`.
pub async fn state(executor: impl PgExecutor<'_>, scope: Scope) -> Result<LogState, StoreError> {
    let row = sqlx::query(
        "SELECT coalesce(s.epoch, 1) AS epoch, coalesce(s.floor, 0) AS floor, \
                greatest(coalesce(s.floor, 0), coalesce(e.seq, 0)) AS head, e.id AS last \
         FROM (SELECT $1::uuid AS id) w LEFT JOIN log_state s ON s.workspace_id = w.id \
         LEFT JOIN LATERAL ( \
           SELECT e.seq, e.id FROM event e WHERE e.workspace_id = w.id ORDER BY e.seq DESC LIMIT 1) e ON true",
    )
    .bind(scope.workspace())
    .fetch_one(executor)
    .await?;
    Ok(LogState {
        epoch: row.try_get("epoch")?,
        floor: row.try_get("floor")?,
        head: row.try_get("head")?,
        last: row.try_get("last")?,
    })
}

/// Takes the locks of the logs until the end of the transaction: after the last row lock, and before reading the last
/// number.
///
/// # Errors
/// If another transaction holds a lock for too long.
pub async fn lock(connection: &mut sqlx::PgConnection, workspaces: &[WorkspaceId]) -> Result<(), StoreError> {
    let keys: Vec<Uuid> = workspaces.iter().map(|workspace| workspace.0).collect();
    sqlx::query(
        "SELECT pg_advisory_xact_lock(hashtextextended(workspace_id::text, 7)) \
         FROM (SELECT workspace_id FROM unnest($1::uuid[]) given(workspace_id) \
           ORDER BY hashtextextended(workspace_id::text, 7)) ordered",
    )
    .bind(keys)
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip_and_refuse_nonsense() {
        let cursor = Cursor { epoch: 3, seq: 9_000_000_000 };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for bad in ["", "1", "1-", "-1-2", "1--2", "a-b", "1-9999999999999999999999"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }

    #[test]
    fn p8_a_cursor_that_cannot_be_followed_is_lost_with_its_reason() {
        let state = LogState { epoch: 2, floor: 10, head: 20, last: None };
        assert_eq!(state.resume(Cursor { epoch: 2, seq: 10 }), Ok(10));
        assert_eq!(state.resume(Cursor { epoch: 2, seq: 20 }), Ok(20));
        assert_eq!(state.resume(Cursor { epoch: 2, seq: 9 }), Err(Lost::Trimmed));
        assert_eq!(state.resume(Cursor { epoch: 2, seq: 21 }), Err(Lost::Foreign));
        assert_eq!(state.resume(Cursor { epoch: 1, seq: 15 }), Err(Lost::Foreign));
    }
}
