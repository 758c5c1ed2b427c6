//! Members.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use inlet_domain::{
    ids::MemberId,
    store::{
        inbox,
        members::{MemberChange, NewMember},
        mutations,
        page::Position,
    },
};
use secrecy::{ExposeSecret, SecretString};

use super::{asked, or_conflict};
use crate::{
    context::{Shared, loaders},
    error::ApiError,
    types::{
        connection::Edge,
        member::Member,
        node::typed,
        scalars::{Cursor, Revision},
        words,
    },
};

/// What a new member is to be.
#[derive(InputObject)]
pub struct CreateMemberInput {
    /// The login, an email address. Its case does not matter. A person who has one already joins with it and keeps their
    /// password.
    email: String,
    /// What others call them in this workspace; 1 to 200 characters, at least one of them visible.
    name: String,
    /// What they may do. Only an OWNER makes an OWNER.
    role: words::Role,
    /// The first password of a new person, 8 to 1,024 bytes; without one a random one is made.
    #[graphql(secret)]
    password: Option<String>,
    /// Makes a repeat a repeat.
    idempotency_key: String,
}

/// A new member.
#[derive(SimpleObject)]
pub struct CreateMemberPayload {
    /// The member.
    member: Option<Member>,
    /// The member as an item of a list.
    member_edge: Option<Edge<Member>>,
    /// The random password of a new person. It is shown once; on a repeat, and where none was made, it is null.
    password: Option<String>,
}

/// What of a member is to change. What is left out stays as it is.
#[derive(InputObject)]
pub struct UpdateMemberInput {
    /// Their global id.
    id: ID,
    /// What they may do. Only an OWNER makes or unmakes an OWNER, no one raises themselves, and one OWNER always stays. Who
    /// becomes a VIEWER gives back the conversations that they have, as who is disabled does.
    role: Option<words::Role>,
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
    /// Makes a member.
    async fn create_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What they are to be.")] input: CreateMemberInput,
    ) -> Result<Option<CreateMemberPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (session, asked) = asked(ctx, Some(&input.idempotency_key))?;
        let new = NewMember {
            email: input.email.clone(),
            name: input.name.clone(),
            role: input.role.into(),
            password: input.password.clone().map(SecretString::from),
        };
        let made = mutations::create_member(&shared.database, &shared.ambient, &asked, &session.grant(), new).await;
        let made = made.map_err(ApiError::from)?;
        let member = loaders(ctx)?.members.load(made.id).await.map_err(ApiError::from)?.map(Member);
        let cursor = Cursor(Position::of_id(made.id.0).to_string());
        Ok(Some(CreateMemberPayload {
            member_edge: member.clone().map(|node| Edge { cursor, node }),
            member,
            password: made.secret.map(|password| password.expose_secret().to_owned()),
        }))
    }

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
            if let Err(error) = inbox::give_back(shared.desk(), scope, session.viewer.actor, id).await {
                tracing::warn!(error = &error as &dyn std::error::Error, member = %id, "not all was given back yet");
            }
        }
        let member = loaders(ctx)?.members.load(id).await.map_err(ApiError::from)?.map(Member);
        Ok(Some(UpdateMemberPayload { member }))
    }
}
