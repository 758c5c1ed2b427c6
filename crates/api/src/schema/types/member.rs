//! Members, teams and API keys in the schema.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, ID, Object};
use futures::future::try_join_all;
use inlet_store::records::{api_keys, members, page::Page, teams};

use super::{
    author::{Actor, actor},
    enums,
    scalars::{DateTime, Revision},
};
use crate::{
    error::Result,
    execution::context::{Shared, loaders, session},
    schema::lists::lists,
};

/// A person's membership in one workspace.
#[derive(Clone)]
pub struct Member(pub Arc<members::Member>);

/// A person's membership in one workspace.
#[Object]
impl Member {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Name of the person in this workspace.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Email address that the person logs in with.
    async fn email(&self) -> &str {
        &self.0.email
    }

    /// Whether the person proved to own `email`, by a link that was sent there. If false, the inviter saw the link, and
    /// anyone who had it may have set the password. Check who the person is before you raise the role.
    async fn email_proven(&self) -> bool {
        self.0.email_proven
    }

    /// Role of the member, which defines the member's rights.
    async fn role(&self) -> enums::Role {
        self.0.role.into()
    }

    /// Current availability: the value of the last `setAvailability` that has not expired, else OFFLINE.
    async fn availability(&self, ctx: &Context<'_>) -> Result<enums::Availability> {
        let scope = session(ctx)?.viewer.scope;
        Ok(ctx.data_unchecked::<Arc<Shared>>().presence.of(scope, self.0.id).into())
    }

    /// Revision of the object. Pass it as `ifRevision` in an update.
    async fn revision(&self) -> Revision {
        Revision(self.0.revision)
    }

    /// Time when the person became a member.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Time when the member was disabled. Null for an active member.
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
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Display name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Revision of the object. It grows with every change.
    async fn revision(&self) -> Revision {
        Revision(self.0.revision)
    }

    /// Time of creation.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    #[graphql(flatten)]
    async fn lists(&self) -> TeamLists {
        TeamLists(Arc::clone(&self.0))
    }
}

lists! {
    /// The lists of a team.
    TeamLists of teams::Team;
    |ctx, team, slice|

    /// Members of the team, oldest first.
    members -> Member = {
        let loaders = loaders(ctx)?;
        let ids = loaders.team_members.load(team.id).await?.unwrap_or_default();
        let page = Page::within(ids, |id| id.0, &slice)?;
        let found = try_join_all(page.items.iter().map(|(_, id)| loaders.members.load(*id))).await?;
        let known: HashMap<_, _> = found.into_iter().flatten().map(|member| (member.id, member)).collect();
        let items = page.items.into_iter().filter_map(|(at, id)| Some((at, Arc::clone(known.get(&id)?)))).collect();
        Some(Page { items, has_previous: page.has_previous, has_next: page.has_next })
    };
}

/// A credential for a program. Inlet shows its token once, in the result of `createApiKey`.
#[derive(Clone)]
pub struct ApiKey(pub Arc<api_keys::ApiKey>);

/// A credential for a program. Inlet shows its token once, in the result of `createApiKey`.
#[Object]
impl ApiKey {
    /// Global id.
    pub async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// Display name, for members only.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Scopes of the key, which define its rights.
    async fn scopes(&self) -> Vec<enums::KeyScope> {
        self.0.scopes.iter().map(|scope| (*scope).into()).collect()
    }

    /// Time of creation.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Creator. Null if unknown.
    async fn created_by(&self, ctx: &Context<'_>) -> Result<Option<Actor>> {
        let Some(kind) = &self.0.created_by_kind else { return Ok(None) };
        actor(ctx, kind, self.0.created_by_id).await
    }

    /// Time of the last use, to the minute. Null if the key was never used.
    async fn last_used_at(&self) -> Option<DateTime> {
        self.0.last_used_at.map(DateTime)
    }

    /// Time of expiry. Null if the key does not expire.
    async fn expires_at(&self) -> Option<DateTime> {
        self.0.expires_at.map(DateTime)
    }

    /// Time of revocation. Null if the key was not revoked.
    async fn revoked_at(&self) -> Option<DateTime> {
        self.0.revoked_at.map(DateTime)
    }
}
