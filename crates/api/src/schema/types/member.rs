//! Members, teams and API keys in the schema.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, ID, Object};
use inlet_store::records::{api_keys, members, page::Page, teams};

use super::{
    author::{Actor, actor},
    connection::{Connection, inner_cost, inner_slice},
    enums,
    scalars::{Cursor, DateTime, Revision},
};
use crate::{
    error::Result,
    execution::context::{Shared, loaders, session},
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

    /// Whether this person became a member through a letter to `email`. If false, the inviter saw the link, so anyone who
    /// had the link may have set the password. Check who it is before you raise the role.
    async fn email_proven(&self) -> bool {
        self.0.email_proven
    }

    /// Their role here, which tells their rights.
    async fn role(&self) -> enums::Role {
        self.0.role.into()
    }

    /// Whether they can be reached now: as they said with `setAvailability`, while that has not run out.
    async fn availability(&self, ctx: &Context<'_>) -> Result<enums::Availability> {
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
    #[graphql(complexity = "inner_cost(first, last, child_complexity)")]
    async fn members(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100, 10 where nothing is told.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<Cursor>,
    ) -> Result<Connection<Member>> {
        let (loaders, slice) = (loaders(ctx)?, inner_slice(first, after, last, before)?);
        let ids = loaders.team_members.load(self.0.id).await?.unwrap_or_default();
        let page = Page::within(ids, |id| id.0, &slice)?;
        let members = page.items.iter().map(|(_, id)| loaders.members.load(*id));
        let found = futures::future::try_join_all(members).await?;
        let known: HashMap<_, _> = found.into_iter().flatten().map(|member| (member.id, member)).collect();
        let items = page.items.into_iter().filter_map(|(at, id)| Some((at, Arc::clone(known.get(&id)?)))).collect();
        let page = Page { items, has_previous: page.has_previous, has_next: page.has_next };
        Ok(Connection::of(page, Member))
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
    async fn scopes(&self) -> Vec<enums::KeyScope> {
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
