//! Presence in the schema.

use async_graphql::{Context, ID, Object, SimpleObject, Union};
use inlet_domain::{
    ids::{ConversationId, MemberId},
    model::member::Availability,
};
use inlet_store::presence::{Change, Snapshot, Update};

use super::{conversation::Conversation, enums, member::Member};
use crate::{error::Result, execution::context::loaders};

/// The complete presence of the workspace. Discard earlier updates; a member without an entry is OFFLINE.
#[derive(SimpleObject, Clone)]
pub struct PresenceSnapshot {
    /// Members who are ONLINE or AWAY.
    pub availability: Vec<MemberAvailability>,
    /// Members who are typing.
    pub typing: Vec<MemberTyping>,
}

/// Availability of one member.
#[derive(Clone, Copy)]
pub struct MemberAvailability {
    member: MemberId,
    status: Availability,
}

/// Availability of one member.
#[Object]
impl MemberAvailability {
    /// Global id of the member.
    async fn member_id(&self) -> ID {
        ID(self.member.to_string())
    }

    /// The member. Null if the member was deleted.
    async fn member(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        Ok(loaders(ctx)?.members.load(self.member).await?.map(Member))
    }

    /// Availability.
    async fn availability(&self) -> enums::Availability {
        self.status.into()
    }
}

/// Typing state of a member in a conversation.
#[derive(Clone, Copy)]
pub struct MemberTyping {
    member: MemberId,
    conversation: ConversationId,
    is_typing: bool,
}

/// Typing state of a member in a conversation.
#[Object]
impl MemberTyping {
    /// Global id of the member.
    async fn member_id(&self) -> ID {
        ID(self.member.to_string())
    }

    /// The member. Null if the member was deleted.
    async fn member(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        Ok(loaders(ctx)?.members.load(self.member).await?.map(Member))
    }

    /// Global id of the conversation.
    async fn conversation_id(&self) -> ID {
        ID(self.conversation.to_string())
    }

    /// The conversation. Null if it was deleted.
    async fn conversation(&self, ctx: &Context<'_>) -> Result<Option<Conversation>> {
        Ok(loaders(ctx)?.conversations.load(self.conversation).await?.map(Conversation))
    }

    /// Whether the member is typing.
    async fn is_typing(&self) -> bool {
        self.is_typing
    }
}

/// An item of the `presence` stream. Types may be added.
#[derive(Union, Clone)]
pub enum PresenceUpdate {
    /// The complete presence. It comes first, and again if changes were missed.
    Snapshot(PresenceSnapshot),
    /// A member's availability changed.
    Availability(MemberAvailability),
    /// A member started or stopped typing.
    Typing(MemberTyping),
}

impl From<Update> for PresenceUpdate {
    fn from(update: Update) -> Self {
        match update {
            Update::Snapshot(Snapshot { available, typing }) => Self::Snapshot(PresenceSnapshot {
                availability: available
                    .into_iter()
                    .map(|(member, status)| MemberAvailability { member, status })
                    .collect(),
                typing: typing
                    .into_iter()
                    .map(|(member, conversation)| MemberTyping { member, conversation, is_typing: true })
                    .collect(),
            }),
            Update::Change(Change::Availability { member, status }) => {
                Self::Availability(MemberAvailability { member, status })
            }
            Update::Change(Change::Typing { member, conversation, is_typing }) => {
                Self::Typing(MemberTyping { member, conversation, is_typing })
            }
        }
    }
}
