//! Entries of the event log in the schema, as queries and live subscriptions give them.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject, Union};
use futures::future::join_all;
use inlet_domain::ids::EventId;
use inlet_store::log::{Cursor as LogCursor, LogEntry};

use super::{
    author::{Actor, actor},
    contact::Contact,
    conversation::Conversation,
    inbox_counts::InboxCounts,
    message::Message,
    scalars::{Cursor, DateTime, Json, Revision},
};
use crate::{
    error::Result,
    execution::context::{loaders, session},
    follow::{Membership, ResetReason},
};

/// Something that happened: an entry of the event log.
#[derive(Clone)]
pub struct Event {
    /// The entry.
    pub entry: Arc<LogEntry>,
    /// The life of the log that it stands in.
    pub epoch: i32,
    /// Whether it enters, stays in or leaves the list under a subscription's filter.
    pub membership: Option<Membership>,
}

impl Event {
    /// Those with these ids, in the log's order; what is past retention, or what the viewer may not see, is left out.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn of_ids(ctx: &Context<'_>, ids: &[EventId]) -> Result<Vec<Self>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (session, loaders) = (session(ctx)?, loaders(ctx)?);
        let found = join_all(ids.iter().map(|id| session.event(*id))).await;
        let found: Vec<_> = found.into_iter().collect::<Result<_, _>>()?;
        let epoch = loaders.epoch.load(()).await?.unwrap_or_default();
        let mut events: Vec<Self> = found.into_iter().flatten().map(|entry| Self::of_log(entry, epoch)).collect();
        events.sort_by_key(|event| event.entry.seq);
        Ok(events)
    }

    /// An entry that is read from the log, not followed.
    #[must_use]
    pub fn of_log(entry: Arc<LogEntry>, epoch: i32) -> Self {
        Self { entry, epoch, membership: None }
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

    /// When it happened: of a provider's report, when its request came; of any other act, when it was done. An event
    /// that a replay raises bears the time when its request first came, so it may be much older than its neighbours in the
    /// log.
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

    /// Whether its conversation is in the list of conversations under the subscription's filter. Null of an event that is
    /// about no conversation, and of events that a query reads.
    async fn membership(&self) -> Option<Membership> {
        self.membership
    }

    /// The conversation that it is about or in, as it is now; null where there is none, or none any more.
    async fn conversation(&self, ctx: &Context<'_>) -> Result<Option<Conversation>> {
        let Some(id) = self.entry.conversation_id else { return Ok(None) };
        Ok(loaders(ctx)?.conversations.load(id).await?.map(Conversation))
    }

    /// The message that it is about, as it is now; null where there is none, or none any more.
    async fn message(&self, ctx: &Context<'_>) -> Result<Option<Message>> {
        let Some(id) = self.entry.message_id else { return Ok(None) };
        Ok(session(ctx)?.message(id).await?.map(Message::listed))
    }

    /// The contact that it is about, as it is now; null where there is none, or none any more.
    async fn contact(&self, ctx: &Context<'_>) -> Result<Option<Contact>> {
        let Some(id) = self.entry.contact_id else { return Ok(None) };
        Ok(loaders(ctx)?.contacts.load(id).await?.map(Contact))
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

/// Events were passed over: read the lists anew. The stream goes on from `cursor`.
#[derive(SimpleObject, Debug, Clone)]
pub struct Reset {
    /// Why.
    pub reason: ResetReason,
    /// Where the stream goes on.
    pub cursor: Cursor,
}

/// How far the stream has come: all that matches up to `cursor` has been sent. Sent where `checkpoints` are asked for: at
/// once, when all that there was has been sent, then at most once a second while anything moves, and at least every 30
/// seconds. A client whose filter lets little through keeps a fresh cursor by it.
#[derive(SimpleObject, Clone)]
pub struct Checkpoint {
    /// Follow from here with `after`.
    pub cursor: Cursor,
    /// Whether it is at the end of the log.
    pub caught_up: bool,
    /// The inbox in numbers. They are absolute: put them in the place of the old ones.
    pub counts: InboxCounts,
}

/// An item of a live stream. Types may be added.
#[derive(Union, Clone)]
pub enum LiveUpdate {
    /// Something happened.
    Event(Event),
    /// How far the stream has come.
    Checkpoint(Checkpoint),
    /// Events were passed over.
    Reset(Reset),
}
