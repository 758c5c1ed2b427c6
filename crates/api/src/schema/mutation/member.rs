//! Mutations of members.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use inlet_domain::ids::MemberId;
use inlet_store::records::{inbox, members::MemberChange, mutations};

use super::{asked, or_conflict};
use crate::{
    error::Result,
    execution::context::{Shared, loaders},
    schema::types::{enums, member::Member, node::typed, scalars::Revision},
};

/// Input of `updateMember`. A field that is left out keeps its value.
#[derive(InputObject)]
pub struct UpdateMemberInput {
    /// Global id of the member.
    id: ID,
    /// New role. It may give only rights that the viewer has, and no one raises their own role. Only an OWNER changes
    /// an OWNER, and the last OWNER keeps the role. A member who becomes a VIEWER loses their conversations, as with
    /// `disabled`.
    role: Option<enums::Role>,
    /// Name of the member in this workspace: 1 to 200 characters, at least one of them visible.
    name: Option<String>,
    /// Whether the member is disabled. Sessions of a disabled member end at once, and their conversations lose the
    /// assignee: OPEN ones return to IN_QUEUE, a team keeps its conversations, and each raises `conversation.updated`.
    /// Closed conversations lose the assignee when they reopen.
    disabled: Option<bool>,
    #[doc = if_revision!()]
    if_revision: Option<Revision>,
    #[doc = idempotency_key!()]
    idempotency_key: Option<String>,
}

/// Result of `updateMember`.
#[derive(SimpleObject)]
pub struct UpdateMemberPayload {
    /// The member in its present state, also after `CONFLICT`.
    member: Option<Member>,
}

/// The part of the mutation root for members.
#[derive(Default)]
pub(super) struct Members;

#[Object]
impl Members {
    /// Changes a member. The change takes effect at once, also for open WebSockets.
    async fn update_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: UpdateMemberInput,
    ) -> Result<Option<UpdateMemberPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (session, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let id: MemberId = typed("input.id", &input.id)?;
        let change = MemberChange {
            role: input.role.map(Into::into),
            name: input.name.clone(),
            disabled: input.disabled,
            if_revision: input.if_revision.map(|revision| revision.0),
        };
        let grant = session.grant();
        let changed = mutations::update_member(&shared.database, &shared.ambient, &asked, &grant, id, &change).await;
        if or_conflict(ctx, changed)?.is_some() {
            let scope = session.viewer.scope;
            shared.revocations.tell(scope.workspace());
            // The server reassigns the rest in the background, even if this request is cancelled.
            if let Err(error) = inbox::give_back(shared.writer(), scope, session.viewer.actor, id).await {
                tracing::warn!(error = &error as &dyn std::error::Error, member = %id, "not all was given back yet");
            }
        }
        let member = loaders(ctx)?.members.load(id).await?.map(Member);
        Ok(Some(UpdateMemberPayload { member }))
    }
}
