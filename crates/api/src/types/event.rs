//! Entries of the event log in the schema, as queries and live subscriptions give them.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject, Union};
use futures::future::join_all;
use inlet_domain::{
    ids::EventId,
    log::{Cursor as LogCursor, LogEntry},
};

use super::{
    author::{Actor, actor},
    contact::Contact,
    conversation::Conversation,
    message::Message,
    scalars::{Cursor, DateTime, Json, Revision},
};
use crate::{context::loaders, error::ApiError};

/// Something that happened: an entry of the event log.
#[derive(Clone)]
pub struct Event {
    /// The entry.
    pub entry: Arc<LogEntry>,
    /// The life of the log that it stands in.
    pub epoch: i32,
}

impl Event {
    /// Those with these ids, in the log's order; what is past retention is left out.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn of_ids(ctx: &Context<'_>, ids: &[EventId]) -> Result<Vec<Self>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let loaders = loaders(ctx)?;
        let found = join_all(ids.iter().map(|id| loaders.events.load(*id))).await;
        let found: Vec<_> = found.into_iter().collect::<Result<_, _>>().map_err(ApiError::from)?;
        let epoch = loaders.epoch.load(()).await.map_err(ApiError::from)?.unwrap_or_default();
        let mut events: Vec<Self> = found.into_iter().flatten().map(|entry| Self { entry, epoch }).collect();
        events.sort_by_key(|event| event.entry.seq);
        Ok(events)
    }

    /// Where it stands in the log.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor(LogCursor { epoch: self.epoch, seq: self.entry.seq }.to_string())
    }
}

/// Something that happened: an entry of the event log.
#[Object]
impl Event {
    /// The global id; webhooks carry it as `webhook-id`.
    pub async fn id(&self) -> ID {
        ID(self.entry.id.to_string())
    }

    /// Where it stands in the log: follow from here with `after`.
    #[graphql(name = "cursor")]
    async fn log_cursor(&self) -> Cursor {
        self.cursor()
    }

    /// For example `message.created`; `eventTypes` lists them.
    async fn r#type(&self) -> &str {
        &self.entry.kind
    }

    /// When it happened.
    async fn occurred_at(&self) -> DateTime {
        DateTime(self.entry.occurred_at)
    }

    /// Who did it; null where they are gone.
    async fn actor(&self, ctx: &Context<'_>) -> Result<Option<Actor>> {
        actor(ctx, &self.entry.actor_kind, self.entry.actor_id).await
    }

    /// The revision of the changed object after the change.
    async fn revision(&self) -> Option<Revision> {
        self.entry.revision.map(Revision)
    }

    /// The conversation that it is about or in, as it is now; null where there is none, or none any more.
    async fn conversation(&self, ctx: &Context<'_>) -> Result<Option<Conversation>> {
        let Some(id) = self.entry.conversation_id else { return Ok(None) };
        Ok(loaders(ctx)?.conversations.load(id).await.map_err(ApiError::from)?.map(Conversation))
    }

    /// The message that it is about, as it is now; null where there is none, or none any more.
    async fn message(&self, ctx: &Context<'_>) -> Result<Option<Message>> {
        let Some(id) = self.entry.message_id else { return Ok(None) };
        Ok(loaders(ctx)?.messages.load(id).await.map_err(ApiError::from)?.map(Message))
    }

    /// The contact that it is about, as it is now; null where there is none, or none any more.
    async fn contact(&self, ctx: &Context<'_>) -> Result<Option<Contact>> {
        let Some(id) = self.entry.contact_id else { return Ok(None) };
        Ok(loaders(ctx)?.contacts.load(id).await.map_err(ApiError::from)?.map(Contact))
    }

    /// The changed object itself, whole, as at the commit: what webhooks get as `payload`.
    async fn payload(&self) -> Json {
        Json::Raw(self.entry.payload.clone())
    }

    /// The members that changed, with their old values; of updates only.
    async fn previous(&self) -> Option<Json> {
        self.entry.previous.clone().map(Json::Raw)
    }
}

/// Why a stream does not go on from the cursor that was passed. Values may be added.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetReason {
    /// Events after the cursor are past retention.
    Trimmed,
    /// The cursor is of another life of the log, or beyond its head.
    Foreign,
    /// The cursor is so far behind that reading the lists anew is quicker.
    TooFarBehind,
}

/// Events were passed over: read the lists anew. The stream goes on from `cursor`.
#[derive(SimpleObject, Debug, Clone)]
pub struct Reset {
    /// Why.
    pub reason: ResetReason,
    /// Where the stream goes on.
    pub cursor: Cursor,
}

/// What a live stream carries. Types may be added.
#[derive(Union, Clone)]
pub enum LiveUpdate {
    /// Something happened.
    Event(Event),
    /// Events were passed over.
    Reset(Reset),
}
