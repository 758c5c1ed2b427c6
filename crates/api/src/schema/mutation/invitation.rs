//! Mutations of invitations.

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

/// Input of `inviteMember`.
#[derive(InputObject)]
pub struct InviteMemberInput {
    /// Email address that the person will log in with. It is not case-sensitive.
    email: String,
    /// Name of the person in this workspace: 1 to 200 characters, at least one of them visible.
    name: String,
    /// Role that the person will get. It may give only rights that the viewer has.
    role: enums::Role,
    #[doc = idempotency_key!()]
    idempotency_key: String,
}

/// Result of `inviteMember`.
#[derive(SimpleObject)]
pub struct InviteMemberPayload {
    /// The invitation.
    invitation: Option<Invitation>,
    /// The invitation as an item of `invitations`.
    invitation_edge: Option<Edge<Invitation>>,
    /// Link to give to the person. The text after its `#` is the token for `acceptInvitation`, valid once and for 7
    /// days. Shown once: null for a retry. Anyone who has the link can accept the invitation, so a login made with it
    /// is valid in this workspace only.
    link: Option<String>,
}

/// Input of `revokeInvitation`.
#[derive(InputObject)]
pub struct RevokeInvitationInput {
    /// Global id of the invitation.
    id: ID,
    #[doc = idempotency_key!()]
    idempotency_key: Option<String>,
}

/// Result of `revokeInvitation`.
#[derive(SimpleObject)]
pub struct RevokeInvitationPayload {
    /// The revoked invitation.
    invitation: Option<Invitation>,
}

/// Input of `acceptInvitation`.
#[derive(InputObject)]
pub struct AcceptInvitationInput {
    /// Token: the text after the `#` of the link.
    #[graphql(secret)]
    token: String,
    /// Password for future logins: at least 10 characters, at most 1,024 bytes, and not easy to guess. If the token was
    /// sent to an email address that the person has proved before, it must be the person's present password.
    #[graphql(secret)]
    password: String,
    /// Name of the person in this workspace. Null keeps the inviter's choice.
    name: Option<String>,
}

/// The part of the mutation root for invitations.
#[derive(Default)]
pub(super) struct Invitations;

#[Object]
impl Invitations {
    /// Invites a person to become a member. The person sets the password. It revokes pending invitations of the same
    /// email; if the viewer may not give the role of one of these, the call is refused. If the operator has set up a
    /// mail hook, Inlet also sends another link to the email address, and shows that link to no one.
    async fn invite_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: InviteMemberInput,
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

    /// Revokes an invitation. Its links stop working.
    async fn revoke_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: RevokeInvitationInput,
    ) -> Result<Option<RevokeInvitationPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (session, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let id: InvitationId = typed("input.id", &input.id)?;
        let revoked = invitations::revoke(&shared.database, &shared.ambient, &asked, &session.grant(), id).await;
        revoked?;
        Ok(Some(RevokeInvitationPayload { invitation: standing(shared, &asked.scope, id).await? }))
    }

    /// Accepts an invitation: the person becomes a member, and a session starts. It needs no credential except the
    /// token, which works once. Acceptance uses up every link of the invitation.
    async fn accept_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: AcceptInvitationInput,
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
