//! Conversations in the schema.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use inlet_domain::scope::Actor;
use inlet_store::records::conversations;

use super::{
    channel::Channel,
    connection::{Connection, page_cost, slice},
    contact::{Contact, Group},
    enums,
    label::Label,
    member::{Member, Team},
    message::Message,
    scalars::{Cursor, DateTime, Json, Revision, optional},
};
use crate::{
    error::Result,
    execution::context::{loaders, session, viewer_of},
};

/// A thread of messages with one address on one channel.
#[derive(Clone)]
pub struct Conversation(pub Arc<conversations::Conversation>);

/// A thread of messages with one address on one channel.
#[Object]
impl Conversation {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Its status with the agents.
    async fn status(&self) -> enums::ConversationStatus {
        self.0.status.into()
    }

    /// The provider's own word for its status.
    async fn provider_status(&self) -> Option<&str> {
        self.0.provider_status.as_deref()
    }

    /// The provider's id.
    async fn external_id(&self) -> Option<&str> {
        self.0.external_id.as_deref()
    }

    /// Its subject.
    async fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// How urgent it is.
    async fn priority(&self) -> enums::Priority {
        self.0.priority.into()
    }

    /// The provider's fields that have no name here. Null where they are longer than 64 KiB and the conversation was not asked
    /// for by `conversation` or `node`.
    async fn attributes(&self) -> Option<Json> {
        optional(&self.0.attributes)
    }

    /// When its last message was written or sent.
    async fn last_message_at(&self) -> Option<DateTime> {
        self.0.last_message_at.map(DateTime)
    }

    /// When anything last happened in it.
    async fn last_activity_at(&self) -> DateTime {
        DateTime(self.0.last_activity_at)
    }

    /// Since when the other side waits for an answer: when the first inbound message after the last outbound one was
    /// written. Messages that were deleted do not count, nor do calls and notes.
    async fn waiting_since(&self) -> Option<DateTime> {
        self.0.waiting_since.map(DateTime)
    }

    /// When it was first answered: when the first outbound message after the first inbound one was written.
    async fn first_response_at(&self) -> Option<DateTime> {
        self.0.first_response_at.map(DateTime)
    }

    /// Until when it is put off.
    async fn snoozed_until(&self) -> Option<DateTime> {
        self.0.snoozed_until.map(DateTime)
    }

    /// When it was closed.
    async fn closed_at(&self) -> Option<DateTime> {
        self.0.closed_at.map(DateTime)
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

    /// How many inbound messages the viewer has not read; for an API key, how many no one has.
    async fn unread(&self, ctx: &Context<'_>) -> Result<i32> {
        let viewer = viewer_of(ctx, "Conversation.unread")?;
        let read = match viewer.actor {
            Actor::Member(member) => {
                let mark = loaders(ctx)?.read_marks.load((member, self.0.id)).await?;
                mark.unwrap_or(0)
            }
            Actor::ApiKey(_) | Actor::Provider | Actor::System => self.0.read_count,
        };
        Ok(i32::try_from(self.0.inbound_count.saturating_sub(read).max(0)).unwrap_or(i32::MAX))
    }

    /// Our channel; null where it is gone.
    async fn channel(&self, ctx: &Context<'_>) -> Result<Option<Channel>> {
        Ok(loaders(ctx)?.channels.load(self.0.channel_id).await?.map(Channel))
    }

    /// The contact that it is with. Null of a group, where the contact was deleted, and where only a delivery report is known
    /// of an address: a delivery report makes no contact.
    async fn contact(&self, ctx: &Context<'_>) -> Result<Option<Contact>> {
        let Some(id) = self.0.contact_id else { return Ok(None) };
        Ok(loaders(ctx)?.contacts.load(id).await?.map(Contact))
    }

    /// The group, of a conversation of many.
    async fn group(&self, ctx: &Context<'_>) -> Result<Option<Group>> {
        let Some(id) = self.0.group_id else { return Ok(None) };
        Ok(loaders(ctx)?.groups.load(id).await?.map(Group))
    }

    /// Who has it.
    async fn assignee(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        let Some(id) = self.0.assignee_id else { return Ok(None) };
        Ok(loaders(ctx)?.members.load(id).await?.map(Member))
    }

    /// Whose it is.
    async fn team(&self, ctx: &Context<'_>) -> Result<Option<Team>> {
        let Some(id) = self.0.team_id else { return Ok(None) };
        Ok(loaders(ctx)?.teams.load(id).await?.map(Team))
    }

    /// The newest message that the viewer may see.
    async fn last_message(&self, ctx: &Context<'_>) -> Result<Option<Message>> {
        Ok(session(ctx)?.last_message(&self.0).await?.map(Message::listed))
    }

    /// Its labels, at most 100.
    #[graphql(complexity = "5 * child_complexity + 1")]
    async fn labels(&self, ctx: &Context<'_>) -> Result<Vec<Label>> {
        let loaders = loaders(ctx)?;
        let found = futures::future::try_join_all(self.0.label_ids.iter().map(|id| loaders.labels.load(*id))).await;
        Ok(found?.into_iter().flatten().map(Label).collect())
    }

    /// Its messages, calls, notes and activities, in ascending (occurredAt, id), which never changes. Notes and activities
    /// are left out for those who may not read them.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn messages(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Connection<Message>> {
        let slice = slice(first, after, last, before)?;
        let page = session(ctx)?.messages_of(self.0.id, slice).await?;
        Ok(page.map(|page| Connection::of(page, Message::listed)).unwrap_or_default())
    }
}
