//! Members, teams and API keys in the schema.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use inlet_domain::store::{api_keys, members, teams};

use super::{
    author::{Actor, actor},
    scalars::{DateTime, Revision},
    words,
};
use crate::{
    context::{Shared, loaders, session},
    error::ApiError,
};

/// A person in one workspace.
#[derive(Clone)]
pub struct Member(pub Arc<members::Member>);

/// A person in one workspace.
#[Object]
impl Member {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Their name in this workspace.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Their login.
    async fn email(&self) -> &str {
        &self.0.email
    }

    /// Their role here, which tells their rights.
    async fn role(&self) -> words::Role {
        self.0.role.into()
    }

    /// Whether they can be reached now: as they said with `setAvailability`, while that has not run out.
    async fn availability(&self, ctx: &Context<'_>) -> Result<words::Availability> {
        let scope = session(ctx)?.viewer.scope;
        Ok(ctx.data_unchecked::<Arc<Shared>>().presence.of(scope, self.0.id).into())
    }

    /// Counts its changes.
    async fn revision(&self) -> Revision {
        Revision(self.0.revision)
    }

    /// Since when they are a member.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Since when they are shut out, if they are.
    async fn disabled_at(&self) -> Option<DateTime> {
        self.0.disabled_at.map(DateTime)
    }
}

/// Members who share conversations.
#[derive(Clone)]
pub struct Team(pub Arc<teams::Team>);

/// Members who share conversations.
#[Object]
impl Team {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Its name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Counts its changes.
    async fn revision(&self) -> Revision {
        Revision(self.0.revision)
    }

    /// When it came to be.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Who is in it.
    async fn members(&self, ctx: &Context<'_>) -> Result<Vec<Member>> {
        let loaders = loaders(ctx)?;
        let ids = loaders.team_members.load(self.0.id).await.map_err(ApiError::from)?.unwrap_or_default();
        let found = futures::future::try_join_all(ids.iter().map(|id| loaders.members.load(*id))).await;
        Ok(found.map_err(ApiError::from)?.into_iter().flatten().map(Member).collect())
    }
}

/// A program's credential. Its token is shown once, when it is made.
#[derive(Clone)]
pub struct ApiKey(pub Arc<api_keys::ApiKey>);

/// A program's credential. Its token is shown once, when it is made.
#[Object]
impl ApiKey {
    /// The global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Its name among the staff.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Its scopes, which tell its rights.
    async fn scopes(&self) -> Vec<words::KeyScope> {
        self.0.scopes.iter().map(|scope| (*scope).into()).collect()
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Who made it; null where that is not known.
    async fn created_by(&self, ctx: &Context<'_>) -> Result<Option<Actor>> {
        let Some(kind) = &self.0.created_by_kind else { return Ok(None) };
        actor(ctx, kind, self.0.created_by_id).await
    }

    /// When it was last used, to the minute; null where it never was.
    async fn last_used_at(&self) -> Option<DateTime> {
        self.0.last_used_at.map(DateTime)
    }

    /// When it ends by itself.
    async fn expires_at(&self) -> Option<DateTime> {
        self.0.expires_at.map(DateTime)
    }

    /// When it was revoked.
    async fn revoked_at(&self) -> Option<DateTime> {
        self.0.revoked_at.map(DateTime)
    }
}
