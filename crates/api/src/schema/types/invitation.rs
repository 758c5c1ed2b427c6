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

/// Someone who may become a member. The token of the link is shown once, when the invitation is made.
#[derive(Clone)]
pub struct Invitation(pub Arc<invitations::Invitation>);

/// Someone who may become a member. The token of the link is shown once, when the invitation is made.
#[Object]
impl Invitation {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// The login that they are to have.
    async fn email(&self) -> &str {
        &self.0.email
    }

    /// What others will call them in this workspace.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What they will be allowed to do.
    async fn role(&self) -> enums::Role {
        self.0.role.into()
    }

    /// Who invited them.
    async fn invited_by(&self, ctx: &Context<'_>) -> Result<Option<Actor>> {
        actor(ctx, &self.0.invited_by_kind, self.0.invited_by_id).await
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Until when it can be accepted.
    async fn expires_at(&self) -> DateTime {
        DateTime(self.0.expires_at)
    }

    /// When it was accepted.
    async fn accepted_at(&self) -> Option<DateTime> {
        self.0.accepted_at.map(DateTime)
    }

    /// When it was taken back.
    async fn revoked_at(&self) -> Option<DateTime> {
        self.0.revoked_at.map(DateTime)
    }

    /// The member who came of it, once it was accepted.
    async fn member(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        let Some(id) = self.0.member else { return Ok(None) };
        Ok(loaders(ctx)?.members.load(id).await?.map(Member))
    }
}
