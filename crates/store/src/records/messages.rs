//! Messages, their files and the reports on them.

use chrono::{DateTime, Utc};
use inlet_domain::{
    ids::{AttachmentId, ConversationId, InboundEventId, MessageId, ProviderAccountId, StatusReportId},
    model::{
        message::{AttachmentKind, Direction, MessageKind, Origin},
        status::DeliveryStatus,
    },
    scope::Scope,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Select};
use serde_json::Value;
use uuid::Uuid;

use super::{
    children::{self, List},
    entity,
    lean::lean,
    page::{Page, Position, Slice, Sort},
    words::{optional_word, word},
};
use crate::{database::Database, error::StoreError};

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
    /// The text. A list reads one character more of it than [`lean::MOST_CHARACTERS`](super::lean::MOST_CHARACTERS) at most.
    pub content: Option<String>,
    /// Postback payloads, call details, provider fields without a name here; null where a list left them out.
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

/// The messages with these ids as a list shows them, in no order; what is not in the workspace or was deleted is left
/// out.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn by_ids(database: &Database, scope: Scope, ids: &[MessageId]) -> Result<Vec<Message>, StoreError> {
    let rows = lean(select(scope, ids)).all(&database.orm).await?;
    rows.into_iter().map(Message::try_from).collect()
}

/// One message with all of its content; `None` where the workspace has none of that id.
///
/// # Errors
/// Where the database fails or the row is invalid.
pub async fn whole(database: &Database, scope: Scope, id: MessageId) -> Result<Option<Message>, StoreError> {
    select(scope, &[id]).one(&database.orm).await?.map(Message::try_from).transpose()
}

fn select(scope: Scope, ids: &[MessageId]) -> Select<entity::message::Entity> {
    entity::message::Entity::find()
        .filter(entity::message::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(entity::message::Column::Id.eq_any(ids.iter().map(|id| id.0)))
        .filter(entity::message::Column::DeletedAt.is_null())
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
    use entity::message::Column;
    let only =
        if with_notes { "deleted_at IS NULL" } else { "deleted_at IS NULL AND kind NOT IN ('note', 'activity')" };
    let (parent, at) = (Column::ConversationId, Some(Column::OccurredAt));
    let list = List { parent, sort: Sort::OccurredAt, at, id: Column::Id, only };
    let place = |row: &entity::message::Model| {
        let position = Position { sort: Sort::OccurredAt, at: row.occurred_at, id: row.id };
        (Some(row.conversation_id), position)
    };
    children::fetch::<entity::message::Entity, _>(database, scope, list, conversations, slice, place)
        .await?
        .into_iter()
        .map(|(conversation, page)| Ok((conversation, page.try_map(Message::try_from)?)))
        .collect()
}

/// The same part of the files of each of these messages, in their order.
///
/// # Errors
/// Where the database fails, a row is invalid or a position is of another list.
pub async fn attachments_of(
    database: &Database,
    scope: Scope,
    messages: &[MessageId],
    slice: &Slice,
) -> Result<Vec<(MessageId, Page<Attachment>)>, StoreError> {
    use entity::attachment::Column;
    let (parent, at) = (Column::MessageId, Some(Column::Position));
    let list = List { parent, sort: Sort::Number, at, id: Column::Id, only: "deleted_at IS NULL" };
    let place = |row: &entity::attachment::Model| (row.message_id, Position::of_number(row.position, row.id));
    children::fetch::<entity::attachment::Entity, _>(database, scope, list, messages, slice, place)
        .await?
        .into_iter()
        .map(|(message, page)| Ok((message, page.try_map(Attachment::try_from)?)))
        .collect()
}

/// One file; `None` where the workspace has none of that id.
///
/// # Errors
/// Where the database fails or the row is invalid.
pub async fn attachment(database: &Database, scope: Scope, id: AttachmentId) -> Result<Option<Attachment>, StoreError> {
    let row = entity::attachment::Entity::find_by_id((scope.workspace().0, id.0)).one(&database.orm).await?;
    row.filter(|row| row.deleted_at.is_none()).map(Attachment::try_from).transpose()
}

/// One report, whole; `None` where the workspace has none of that id.
///
/// # Errors
/// Where the database fails or the row is invalid.
pub async fn report(database: &Database, scope: Scope, id: StatusReportId) -> Result<Option<StatusReport>, StoreError> {
    let row = entity::status_report::Entity::find_by_id((scope.workspace().0, id.0)).one(&database.orm).await?;
    row.map(StatusReport::try_from).transpose()
}

/// The same part of the reports on each of these messages, as they arrived.
///
/// # Errors
/// Where the database fails, a row is invalid or a position is of another list.
pub async fn reports_on(
    database: &Database,
    scope: Scope,
    messages: &[MessageId],
    slice: &Slice,
) -> Result<Vec<(MessageId, Page<StatusReport>)>, StoreError> {
    use entity::status_report::Column;
    let list = List { parent: Column::MessageId, sort: Sort::Id, at: None, id: Column::Id, only: "" };
    let place = |row: &entity::status_report::Model| (Some(row.message_id), Position::of_id(row.id));
    children::fetch::<entity::status_report::Entity, _>(database, scope, list, messages, slice, place)
        .await?
        .into_iter()
        .map(|(message, page)| Ok((message, page.try_map(StatusReport::try_from)?)))
        .collect()
}
