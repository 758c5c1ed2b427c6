//! What a member says of the moment. Nothing of it is kept, so neither a key makes it happen once nor does the audit log
//! tell of it.

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

/// Where a member types.
#[derive(InputObject)]
pub struct SetTypingInput {
    /// The global id of the conversation.
    conversation_id: ID,
    /// Whether they type. It lasts for six seconds: say it again about every three, and false at the end.
    is_typing: bool,
}

/// That it was told.
#[derive(SimpleObject)]
pub struct SetTypingPayload {
    /// The conversation.
    conversation: Option<Conversation>,
}

/// Whether a member can be reached.
#[derive(InputObject)]
pub struct SetAvailabilityInput {
    /// Their availability from now on. It lasts for a minute, and as long as they have a subscription to `presence`.
    availability: enums::Availability,
}

/// That it was told.
#[derive(SimpleObject)]
pub struct SetAvailabilityPayload {
    /// Their availability now.
    availability: enums::Availability,
}

/// The part of the mutation root for the moment.
#[derive(Default)]
pub(super) struct Presence;

#[Object]
impl Presence {
    /// Tells those who watch that the member who asks types in a conversation, or has ceased to. Nothing is kept of it.
    async fn set_typing(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Where.")] input: SetTypingInput,
    ) -> Result<Option<SetTypingPayload>> {
        let (session, member) = asker(ctx)?;
        let id = typed("input.conversationId", &input.conversation_id)?;
        let found = loaders(ctx)?.conversations.load(id).await?;
        let conversation = found.ok_or(ApiError::from(StoreError::missing("conversation", "input.conversationId")))?;
        let presence = &ctx.data_unchecked::<Arc<Shared>>().presence;
        presence.type_in(session.viewer.scope, member, id, input.is_typing)?;
        Ok(Some(SetTypingPayload { conversation: Some(Conversation(conversation)) }))
    }

    /// Tells those who watch whether the member who asks can be reached. Nothing is kept of it.
    async fn set_availability(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Their availability.")] input: SetAvailabilityInput,
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
        // The table of rights lets members alone come here.
        Actor::ApiKey(_) | Actor::Provider | Actor::System => Err(StoreError::NotFound { kind: "member" }.into()),
    }
}
