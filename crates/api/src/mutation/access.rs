//! Logging in and out, and API keys.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use inlet_domain::{
    model::right::{KeyScope, Right},
    store::{credentials, mutations},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::once;
use crate::{
    context::{Shared, loaders, session, viewer},
    error::{ApiError, ErrorCode},
    types::{
        connection::Edge,
        member::{ApiKey, Member},
        node::typed,
        scalars::Cursor,
        words,
    },
};

/// Who wants a session.
#[derive(InputObject)]
pub struct LoginInput {
    /// The login.
    email: String,
    /// The password.
    #[graphql(secret)]
    password: String,
    /// The workspace, by its slug or id; needed where the login is a member of several.
    workspace: Option<String>,
}

/// A session that has begun.
#[derive(SimpleObject)]
pub struct LoginPayload {
    /// The session's token, for `Authorization: Bearer`. It is shown once and good for 30 days.
    token: String,
    /// Who logged in.
    member: Member,
    /// The workspace that the session is of.
    workspace_id: ID,
}

/// A session that has ended.
#[derive(SimpleObject)]
pub struct LogoutPayload {
    /// The session.
    deleted_session_id: ID,
}

/// What a new API key is to be.
#[derive(InputObject, Serialize)]
pub struct CreateApiKeyInput {
    /// What people call it; 1 to 200 characters.
    name: String,
    /// What it may do.
    scopes: Vec<words::KeyScope>,
    /// Makes a repeat a repeat.
    #[serde(skip)]
    idempotency_key: String,
}

/// A new API key.
#[derive(SimpleObject)]
pub struct CreateApiKeyPayload {
    /// The key.
    api_key: Option<ApiKey>,
    /// The key as an item of a list.
    api_key_edge: Option<Edge<ApiKey>>,
    /// Its token, for `Authorization: Bearer`. It is shown once; on a repeat it is null.
    token: Option<String>,
}

/// Which API key is to end.
#[derive(InputObject)]
pub struct RevokeApiKeyInput {
    /// Its global id.
    id: ID,
}

/// An API key that has ended.
#[derive(SimpleObject)]
pub struct RevokeApiKeyPayload {
    /// The key.
    api_key: Option<ApiKey>,
}

/// The part of the mutation root for credentials.
#[derive(Default)]
pub(super) struct Access;

#[Object]
impl Access {
    /// Begins a session.
    async fn login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who.")] input: LoginInput,
    ) -> Result<Option<LoginPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let password = SecretString::from(input.password);
        let workspace = input.workspace.as_deref();
        let login = credentials::login(&shared.database, &shared.ambient, &input.email, password, workspace).await;
        let login = login.map_err(ApiError::from)?;
        Ok(Some(LoginPayload {
            token: login.token.expose_secret().to_owned(),
            member: Member(Arc::new(login.member)),
            workspace_id: ID(login.scope.workspace().to_string()),
        }))
    }

    /// Ends the viewer's session, and with it every subscription that it opened.
    async fn logout(&self, ctx: &Context<'_>) -> Result<Option<LogoutPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let viewer = &session(ctx)?.viewer;
        let Some(id) = viewer.session else {
            let message = "an API key has no session: revoke it with `revokeApiKey`";
            return Err(ApiError::new(ErrorCode::Forbidden, message).into());
        };
        mutations::logout(&shared.database, &shared.ambient, viewer).await.map_err(ApiError::from)?;
        shared.revoked();
        Ok(Some(LogoutPayload { deleted_session_id: ID(id.to_string()) }))
    }

    /// Makes an API key.
    async fn create_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: CreateApiKeyInput,
    ) -> Result<Option<CreateApiKeyPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let viewer = viewer(ctx, Right::ManageKeys)?;
        let once = once(ctx, viewer, "createApiKey", &input.idempotency_key, &input);
        let scopes: Vec<KeyScope> = input.scopes.iter().map(|scope| (*scope).into()).collect();
        let made = mutations::create_api_key(&shared.database, &shared.ambient, &once, &input.name, &scopes).await;
        let made = made.map_err(ApiError::from)?;
        let key = loaders(ctx)?.keys.load(made.id).await.map_err(ApiError::from)?.map(ApiKey);
        let cursor = Cursor(inlet_domain::store::page::Position::of_id(made.id.0).to_string());
        Ok(Some(CreateApiKeyPayload {
            api_key_edge: key.clone().map(|node| Edge { cursor, node }),
            api_key: key,
            token: made.secret.map(|token| token.expose_secret().to_owned()),
        }))
    }

    /// Ends an API key, and with it every subscription that it opened.
    async fn revoke_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: RevokeApiKeyInput,
    ) -> Result<Option<RevokeApiKeyPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let viewer = viewer(ctx, Right::ManageKeys)?;
        let id = typed("input.id", &input.id)?;
        mutations::revoke_api_key(&shared.database, &shared.ambient, viewer, id).await.map_err(ApiError::from)?;
        shared.revoked();
        let key = loaders(ctx)?.keys.load(id).await.map_err(ApiError::from)?.map(ApiKey);
        if key.is_none() {
            return Err(ApiError::new(ErrorCode::NotFound, "there is no such API key").into());
        }
        Ok(Some(RevokeApiKeyPayload { api_key: key }))
    }
}
