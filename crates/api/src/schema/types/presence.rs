//! Who is there and who types, in the schema.

use async_graphql::{Context, ID, Object, SimpleObject, Union};
use inlet_domain::{
    ids::{ConversationId, MemberId},
    model::member::Availability,
};
use inlet_store::presence::{Change, Snapshot, Update};

use super::{conversation::Conversation, enums, member::Member};
use crate::{error::Result, execution::context::loaders};

/// All that is known of the moment. What was told before counts no more; whoever is not in it is OFFLINE.
#[derive(SimpleObject, Clone)]
pub struct PresenceSnapshot {
    /// Who is ONLINE or AWAY.
    pub availability: Vec<MemberAvailability>,
    /// Who types.
    pub typing: Vec<MemberTyping>,
}

/// The presence of a member.
#[derive(Clone, Copy)]
pub struct MemberAvailability {
    member: MemberId,
    status: Availability,
}

/// The presence of a member.
#[Object]
impl MemberAvailability {
    /// The member's global id.
    async fn member_id(&self) -> ID {
        ID(self.member.to_string())
    }

    /// The member; null where they are gone.
    async fn member(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        Ok(loaders(ctx)?.members.load(self.member).await?.map(Member))
    }

    /// Whether they can be reached.
    async fn availability(&self) -> enums::Availability {
        self.status.into()
    }
}

/// That a member types in a conversation, or has ceased to.
#[derive(Clone, Copy)]
pub struct MemberTyping {
    member: MemberId,
    conversation: ConversationId,
    is_typing: bool,
}

/// That a member types in a conversation, or has ceased to.
#[Object]
impl MemberTyping {
    /// The member's global id.
    async fn member_id(&self) -> ID {
        ID(self.member.to_string())
    }

    /// The member; null where they are gone.
    async fn member(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        Ok(loaders(ctx)?.members.load(self.member).await?.map(Member))
    }

    /// The conversation's global id.
    async fn conversation_id(&self) -> ID {
        ID(self.conversation.to_string())
    }

    /// The conversation; null where it is gone.
    async fn conversation(&self, ctx: &Context<'_>) -> Result<Option<Conversation>> {
        Ok(loaders(ctx)?.conversations.load(self.conversation).await?.map(Conversation))
    }

    /// Whether they type.
    async fn is_typing(&self) -> bool {
        self.is_typing
    }
}

/// An item of a subscription to `presence`: all members first, then each change. Types may be added.
#[derive(Union, Clone)]
pub enum PresenceUpdate {
    /// All that is known. It comes first, and again where changes were missed.
    Snapshot(PresenceSnapshot),
    /// A member came, went or is away.
    Availability(MemberAvailability),
    /// A member began or ceased to type.
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
