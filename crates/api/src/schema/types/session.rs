//! Sessions in the schema.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use inlet_domain::{ids::MemberId, model::right::Right, scope::Actor};
use inlet_store::records::sessions;

use super::{member::Member, scalars::DateTime};
use crate::{
    error::Result,
    execution::context::{loaders, session},
};

/// Whether who asks may see, and end, the sessions of this member: their own, or anyone's who manages members.
#[must_use]
pub fn may_see(ctx: &Context<'_>, member: MemberId) -> bool {
    session(ctx).is_ok_and(|session| session.viewer.actor == Actor::Member(member) || session.may(Right::ManageMembers))
}

/// A login of a member that has not ended.
#[derive(Clone)]
pub struct Session(pub Arc<sessions::Session>);

/// A login of a member that has not ended.
#[Object]
impl Session {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Whose it is.
    async fn member(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        Ok(loaders(ctx)?.members.load(self.0.member_id).await?.map(Member))
    }

    /// Whether it is the one that asks.
    async fn current(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(session(ctx)?.viewer.session == Some(self.0.id))
    }

    /// When it began.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it ends by itself.
    async fn expires_at(&self) -> DateTime {
        DateTime(self.0.expires_at)
    }

    /// The address that it began from, as far as it is known.
    async fn client_address(&self) -> Option<&str> {
        self.0.client_address.as_deref()
    }
}
