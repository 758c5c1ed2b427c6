//! Conversations in the schema.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use inlet_domain::scope::Actor;
use inlet_store::records::conversations;

use super::{
    channel::Channel,
    contact::{Contact, Group},
    enums,
    label::Label,
    member::{Member, Team},
    message::Message,
    scalars::{DateTime, Json, Revision, optional},
};
use crate::{
    error::Result,
    execution::context::{loaders, session, viewer_of},
    schema::lists::lists,
};

/// A thread of messages with one address on one channel.
#[derive(Clone)]
pub struct Conversation(pub Arc<conversations::Conversation>);

/// A thread of messages with one address on one channel.
#[Object]
impl Conversation {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Lifecycle status.
    async fn status(&self) -> enums::ConversationStatus {
        self.0.status.into()
    }

    /// Status in the provider's own wording. It is not an Inlet enum.
    async fn provider_status(&self) -> Option<&str> {
        self.0.provider_status.as_deref()
    }

    /// Provider's id of the conversation.
    async fn external_id(&self) -> Option<&str> {
        self.0.external_id.as_deref()
    }

    /// Subject line.
    async fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// Priority.
    async fn priority(&self) -> enums::Priority {
        self.0.priority.into()
    }

    /// Provider fields that this schema does not name. Null if they exceed 64 KiB, unless you query the conversation by
    /// `conversation` or `node`.
    async fn attributes(&self) -> Option<Json> {
        optional(&self.0.attributes)
    }

    /// Time of the newest entry: its `occurredAt`.
    async fn last_message_at(&self) -> Option<DateTime> {
        self.0.last_message_at.map(DateTime)
    }

    /// Time of the last activity. The default sort key of `conversations`.
    async fn last_activity_at(&self) -> DateTime {
        DateTime(self.0.last_activity_at)
    }

    /// Time since when the contact waits for an answer: `occurredAt` of the first inbound message after the last
    /// outbound one. Null if no answer is due. Deleted messages, calls and notes do not count.
    async fn waiting_since(&self) -> Option<DateTime> {
        self.0.waiting_since.map(DateTime)
    }

    /// Time of the first answer: `occurredAt` of the first outbound message after the first inbound one.
    async fn first_response_at(&self) -> Option<DateTime> {
        self.0.first_response_at.map(DateTime)
    }

    /// End of the snooze. Null if the conversation is not snoozed, or is snoozed until the next message.
    async fn snoozed_until(&self) -> Option<DateTime> {
        self.0.snoozed_until.map(DateTime)
    }

    /// Time when the conversation was closed.
    async fn closed_at(&self) -> Option<DateTime> {
        self.0.closed_at.map(DateTime)
    }

    /// Revision of the object. Pass it as `ifRevision` in an update.
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

    /// Number of inbound messages that the viewer has not read. For an API key: that no one has read.
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

    /// Channel of the conversation. Null if the channel was deleted.
    async fn channel(&self, ctx: &Context<'_>) -> Result<Option<Channel>> {
        Ok(loaders(ctx)?.channels.load(self.0.channel_id).await?.map(Channel))
    }

    /// Contact that the conversation is with. Null for a group, for a deleted contact, and for an address that only
    /// delivery reports named: a delivery report creates no contact.
    async fn contact(&self, ctx: &Context<'_>) -> Result<Option<Contact>> {
        let Some(id) = self.0.contact_id else { return Ok(None) };
        Ok(loaders(ctx)?.contacts.load(id).await?.map(Contact))
    }

    /// Group that the conversation is with. Null for a conversation with one contact.
    async fn group(&self, ctx: &Context<'_>) -> Result<Option<Group>> {
        let Some(id) = self.0.group_id else { return Ok(None) };
        Ok(loaders(ctx)?.groups.load(id).await?.map(Group))
    }

    /// Member who handles the conversation.
    async fn assignee(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        let Some(id) = self.0.assignee_id else { return Ok(None) };
        Ok(loaders(ctx)?.members.load(id).await?.map(Member))
    }

    /// Team that handles the conversation.
    async fn team(&self, ctx: &Context<'_>) -> Result<Option<Team>> {
        let Some(id) = self.0.team_id else { return Ok(None) };
        Ok(loaders(ctx)?.teams.load(id).await?.map(Team))
    }

    /// Newest entry that the viewer may see.
    async fn last_message(&self, ctx: &Context<'_>) -> Result<Option<Message>> {
        Ok(session(ctx)?.last_message(&self.0).await?.map(Message::listed))
    }

    /// Labels, at most 100.
    #[graphql(complexity = "5 * child_complexity + 1")]
    async fn labels(&self, ctx: &Context<'_>) -> Result<Vec<Label>> {
        let loaders = loaders(ctx)?;
        let found = futures::future::try_join_all(self.0.label_ids.iter().map(|id| loaders.labels.load(*id))).await;
        Ok(found?.into_iter().flatten().map(Label).collect())
    }

    #[graphql(flatten)]
    async fn lists(&self) -> ConversationLists {
        ConversationLists(Arc::clone(&self.0))
    }
}

lists! {
    /// The lists of a conversation.
    ConversationLists of conversations::Conversation, long;
    |ctx, conversation, slice|

    /// Entries of the conversation: messages, calls, notes and activities, sorted by (`occurredAt`, `id`) ascending. This
    /// order never changes. Viewers without the right `read_notes` get no notes and no activities.
    messages -> Message = session(ctx)?.messages_of(conversation.id, slice).await?, Message::listed;
}
