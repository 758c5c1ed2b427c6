//! Invitations in the schema.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use inlet_store::records::invitations;

use super::{
    author::{Actor, actor},
    enums,
    member::Member,
    scalars::DateTime,
};
use crate::{error::Result, execution::context::loaders};

/// An invitation to become a member. Inlet shows the token of its link once, in the result of `inviteMember`.
#[derive(Clone)]
pub struct Invitation(pub Arc<invitations::Invitation>);

/// An invitation to become a member. Inlet shows the token of its link once, in the result of `inviteMember`.
#[Object]
impl Invitation {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Email address that the person will log in with.
    async fn email(&self) -> &str {
        &self.0.email
    }

    /// Name of the person in this workspace.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Role that the person will get.
    async fn role(&self) -> enums::Role {
        self.0.role.into()
    }

    /// Inviter.
    async fn invited_by(&self, ctx: &Context<'_>) -> Result<Option<Actor>> {
        actor(ctx, &self.0.invited_by_kind, self.0.invited_by_id).await
    }

    /// Time of creation.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Time of expiry.
    async fn expires_at(&self) -> DateTime {
        DateTime(self.0.expires_at)
    }

    /// Time of acceptance.
    async fn accepted_at(&self) -> Option<DateTime> {
        self.0.accepted_at.map(DateTime)
    }

    /// Time of revocation.
    async fn revoked_at(&self) -> Option<DateTime> {
        self.0.revoked_at.map(DateTime)
    }

    /// Member that the person became. Null until the invitation is accepted.
    async fn member(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        let Some(id) = self.0.member else { return Ok(None) };
        Ok(loaders(ctx)?.members.load(id).await?.map(Member))
    }
}
