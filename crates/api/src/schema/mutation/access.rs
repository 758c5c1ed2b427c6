//! API keys.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use inlet_store::records::{api_keys::NewApiKey, mutations, page::Position};
use secrecy::ExposeSecret;

use super::asked;
use crate::{
    error::Result,
    execution::context::{Shared, loaders},
    schema::types::{
        connection::Edge,
        enums,
        member::ApiKey,
        node::typed,
        scalars::{Cursor, DateTime},
    },
};

/// What a new API key is to be.
#[derive(InputObject)]
pub struct CreateApiKeyInput {
    /// What people call it; 1 to 200 characters, at least one of them visible.
    name: String,
    /// What it may do: no more than who makes it.
    scopes: Vec<enums::KeyScope>,
    /// When it ends by itself; absent, it does not.
    expires_at: Option<DateTime>,
    /// Makes a repeat a repeat.
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
    /// Makes a repeat a repeat.
    idempotency_key: Option<String>,
}

/// An API key that has ended.
#[derive(SimpleObject)]
pub struct RevokeApiKeyPayload {
    /// The key.
    api_key: Option<ApiKey>,
}

/// The part of the mutation root for API keys.
#[derive(Default)]
pub(super) struct Access;

#[Object]
impl Access {
    /// Makes an API key, which may do no more than who makes it.
    async fn create_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: CreateApiKeyInput,
    ) -> Result<Option<CreateApiKeyPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (session, asked) = asked(ctx, Some(&input.idempotency_key))?;
        let new = NewApiKey {
            name: input.name.clone(),
            scopes: input.scopes.iter().map(|scope| (*scope).into()).collect(),
            expires_at: input.expires_at.map(|at| at.0),
        };
        let made = mutations::create_api_key(&shared.database, &shared.ambient, &asked, &session.grant(), &new).await;
        let made = made?;
        let key = loaders(ctx)?.keys.load(made.id).await?.map(ApiKey);
        let cursor = Cursor(Position::of_id(made.id.0).to_string());
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
        let (session, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let id = typed("input.id", &input.id)?;
        mutations::revoke_api_key(&shared.database, &shared.ambient, &asked, id).await?;
        shared.revocations.tell(session.viewer.scope.workspace());
        let key = loaders(ctx)?.keys.load(id).await?.map(ApiKey);
        Ok(Some(RevokeApiKeyPayload { api_key: key }))
    }
}
