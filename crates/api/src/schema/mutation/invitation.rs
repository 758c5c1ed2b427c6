//! Invitations: how people become members.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use inlet_domain::ids::InvitationId;
use inlet_store::records::{
    invitations::{self, Acceptance, NewInvitation, Post},
    page::Position,
};
use secrecy::ExposeSecret;

use super::{asked, session::LoginPayload};
use crate::{
    error::Result,
    execution::context::{Caller, Shared},
    schema::types::{connection::Edge, enums, invitation::Invitation, node::typed, scalars::Cursor},
};

/// Who is to be invited.
#[derive(InputObject)]
pub struct InviteMemberInput {
    /// The login that they are to have, an email address. Its case does not matter.
    email: String,
    /// What others will call them in this workspace; 1 to 200 characters, at least one of them visible.
    name: String,
    /// What they will be allowed to do. No one gives what they do not hold.
    role: enums::Role,
    /// Idempotency key: a retry within 24 hours returns the first result, without the link.
    idempotency_key: String,
}

/// An invitation that was made.
#[derive(SimpleObject)]
pub struct InviteMemberPayload {
    /// The invitation.
    invitation: Option<Invitation>,
    /// The invitation as an item of a list.
    invitation_edge: Option<Edge<Invitation>>,
    /// The link to hand to the person. Behind its `#` stands the token that `acceptInvitation` takes, once and for 7 days. It
    /// is shown once; on a repeat it is null. Whoever has it can accept, so it makes a login that is good in this workspace
    /// alone.
    link: Option<String>,
}

/// Which invitation is taken back.
#[derive(InputObject)]
pub struct RevokeInvitationInput {
    /// Its global id.
    id: ID,
    /// Idempotency key: a retry within 24 hours returns the first result.
    idempotency_key: Option<String>,
}

/// An invitation that was taken back.
#[derive(SimpleObject)]
pub struct RevokeInvitationPayload {
    /// The invitation.
    invitation: Option<Invitation>,
}

/// What someone accepts an invitation with.
#[derive(InputObject)]
pub struct AcceptInvitationInput {
    /// The token, which stands behind the `#` of the link.
    #[graphql(secret)]
    token: String,
    /// The password to log in with from now on: at least 10 characters, at most 1,024 bytes, and none that is easily
    /// guessed. Who comes with a token that was sent to their email, and has proven that email before, gives the password
    /// that they have.
    #[graphql(secret)]
    password: String,
    /// What others will call them in this workspace; null for what the inviter wrote.
    name: Option<String>,
}

/// The part of the mutation root for invitations.
#[derive(Default)]
pub(super) struct Invitations;

#[Object]
impl Invitations {
    /// Invites someone to become a member. The person sets the password. Invitations of the same email that wait are taken
    /// back; whoever may not give the role of such a one invites that email no more. Where the operator has set up a mail hook, another
    /// link, which is shown to no one, is also sent to the email.
    async fn invite_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who.")] input: InviteMemberInput,
    ) -> Result<Option<InviteMemberPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (session, asked) = asked(ctx, Some(&input.idempotency_key))?;
        let new = NewInvitation { email: input.email.clone(), name: input.name.clone(), role: input.role.into() };
        let post = Post { public_url: &shared.public_url, has_hook: shared.has_mail_hook };
        let (database, sealer, ambient) = (&shared.database, &shared.sealer, &shared.ambient);
        let made = invitations::invite(database, sealer, ambient, &asked, &session.grant(), (new, post)).await;
        let made = made?;
        let invitation = standing(shared, &asked.scope, made.id).await?;
        let cursor = Cursor(Position::of_id(made.id.0).to_string());
        Ok(Some(InviteMemberPayload {
            invitation_edge: invitation.clone().map(|node| Edge { cursor, node }),
            invitation,
            link: made.secret.map(|link| link.expose_secret().to_owned()),
        }))
    }

    /// Takes an invitation back: its links work no more.
    async fn revoke_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: RevokeInvitationInput,
    ) -> Result<Option<RevokeInvitationPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (session, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let id: InvitationId = typed("input.id", &input.id)?;
        let revoked = invitations::revoke(&shared.database, &shared.ambient, &asked, &session.grant(), id).await;
        revoked?;
        Ok(Some(RevokeInvitationPayload { invitation: standing(shared, &asked.scope, id).await? }))
    }

    /// Accepts an invitation: the person becomes a member, and a session begins. It needs no credential but the token,
    /// which works once. Each of the invitation's links is used up by it.
    async fn accept_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "With what.")] input: AcceptInvitationInput,
    ) -> Result<Option<LoginPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let origin = ctx.data_opt::<Caller>().map(|caller| caller.origin.clone()).unwrap_or_default();
        let acceptance = Acceptance {
            token: input.token.into(),
            password: input.password.into(),
            name: input.name.as_deref(),
            origin: &origin,
        };
        let login = invitations::accept(&shared.database, &shared.sealer, &shared.ambient, acceptance).await;
        Ok(Some(LoginPayload::from(login?)))
    }
}

async fn standing(shared: &Shared, scope: &inlet_domain::scope::Scope, id: InvitationId) -> Result<Option<Invitation>> {
    let found = invitations::by_id(&shared.database, *scope, id).await?;
    Ok(found.map(|it| Invitation(Arc::new(it))))
}
