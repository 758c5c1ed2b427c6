//! Entries that are written straight into a log, as another process would, for tests of who is told of them.

use inlet_domain::{
    ambient::Ambient,
    ids::{ContactId, ConversationId, EventId, MessageId, WorkspaceId},
};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::TestServer;

/// An entry to be.
#[derive(Debug, Clone, Default)]
pub struct Written {
    /// Its type.
    pub kind: &'static str,
    /// The conversation that it is about.
    pub conversation: Option<ConversationId>,
    /// The message that it is about.
    pub message: Option<MessageId>,
    /// The contact that it is about.
    pub contact: Option<ContactId>,
    /// Whether it is about a note.
    pub internal: bool,
    /// What it carries.
    pub payload: Value,
    /// What changed.
    pub previous: Option<Value>,
}

impl Written {
    /// Of a type, about nothing.
    #[must_use]
    pub fn of(kind: &'static str) -> Self {
        Self { kind, payload: json!({}), ..Self::default() }
    }

    /// A change of a conversation.
    #[must_use]
    pub fn update(conversation: ConversationId, payload: Value, previous: Value) -> Self {
        let previous = Some(previous);
        Self { kind: "conversation.updated", conversation: Some(conversation), payload, previous, ..Self::default() }
    }

    /// A message in a conversation that stands like this.
    #[must_use]
    pub fn message(conversation: ConversationId, state: &Value) -> Self {
        let payload = json!({"conversation": state});
        Self { kind: "message.created", conversation: Some(conversation), payload, ..Self::default() }
    }
}

/// The workspace of a server's key.
///
/// # Panics
/// Never: it has one.
#[must_use]
pub fn workspace(server: &TestServer) -> WorkspaceId {
    server.workspace_id.parse().expect("the id of a workspace")
}

/// Writes an entry into the log of the server's workspace and tells no one. Its number.
pub async fn append(server: &TestServer, entry: Written) -> i64 {
    append_to(&server.database, workspace(server), entry).await
}

/// The same, of any workspace.
pub async fn append_to(database: &PgPool, workspace: WorkspaceId, entry: Written) -> i64 {
    let sql = "INSERT INTO event (workspace_id, id, seq, type, occurred_at, actor_kind, conversation_id, contact_id, internal, \
                 payload, previous, message_id) \
               SELECT $1, $2, h.head + 1, $3, now(), 'provider', $4, $5, $6, $7, $8, $9 \
               FROM (SELECT coalesce(max(seq), 0) AS head FROM event WHERE workspace_id = $1) h RETURNING seq";
    sqlx::query_scalar(sql)
        .bind(workspace)
        .bind(EventId(Ambient::system().uuid()))
        .bind(entry.kind)
        .bind(entry.conversation.map(|id| id.0))
        .bind(entry.contact.map(|id| id.0))
        .bind(entry.internal)
        .bind(entry.payload)
        .bind(entry.previous)
        .bind(entry.message.map(|id| id.0))
        .fetch_one(database)
        .await
        .unwrap()
}

/// Tells every process how far each log has come.
pub async fn notify(database: &PgPool) {
    sqlx::query(
        "SELECT pg_notify('inlet_log', concat_ws(':', w.id, e.seq, coalesce(s.epoch, 1), e.id)) \
         FROM workspace w LEFT JOIN log_state s ON s.workspace_id = w.id JOIN LATERAL ( \
           SELECT seq, id FROM event WHERE workspace_id = w.id ORDER BY seq DESC LIMIT 1) e ON true",
    )
    .execute(database)
    .await
    .unwrap();
}

/// Some id.
#[must_use]
pub fn id<I: From<Uuid>>() -> I {
    I::from(Ambient::system().uuid())
}
