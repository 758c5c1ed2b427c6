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

/// A change in the workspace: an entry of the event log.
#[derive(Clone)]
pub struct Event {
    /// The entry.
    pub entry: Arc<LogEntry>,
    /// The epoch of the log that the entry belongs to.
    pub epoch: i32,
    /// Membership of the conversation in the list under a subscription's filter.
    pub membership: Option<Membership>,
}

impl Event {
    /// The events with these ids, in log order, except those past retention and those that the viewer may not see.
    ///
    /// # Errors
    /// Those of the look-ups.
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

    /// An entry that was read from the log, not followed.
    #[must_use]
    pub fn of_log(entry: Arc<LogEntry>, epoch: i32) -> Self {
        Self { entry, epoch, membership: None }
    }

    /// Its position in the log.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor(LogCursor { epoch: self.epoch, seq: self.entry.seq }.to_string())
    }
}

/// A change in the workspace: an entry of the event log.
#[Object]
impl Event {
    /// Global id. Webhooks carry it as `webhook-id`.
    pub async fn id(&self) -> ID {
        ID(self.entry.id.to_string())
    }

    /// Position in the event log. Pass it as `after` to follow the log from here.
    #[graphql(name = "cursor")]
    async fn log_cursor(&self) -> Cursor {
        self.cursor()
    }

    /// Event type, such as `message.created`. `eventTypes` lists all types.
    async fn r#type(&self) -> &str {
        &self.entry.kind
    }

    /// Time of the event. For a provider's report: the time when the request arrived. For any other action: the time of
    /// the action. An event of a replay has the time when the request first arrived, so it may be much older than its
    /// neighbours in the log.
    async fn occurred_at(&self) -> DateTime {
        DateTime(self.entry.occurred_at)
    }

    /// Actor that caused the event. Null if the actor was deleted.
    async fn actor(&self, ctx: &Context<'_>) -> Result<Option<Actor>> {
        actor(ctx, &self.entry.actor_kind, self.entry.actor_id).await
    }

    /// Revision of the changed object after the change.
    async fn revision(&self) -> Option<Revision> {
        self.entry.revision.map(Revision)
    }

    /// Membership of the event's conversation in the list under the subscription's filter. Null for an event without a
    /// conversation, and in queries.
    async fn membership(&self) -> Option<Membership> {
        self.membership
    }

    /// Conversation of the event, in its present state. Null if the event has none, or it was deleted.
    async fn conversation(&self, ctx: &Context<'_>) -> Result<Option<Conversation>> {
        let Some(id) = self.entry.conversation_id else { return Ok(None) };
        Ok(loaders(ctx)?.conversations.load(id).await?.map(Conversation))
    }

    /// Message that the event is about, in its present state. Null if the event has none, or it was deleted.
    async fn message(&self, ctx: &Context<'_>) -> Result<Option<Message>> {
        let Some(id) = self.entry.message_id else { return Ok(None) };
        Ok(session(ctx)?.message(id).await?.map(Message::listed))
    }

    /// Contact that the event is about, in its present state. Null if the event has none, or it was deleted.
    async fn contact(&self, ctx: &Context<'_>) -> Result<Option<Contact>> {
        let Some(id) = self.entry.contact_id else { return Ok(None) };
        Ok(loaders(ctx)?.contacts.load(id).await?.map(Contact))
    }

    /// The changed object, complete, in its state at the commit. Webhooks get it as `payload`.
    async fn payload(&self) -> Json {
        Json::Raw(self.entry.payload.clone())
    }

    /// Old values of the changed fields. Null unless the event is an update.
    async fn previous(&self) -> Option<Json> {
        self.entry.previous.clone().map(Json::Raw)
    }
}

/// The stream skipped events. Read your lists again; the stream continues from `cursor`.
#[derive(SimpleObject, Debug, Clone)]
pub struct Reset {
    /// Reason for the reset.
    pub reason: ResetReason,
    /// Position from which the stream continues.
    pub cursor: Cursor,
}

/// Progress of the stream: every matching event up to `cursor` has been sent. Sent only if `checkpoints` is true: once
/// when the stream has caught up, then at most once a second while the log grows, and at least every 30 seconds. It
/// gives a client with a narrow filter a recent cursor.
#[derive(SimpleObject, Clone)]
pub struct Checkpoint {
    /// Position in the event log. Pass it as `after` to follow the log from here.
    pub cursor: Cursor,
    /// Whether the stream has reached the end of the log.
    pub caught_up: bool,
    /// Inbox counts. They are absolute: replace the old ones.
    pub counts: InboxCounts,
}

/// An item of a live stream. Types may be added.
#[derive(Union, Clone)]
pub enum LiveUpdate {
    /// An event.
    Event(Event),
    /// Progress of the stream.
    Checkpoint(Checkpoint),
    /// A gap in the stream.
    Reset(Reset),
}
