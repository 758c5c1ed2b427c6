//! Messages, their files and the reports on them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, Statement};
use serde_json::Value;
use uuid::Uuid;

use super::{
    entity,
    page::{Page, Position, Slice, Sort},
    words::{optional_word, word},
};
use crate::{
    database::Database,
    error::StoreError,
    ids::{AttachmentId, ConversationId, InboundEventId, MessageId, ProviderAccountId, StatusReportId},
    model::{
        message::{AttachmentKind, Direction, MessageKind, Origin},
        status::DeliveryStatus,
    },
    scope::Scope,
};

/// An entry of a conversation.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Where it stands.
    pub conversation_id: ConversationId,
    /// Whose ids it bears.
    pub provider_account_id: Option<ProviderAccountId>,
    /// Which way it goes.
    pub direction: Direction,
    /// What it is.
    pub kind: MessageKind,
    /// Who first had it.
    pub origin: Origin,
    /// Whether only reports of it have come so far.
    pub placeholder: bool,
    /// As the provider calls it, e.g. `text`.
    pub content_type: Option<String>,
    /// The text.
    pub content: Option<String>,
    /// Postback payloads, call details, provider fields without a name here.
    pub details: Value,
    /// `contact`, `member`, `api_key`, `system` or `provider`.
    pub author_kind: String,
    /// Which of them.
    pub author_id: Option<Uuid>,
    /// As the provider names them.
    pub author_name: Option<String>,
    /// The provider's id.
    pub external_id: Option<String>,
    /// The provider's id of the message that it answers.
    pub quoted_external_id: Option<String>,
    /// The provider's id of the mass sending it is of.
    pub campaign_external_id: Option<String>,
    /// The idempotency key of the send.
    pub client_key: Option<String>,
    /// When it was written or sent.
    pub occurred_at: DateTime<Utc>,
    /// Whether the arrival stands in for that.
    pub occurred_at_assumed: bool,
    /// How far it has come; of sent messages only.
    pub status: Option<DeliveryStatus>,
    /// When it was sent.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it was delivered.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it was read.
    pub read_at: Option<DateTime<Utc>>,
    /// When it failed.
    pub failed_at: Option<DateTime<Utc>>,
    /// Why: `{code, text, retryable}`.
    pub failure: Option<Value>,
    /// Who reacted with what.
    pub reactions: Value,
    /// Counts its changes.
    pub revision: i64,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
}

impl TryFrom<entity::message::Model> for Message {
    type Error = StoreError;

    fn try_from(row: entity::message::Model) -> Result<Self, StoreError> {
        let id = MessageId(row.id);
        Ok(Self {
            id,
            conversation_id: ConversationId(row.conversation_id),
            provider_account_id: row.provider_account_id.map(ProviderAccountId),
            direction: word("message", "direction", id, &row.direction)?,
            kind: word("message", "kind", id, &row.kind)?,
            origin: word("message", "origin", id, &row.origin)?,
            placeholder: row.placeholder,
            content_type: row.content_type,
            content: row.content,
            details: row.details,
            author_kind: row.author_kind,
            author_id: row.author_id,
            author_name: row.author_name,
            external_id: row.external_id,
            quoted_external_id: row.quoted_external_id,
            campaign_external_id: row.campaign_external_id,
            client_key: row.client_key,
            occurred_at: row.occurred_at,
            occurred_at_assumed: row.occurred_at_assumed,
            status: optional_word("message", "status", id, row.status.as_deref())?,
            sent_at: row.sent_at,
            delivered_at: row.delivered_at,
            read_at: row.read_at,
            failed_at: row.failed_at,
            failure: row.failure,
            reactions: row.reactions,
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
        })
    }
}
/// A file of a message.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// Its message; none while that has not come.
    pub message_id: Option<MessageId>,
    /// The provider's id.
    pub external_id: Option<String>,
    /// Its place among the message's files.
    pub position: i32,
    /// What it is.
    pub kind: AttachmentKind,
    /// Where the provider keeps it; data to show, never fetched here.
    pub url: Option<String>,
    /// Its name.
    pub filename: Option<String>,
    /// Its media type.
    pub mime_type: Option<String>,
    /// Its size.
    pub size_bytes: Option<i64>,
    /// Counts its changes.
    pub revision: i64,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
}

impl TryFrom<entity::attachment::Model> for Attachment {
    type Error = StoreError;

    fn try_from(row: entity::attachment::Model) -> Result<Self, StoreError> {
        let id = AttachmentId(row.id);
        Ok(Self {
            id,
            message_id: row.message_id.map(MessageId),
            external_id: row.external_id,
            position: row.position,
            kind: word("attachment", "kind", id, &row.kind)?,
            url: row.url,
            filename: row.filename,
            mime_type: row.mime_type,
            size_bytes: row.size_bytes,
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
        })
    }
}
/// One report on one message, as it arrived.
#[derive(Debug, Clone)]
pub struct StatusReport {
    /// Its id.
    pub id: StatusReportId,
    /// The message.
    pub message_id: MessageId,
    /// The request that brought it.
    pub inbound_event_id: Option<InboundEventId>,
    /// Which part of a message in parts; empty is the whole.
    pub part: String,
    /// What it means; none where the provider's word is unknown.
    pub status: Option<DeliveryStatus>,
    /// The provider's word.
    pub raw_status: String,
    /// The provider's code.
    pub code: Option<String>,
    /// The provider's reason.
    pub reason: Option<String>,
    /// When the provider says that it happened.
    pub reported_at: Option<DateTime<Utc>>,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// What else it says, by the provider's names.
    pub details: Value,
}

