//! Messages, their files and the reports on them, in the schema.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};
use inlet_domain::model::message::{Direction, MessageKind};
use inlet_store::records::{lean::cut, messages};

use super::{
    author::{Author, author},
    connection::{Connection, inner_cost, inner_slice},
    conversation::Conversation,
    enums,
    report::Campaign,
    scalars::{Cursor, DateTime, Json, Revision, optional},
};
use crate::{
    error::Result,
    execution::context::{loaders, session},
};

/// An entry of a conversation.
#[derive(Clone)]
pub struct Message {
    row: Arc<messages::Message>,
    is_whole: bool,
}

impl Message {
    /// As it stands in lists and beside others: with so much of its content as a list shows.
    #[must_use]
    pub fn listed(row: Arc<messages::Message>) -> Self {
        Self { row, is_whole: false }
    }

    /// As who asks for it by its id sees it.
    #[must_use]
    pub fn whole(row: messages::Message) -> Self {
        Self { row: Arc::new(row), is_whole: true }
    }

    fn shown(&self) -> Option<(&str, bool)> {
        let content = self.row.content.as_deref()?;
        Some(if self.is_whole { (content, false) } else { cut(content) })
    }
}

/// An entry of a conversation.
#[Object]
impl Message {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.row.id.to_string())
    }

    /// Which way it goes.
    async fn direction(&self) -> enums::Direction {
        self.row.direction.into()
    }

    /// The kind of entry.
    async fn kind(&self) -> enums::MessageKind {
        self.row.kind.into()
    }

    /// Who first had it.
    async fn origin(&self) -> enums::Origin {
        self.row.origin.into()
    }

    /// As the provider calls it, e.g. `text`.
    async fn content_type(&self) -> Option<&str> {
        self.row.content_type.as_deref()
    }

    /// The text. `message` and `node` show all of it; everywhere else it is cut after 16,384 characters, and
    /// `contentTruncated` tells so.
    async fn content(&self) -> Option<&str> {
        self.shown().map(|(content, _)| content)
    }

    /// Whether `content` is cut here: ask for `message(id:)` to have all of it.
    async fn content_truncated(&self) -> bool {
        self.shown().is_some_and(|(_, is_cut)| is_cut)
    }

    /// Postback payloads, call details, provider fields without a name here. Null where they are longer than 64 KiB and the
    /// message was not asked for by `message` or `node`.
    async fn details(&self) -> Option<Json> {
        optional(&self.row.details)
    }

    /// The provider's id.
    async fn external_id(&self) -> Option<&str> {
        self.row.external_id.as_deref()
    }

    /// When it was written or sent.
    async fn occurred_at(&self) -> DateTime {
        DateTime(self.row.occurred_at)
    }

    /// When it was sent.
    async fn sent_at(&self) -> Option<DateTime> {
        self.row.sent_at.map(DateTime)
    }

    /// When it was delivered.
    async fn delivered_at(&self) -> Option<DateTime> {
        self.row.delivered_at.map(DateTime)
    }

    /// When it was read.
    async fn read_at(&self) -> Option<DateTime> {
        self.row.read_at.map(DateTime)
    }

    /// When it failed.
    async fn failed_at(&self) -> Option<DateTime> {
        self.row.failed_at.map(DateTime)
    }

    /// Who reacted with what. Null as `details` are.
    async fn reactions(&self) -> Option<Json> {
        optional(&self.row.reactions)
    }

    /// Counts its changes.
    async fn revision(&self) -> Revision {
        Revision(self.row.revision)
    }

    /// When it came to be.
    async fn created_at(&self) -> DateTime {
        DateTime(self.row.created_at)
    }

    /// When it last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.row.updated_at)
    }

    /// How far it has come; null on inbound messages and notes.
    async fn status(&self) -> Option<enums::DeliveryStatus> {
        let sent = self.row.direction == Direction::Outbound && self.row.kind != MessageKind::Note;
        self.row.status.filter(|_| sent).map(Into::into)
    }

    /// Whether the provider told no time, so that the arrival stands in for `occurredAt`.
    async fn occurred_at_assumed(&self) -> bool {
        self.row.occurred_at_assumed
    }

    /// Whether only reports of it have come so far: it has a status, but no content yet.
    async fn placeholder(&self) -> bool {
        self.row.placeholder
    }

    /// Why it failed, if it did.
    async fn failure(&self) -> Option<Failure> {
        self.row.failure.as_ref().map(Failure::of)
    }

    /// The idempotency key of the send; on the viewer's own messages only.
    async fn client_key(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        let viewer = crate::execution::context::viewer_of(ctx, "Message.clientKey")?;
        let own = super::author::actor_id(viewer.actor) == self.row.author_id;
        Ok(self.row.client_key.as_deref().filter(|_| own))
    }

    /// Where it stands.
    async fn conversation(&self, ctx: &Context<'_>) -> Result<Option<Conversation>> {
        Ok(loaders(ctx)?.conversations.load(self.row.conversation_id).await?.map(Conversation))
    }

    /// The message that it answers; null until that has come.
    async fn quoted(&self, ctx: &Context<'_>) -> Result<Option<Message>> {
        let (Some(account), Some(external_id)) = (self.row.provider_account_id, &self.row.quoted_external_id) else {
            return Ok(None);
        };
        let key = (account, external_id.clone());
        Ok(session(ctx)?.message_of_provider(key).await?.map(Message::listed))
    }

    /// The mass sending that it is of; null where there is none, or until that has come.
    async fn campaign(&self, ctx: &Context<'_>) -> Result<Option<Campaign>> {
        let (Some(account), Some(external_id)) = (self.row.provider_account_id, &self.row.campaign_external_id) else {
            return Ok(None);
        };
        let key = (account, external_id.clone());
        Ok(loaders(ctx)?.campaigns.load(key).await?.map(Campaign))
    }

    /// Who wrote or sent it; null where they are gone.
    async fn author(&self, ctx: &Context<'_>) -> Result<Option<Author>> {
        author(ctx, &self.row).await
    }

    /// Every report on it, as they arrived.
    #[graphql(complexity = "inner_cost(first, last, child_complexity)")]
    async fn status_history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100, 10 where nothing is told.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Connection<StatusReport>> {
        let slice = inner_slice(first, after, last, before)?;
        let page = loaders(ctx)?.reports.load((self.row.id, slice)).await?;
        Ok(page.map(|page| Connection::of(page, StatusReport)).unwrap_or_default())
    }

    /// Its files, in their order.
    #[graphql(complexity = "inner_cost(first, last, child_complexity)")]
    async fn attachments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100, 10 where nothing is told.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Connection<Attachment>> {
        let slice = inner_slice(first, after, last, before)?;
        let page = loaders(ctx)?.attachments.load((self.row.id, slice)).await?;
        Ok(page.map(|page| Connection::of(page, Attachment)).unwrap_or_default())
    }
}

