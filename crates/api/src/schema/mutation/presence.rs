//! Presence. It is stored nowhere, so it has neither an idempotency key nor an audit log entry.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use inlet_domain::{ids::MemberId, model::member::Availability, scope::Actor};
use inlet_store::error::StoreError;

use crate::{
    access::requester::Requester,
    error::{ApiError, Result},
    execution::context::{Shared, loaders, root},
    schema::types::{conversation::Conversation, enums, node::typed},
};

/// Input of `setTyping`.
#[derive(InputObject)]
pub struct SetTypingInput {
    /// Global id of the conversation.
    conversation_id: ID,
    /// Whether the member is typing. True expires after 6 seconds: repeat it about every 3 seconds, and send false at
    /// the end.
    is_typing: bool,
}

/// Result of `setTyping`.
#[derive(SimpleObject)]
pub struct SetTypingPayload {
    /// The conversation.
    conversation: Option<Conversation>,
}

/// Input of `setAvailability`.
#[derive(InputObject)]
pub struct SetAvailabilityInput {
    /// New availability. It expires after one minute, but not while the member has a `presence` subscription.
    availability: enums::Availability,
}

/// Result of `setAvailability`.
#[derive(SimpleObject)]
pub struct SetAvailabilityPayload {
    /// Current availability.
    availability: enums::Availability,
}

/// The part of the mutation root for presence.
#[derive(Default)]
pub(super) struct Presence;

#[Object]
impl Presence {
    /// Tells `presence` subscribers that the viewer is typing in a conversation, or has stopped. Inlet does not store
    /// it.
    async fn set_typing(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: SetTypingInput,
    ) -> Result<Option<SetTypingPayload>> {
        let (session, member) = asker(ctx)?;
        let id = typed("input.conversationId", &input.conversation_id)?;
        let found = loaders(ctx)?.conversations.load(id).await?;
        let conversation = found.ok_or(ApiError::from(StoreError::missing("conversation", "input.conversationId")))?;
        let presence = &ctx.data_unchecked::<Arc<Shared>>().presence;
        presence.type_in(session.viewer.scope, member, id, input.is_typing)?;
        Ok(Some(SetTypingPayload { conversation: Some(Conversation(conversation)) }))
    }

    /// Tells `presence` subscribers the viewer's availability. Inlet does not store it.
    async fn set_availability(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: SetAvailabilityInput,
    ) -> Result<Option<SetAvailabilityPayload>> {
        let (session, member) = asker(ctx)?;
        let presence = &ctx.data_unchecked::<Arc<Shared>>().presence;
        let status: Availability = input.availability.into();
        presence.declare(session.viewer.scope, member, status)?;
        Ok(Some(SetAvailabilityPayload { availability: input.availability }))
    }
}

fn asker<'a>(ctx: &Context<'a>) -> Result<(&'a Requester, MemberId), ApiError> {
    let (_, session) = root(ctx)?;
    match session.viewer.actor {
        Actor::Member(member) => Ok((session, member)),
        // The table of rights admits only members.
        Actor::ApiKey(_) | Actor::Provider | Actor::System => Err(StoreError::NotFound { kind: "member" }.into()),
    }
}