impl TryFrom<entity::status_report::Model> for StatusReport {
    type Error = StoreError;

    fn try_from(row: entity::status_report::Model) -> Result<Self, StoreError> {
        let id = StatusReportId(row.id);
        Ok(Self {
            id,
            message_id: MessageId(row.message_id),
            inbound_event_id: row.inbound_event_id.map(InboundEventId),
            part: row.part,
            status: optional_word("status_report", "status", id, row.status.as_deref())?,
            raw_status: row.raw_status,
            code: row.code,
            reason: row.reason,
            reported_at: row.reported_at,
            received_at: row.received_at,
            details: row.details,
        })
    }
}

/// The messages with these ids, in no order; what is not in the workspace or was deleted is left out.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn by_ids(database: &Database, scope: Scope, ids: &[MessageId]) -> Result<Vec<Message>, StoreError> {
    let rows = entity::message::Entity::find()
        .filter(entity::message::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(entity::message::Column::Id.eq_any(ids.iter().map(|id| id.0)))
        .filter(entity::message::Column::DeletedAt.is_null())
        .all(&database.orm)
        .await?;
    rows.into_iter().map(Message::try_from).collect()
}

/// The same part of the messages of each of these conversations, in ascending (occurred_at, id), in one statement; with
/// notes and activities or without.
///
/// # Errors
/// Where the database fails, a row is invalid or a position is of another list.
pub async fn of_conversations(
    database: &Database,
    scope: Scope,
    conversations: &[ConversationId],
    slice: &Slice,
    with_notes: bool,
) -> Result<Vec<(ConversationId, Page<Message>)>, StoreError> {
    slice.check(Sort::OccurredAt)?;
    let order = if slice.from_end { "DESC" } else { "ASC" };
    let mut sql = "SELECT m.* FROM unnest($2::uuid[]) AS c(id) CROSS JOIN LATERAL (SELECT * FROM message \
                   WHERE workspace_id = $1 AND conversation_id = c.id AND deleted_at IS NULL"
        .to_owned();
    if !with_notes {
        sql.push_str(" AND kind NOT IN ('note', 'activity')");
    }
    let ids: Vec<Uuid> = conversations.iter().map(|id| id.0).collect();
    let mut values: Vec<sea_orm::Value> =
        vec![scope.workspace().0.into(), ids.clone().into(), (i64::from(slice.size) + 1).into()];
    for (bound, sign) in [(slice.after, '>'), (slice.before, '<')] {
        if let Some(bound) = bound {
            let next = values.len() + 1;
            sql.push_str(&format!(" AND (occurred_at, id) {sign} (${next}, ${})", next + 1));
            values.extend([bound.at.into(), bound.id.into()]);
        }
    }
    sql.push_str(&format!(" ORDER BY occurred_at {order}, id {order} LIMIT $3) m"));
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    let rows = entity::message::Entity::find().from_raw_sql(statement).all(&database.orm).await?;

    let mut by_conversation: HashMap<Uuid, Vec<(Position, Message)>> = HashMap::with_capacity(ids.len());
    for row in rows {
        let position = Position { sort: Sort::OccurredAt, at: row.occurred_at, id: row.id };
        by_conversation.entry(row.conversation_id).or_default().push((position, Message::try_from(row)?));
    }
    let page = |id: &ConversationId| (*id, Page::of_rows(by_conversation.remove(&id.0).unwrap_or_default(), slice));
    Ok(conversations.iter().map(page).collect())
}

/// The files of these messages, in their order.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn attachments_of(
    database: &Database,
    scope: Scope,
    messages: &[MessageId],
) -> Result<Vec<Attachment>, StoreError> {
    let rows = entity::attachment::Entity::find()
        .filter(entity::attachment::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(entity::attachment::Column::MessageId.eq_any(messages.iter().map(|id| id.0)))
        .filter(entity::attachment::Column::DeletedAt.is_null())
        .order_by_asc(entity::attachment::Column::Position)
        .order_by_asc(entity::attachment::Column::Id)
        .all(&database.orm)
        .await?;
    rows.into_iter().map(Attachment::try_from).collect()
}

/// Every report on these messages, as they arrived.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn reports_on(
    database: &Database,
    scope: Scope,
    messages: &[MessageId],
) -> Result<Vec<StatusReport>, StoreError> {
    let rows = entity::status_report::Entity::find()
        .filter(entity::status_report::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(entity::status_report::Column::MessageId.eq_any(messages.iter().map(|id| id.0)))
        .order_by_asc(entity::status_report::Column::Id)
        .all(&database.orm)
        .await?;
    rows.into_iter().map(StatusReport::try_from).collect()
}
