//! Messages, attachments and status reports in the schema.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};
use inlet_domain::model::message::{Direction, MessageKind};
use inlet_store::records::{lean::cut, messages};

use super::{
    author::{Author, author},
    conversation::Conversation,
    enums,
    report::Campaign,
    scalars::{DateTime, Json, Revision, optional},
};
use crate::{
    error::Result,
    execution::context::{loaders, session},
    schema::lists::lists,
};

/// An entry of a conversation: a message, a call, a note or an activity.
#[derive(Clone)]
pub struct Message {
    row: Arc<messages::Message>,
    is_whole: bool,
}

impl Message {
    /// A message as lists show it: with its content cut to the length that a list shows.
    #[must_use]
    pub fn listed(row: Arc<messages::Message>) -> Self {
        Self { row, is_whole: false }
    }

    /// A message as a query by id shows it: with all of its content.
    #[must_use]
    pub fn whole(row: messages::Message) -> Self {
        Self { row: Arc::new(row), is_whole: true }
    }

    fn shown(&self) -> Option<(&str, bool)> {
        let content = self.row.content.as_deref()?;
        Some(if self.is_whole { (content, false) } else { cut(content) })
    }
}

/// An entry of a conversation: a message, a call, a note or an activity.
#[Object]
impl Message {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.row.id.to_string())
    }

    /// Direction.
    async fn direction(&self) -> enums::Direction {
        self.row.direction.into()
    }

    /// Kind of entry.
    async fn kind(&self) -> enums::MessageKind {
        self.row.kind.into()
    }

    /// System that handled an outbound message first.
    async fn origin(&self) -> enums::Origin {
        self.row.origin.into()
    }

    /// Content type in the provider's own wording, such as `text`.
    async fn content_type(&self) -> Option<&str> {
        self.row.content_type.as_deref()
    }

    /// Text. `message` and `node` return all of it. Other fields cut it after 16,384 characters and set
    /// `contentTruncated`.
    async fn content(&self) -> Option<&str> {
        self.shown().map(|(content, _)| content)
    }

    /// Whether `content` is cut. Query `message(id:)` for the whole text.
    async fn content_truncated(&self) -> bool {
        self.shown().is_some_and(|(_, is_cut)| is_cut)
    }

    /// Postback payload, call details, and provider fields that this schema does not name. Null if they exceed 64 KiB,
    /// unless you query the message by `message` or `node`.
    async fn details(&self) -> Option<Json> {
        optional(&self.row.details)
    }

    /// Provider's id of the message.
    async fn external_id(&self) -> Option<&str> {
        self.row.external_id.as_deref()
    }

    /// Time when the message was written or sent.
    async fn occurred_at(&self) -> DateTime {
        DateTime(self.row.occurred_at)
    }

    /// Time when the message was sent to the operator.
    async fn sent_at(&self) -> Option<DateTime> {
        self.row.sent_at.map(DateTime)
    }

    /// Time when the message was delivered.
    async fn delivered_at(&self) -> Option<DateTime> {
        self.row.delivered_at.map(DateTime)
    }

    /// Time when the recipient read the message.
    async fn read_at(&self) -> Option<DateTime> {
        self.row.read_at.map(DateTime)
    }

    /// Time when the delivery failed.
    async fn failed_at(&self) -> Option<DateTime> {
        self.row.failed_at.map(DateTime)
    }

    /// Reactions to the message, each with its author. Null if they exceed 64 KiB, unless you query the message by
    /// `message` or `node`.
    async fn reactions(&self) -> Option<Json> {
        optional(&self.row.reactions)
    }

    /// Revision of the object. It grows with every change.
    async fn revision(&self) -> Revision {
        Revision(self.row.revision)
    }

    /// Time of creation in Inlet.
    async fn created_at(&self) -> DateTime {
        DateTime(self.row.created_at)
    }

    /// Time of the last change.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.row.updated_at)
    }

    /// Delivery status. Null for inbound messages and notes.
    async fn status(&self) -> Option<enums::DeliveryStatus> {
        let sent = self.row.direction == Direction::Outbound && self.row.kind != MessageKind::Note;
        self.row.status.filter(|_| sent).map(Into::into)
    }

    /// Whether the provider gave no time. Then `occurredAt` is the time of arrival.
    async fn occurred_at_assumed(&self) -> bool {
        self.row.occurred_at_assumed
    }

    /// Whether only status reports of the message have arrived. A placeholder has a status but no content.
    async fn placeholder(&self) -> bool {
        self.row.placeholder
    }

    /// Reason for a failed delivery. Null if the delivery did not fail.
    async fn failure(&self) -> Option<Failure> {
        self.row.failure.as_ref().map(Failure::of)
    }

    /// Idempotency key of the send. Only the sender sees it.
    async fn client_key(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        let viewer = crate::execution::context::viewer_of(ctx, "Message.clientKey")?;
        let own = super::author::actor_id(viewer.actor) == self.row.author_id;
        Ok(self.row.client_key.as_deref().filter(|_| own))
    }

    /// Conversation of the message.
    async fn conversation(&self, ctx: &Context<'_>) -> Result<Option<Conversation>> {
        Ok(loaders(ctx)?.conversations.load(self.row.conversation_id).await?.map(Conversation))
    }

    /// Message that this message replies to. Null until that message has arrived.
    async fn quoted(&self, ctx: &Context<'_>) -> Result<Option<Message>> {
        let (Some(account), Some(external_id)) = (self.row.provider_account_id, &self.row.quoted_external_id) else {
            return Ok(None);
        };
        let key = (account, external_id.clone());
        Ok(session(ctx)?.message_of_provider(key).await?.map(Message::listed))
    }

    /// Campaign that sent the message. Null if none did, or until the campaign has arrived.
    async fn campaign(&self, ctx: &Context<'_>) -> Result<Option<Campaign>> {
        let (Some(account), Some(external_id)) = (self.row.provider_account_id, &self.row.campaign_external_id) else {
            return Ok(None);
        };
        let key = (account, external_id.clone());
        Ok(loaders(ctx)?.campaigns.load(key).await?.map(Campaign))
    }

    /// Author. Null if the author was deleted.
    async fn author(&self, ctx: &Context<'_>) -> Result<Option<Author>> {
        author(ctx, &self.row).await
    }

    #[graphql(flatten)]
    async fn lists(&self) -> MessageLists {
        MessageLists(Arc::clone(&self.row))
    }
}

