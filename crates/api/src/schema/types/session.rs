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

/// Whether the viewer may see and end the sessions of this member: their own, or with `manage_members` those of any
/// member.
#[must_use]
pub fn may_see(ctx: &Context<'_>, member: MemberId) -> bool {
    session(ctx).is_ok_and(|session| session.viewer.actor == Actor::Member(member) || session.may(Right::ManageMembers))
}

/// An active login of a member.
#[derive(Clone)]
pub struct Session(pub Arc<sessions::Session>);

/// An active login of a member.
#[Object]
impl Session {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Member who logged in.
    async fn member(&self, ctx: &Context<'_>) -> Result<Option<Member>> {
        Ok(loaders(ctx)?.members.load(self.0.member_id).await?.map(Member))
    }

    /// Whether this is the session of the present request.
    async fn current(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(session(ctx)?.viewer.session == Some(self.0.id))
    }

    /// Time of the login.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Time of expiry.
    async fn expires_at(&self) -> DateTime {
        DateTime(self.0.expires_at)
    }

    /// IP address of the client at login. Null if unknown.
    async fn client_address(&self) -> Option<&str> {
        self.0.client_address.as_deref()
    }
}