/// A file of a message.
#[derive(Clone)]
pub struct Attachment(pub Arc<messages::Attachment>);

/// A file of a message.
#[Object]
impl Attachment {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// The provider's id.
    async fn external_id(&self) -> Option<&str> {
        self.0.external_id.as_deref()
    }

    /// The kind of file: by its media type, else by the provider's word for the file or the message, else by the ending of its
    /// name or its URL.
    async fn kind(&self) -> enums::AttachmentKind {
        self.0.kind.into()
    }

    /// Where the provider keeps it; data to show, never fetched here.
    async fn url(&self) -> Option<&str> {
        self.0.url.as_deref()
    }

    /// Its name.
    async fn filename(&self) -> Option<&str> {
        self.0.filename.as_deref()
    }

    /// Its media type.
    async fn mime_type(&self) -> Option<&str> {
        self.0.mime_type.as_deref()
    }

    /// Counts its changes.
    async fn revision(&self) -> Revision {
        Revision(self.0.revision)
    }

    /// When it came to be.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.updated_at)
    }

    /// Its size in bytes, where the provider told it.
    async fn size_bytes(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 bytes")]
        self.0.size_bytes.map(|size| size as f64)
    }
}

/// One report on one message, as it arrived.
#[derive(Clone)]
pub struct StatusReport(pub Arc<messages::StatusReport>);

/// One report on one message, as it arrived.
#[Object]
impl StatusReport {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Which part of a message in parts; empty is the whole.
    async fn part(&self) -> &str {
        &self.0.part
    }

    /// The provider's word as a step of the ladder; null where Inlet does not know the word.
    async fn status(&self) -> Option<enums::DeliveryStatus> {
        self.0.status.map(Into::into)
    }

    /// The provider's word.
    async fn raw_status(&self) -> &str {
        &self.0.raw_status
    }

    /// The provider's code.
    async fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The provider's reason.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// When the provider says that it happened; null where it tells no time, or one that is later than `receivedAt`.
    async fn reported_at(&self) -> Option<DateTime> {
        self.0.reported_at.map(DateTime)
    }

    /// When it came.
    async fn received_at(&self) -> DateTime {
        DateTime(self.0.received_at)
    }

    /// The other members of the report, by the provider's names: units, credits, the sender's own fields and the like. Null
    /// where they are longer than 64 KiB.
    async fn details(&self) -> Option<Json> {
        optional(&self.0.details)
    }
}

/// Why a message did not arrive.
#[derive(SimpleObject, Clone)]
pub struct Failure {
    /// The provider's code.
    pub code: Option<String>,
    /// The provider's words.
    pub text: Option<String>,
    /// Whether sending it again may help; null where that is unknown.
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
