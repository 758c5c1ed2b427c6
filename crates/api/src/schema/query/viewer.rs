//! The viewer.

use async_graphql::{Context, ID, Object, SimpleObject};
use inlet_domain::{model::right::Grant, scope::Actor};

use crate::{
    error::Result,
    execution::context::{loaders, session},
    schema::types::{
        enums,
        member::{ApiKey, Member},
        scalars::DateTime,
    },
};

/// The viewer: the member or the API key behind the credential of the request.
#[derive(SimpleObject)]
pub struct Viewer {
    /// Global id of the workspace.
    workspace_id: ID,
    /// Member of the session. Null for an API key.
    member: Option<Member>,
    /// API key. Null for a session.
    api_key: Option<ApiKey>,
    /// Role of the member. Null for an API key.
    role: Option<enums::Role>,
    /// Scopes of the API key. Null for a session.
    scopes: Option<Vec<enums::KeyScope>>,
    /// Time when the credential expires. Null if it does not.
    expires_at: Option<DateTime>,
}

/// The part of the query root for the viewer.
#[derive(Default)]
pub(super) struct Viewers;

#[Object]
impl Viewers {
    /// The viewer. Null without a valid credential.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Option<Viewer>> {
        let Ok(session) = session(ctx) else { return Ok(None) };
        let viewer = &session.viewer;
        let (mut member, mut api_key) = (None, None);
        match viewer.actor {
            Actor::Member(id) => {
                member = loaders(ctx)?.members.load(id).await?.map(Member);
            }
            Actor::ApiKey(id) => {
                api_key = loaders(ctx)?.keys.load(id).await?.map(ApiKey);
            }
            Actor::Provider | Actor::System => {}
        }
        let (role, scopes) = match &session.grant() {
            Grant::Role(role) => (Some((*role).into()), None),
            Grant::Scopes(scopes) => (None, Some(scopes.iter().map(|scope| (*scope).into()).collect())),
        };
        let workspace_id = ID(viewer.scope.workspace().to_string());
        let expires_at = viewer.expires_at.map(DateTime);
        Ok(Some(Viewer { workspace_id, member, api_key, role, scopes, expires_at }))
    }
}
