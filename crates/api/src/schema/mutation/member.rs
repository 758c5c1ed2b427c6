//! Members.

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

/// What of a member is to change. What is left out stays as it is.
#[derive(InputObject)]
pub struct UpdateMemberInput {
    /// Their global id.
    id: ID,
    /// What they may do. No one gives what they do not hold, no one raises themselves, only an OWNER changes an OWNER, and
    /// one OWNER always stays. Who
    /// becomes a VIEWER gives back the conversations that they have, as who is disabled does.
    role: Option<enums::Role>,
    /// What others call them in this workspace; 1 to 200 characters, at least one of them visible.
    name: Option<String>,
    /// Whether they are shut out: their sessions end at once, and the conversations that they have are nobody's. OPEN ones
    /// go IN_QUEUE, a team keeps its own, and each raises a `conversation.updated`. Closed ones are reopened without them.
    disabled: Option<bool>,
    /// The revision that was read: where it has another since, nothing changes, and the error is `CONFLICT`.
    if_revision: Option<Revision>,
    /// Makes a repeat a repeat.
    idempotency_key: Option<String>,
}

/// A member who was changed.
#[derive(SimpleObject)]
pub struct UpdateMemberPayload {
    /// The member, as they stand.
    member: Option<Member>,
}

/// The part of the mutation root for members.
#[derive(Default)]
pub(super) struct Members;

#[Object]
impl Members {
    /// Changes a member. It counts at once, on open sockets too.
    async fn update_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to change.")] input: UpdateMemberInput,
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
            // What is left is given back by the server in the background, also where this request is given up.
            if let Err(error) = inbox::give_back(shared.writer(), scope, session.viewer.actor, id).await {
                tracing::warn!(error = &error as &dyn std::error::Error, member = %id, "not all was given back yet");
            }
        }
        let member = loaders(ctx)?.members.load(id).await?.map(Member);
        Ok(Some(UpdateMemberPayload { member }))
    }
}