lists! {
    /// The lists of a message.
    MessageLists of messages::Message;
    |ctx, message, slice|

    /// Status reports on the message, in order of arrival.
    status_history -> StatusReport = loaders(ctx)?.reports.load((message.id, slice)).await?;

    /// Files of the message, in the order that the provider gave.
    attachments -> Attachment = loaders(ctx)?.attachments.load((message.id, slice)).await?;
}

/// A file of a message.
#[derive(Clone)]
pub struct Attachment(pub Arc<messages::Attachment>);

/// A file of a message.
#[Object]
impl Attachment {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Provider's id of the file.
    async fn external_id(&self) -> Option<&str> {
        self.0.external_id.as_deref()
    }

    /// Kind of file. Inlet derives it from the media type, else from the provider's word for the file or the message,
    /// else from the extension of the file name or the URL.
    async fn kind(&self) -> enums::AttachmentKind {
        self.0.kind.into()
    }

    /// URL of the file at the provider. Inlet never fetches it.
    async fn url(&self) -> Option<&str> {
        self.0.url.as_deref()
    }

    /// File name.
    async fn filename(&self) -> Option<&str> {
        self.0.filename.as_deref()
    }

    /// Media type, such as `image/png`.
    async fn mime_type(&self) -> Option<&str> {
        self.0.mime_type.as_deref()
    }

    /// Revision of the object. It grows with every change.
    async fn revision(&self) -> Revision {
        Revision(self.0.revision)
    }

    /// Time of creation in Inlet.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Time of the last change.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }

    /// Size in bytes. Null if the provider did not give it.
    async fn size_bytes(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 bytes")]
        self.0.size_bytes.map(|size| size as f64)
    }
}

/// A provider's report on one message, as it arrived.
#[derive(Clone)]
pub struct StatusReport(pub Arc<messages::StatusReport>);

/// A provider's report on one message, as it arrived.
#[Object]
impl StatusReport {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Part of a multi-part message. Empty for the whole message.
    async fn part(&self) -> &str {
        &self.0.part
    }

    /// Delivery status that Inlet derived from `rawStatus`. Null for a word that Inlet does not know.
    async fn status(&self) -> Option<enums::DeliveryStatus> {
        self.0.status.map(Into::into)
    }

    /// Status in the provider's own wording.
    async fn raw_status(&self) -> &str {
        &self.0.raw_status
    }

    /// Provider's error or status code.
    async fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// Provider's reason, as text.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// Time of the change as the provider gives it. Null if the provider gives none, or one after `receivedAt`.
    async fn reported_at(&self) -> Option<DateTime> {
        self.0.reported_at.map(DateTime)
    }

    /// Time of arrival in Inlet.
    async fn received_at(&self) -> DateTime {
        DateTime(self.0.received_at)
    }

    /// Other fields of the report under the provider's names, such as units, credits and the sender's own fields. Null
    /// if they exceed 64 KiB.
    async fn details(&self) -> Option<Json> {
        optional(&self.0.details)
    }
}

/// Reason for a failed delivery.
#[derive(SimpleObject, Clone)]
pub struct Failure {
    /// Provider's error code.
    pub code: Option<String>,
    /// Provider's error text.
    pub text: Option<String>,
    /// Whether another send may succeed. Null if unknown.
    pub retryable: Option<bool>,
}

impl Failure {
    fn of(value: &serde_json::Value) -> Self {
        let text = |member: &str| match value.get(member) {
            Some(serde_json::Value::String(text)) => Some(text.clone()),
            Some(serde_json::Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        Self {
            code: text("code"),
            text: text("text"),
            retryable: value.get("retryable").and_then(serde_json::Value::as_bool),
        }
    }
}
