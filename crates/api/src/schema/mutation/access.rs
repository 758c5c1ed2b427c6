//! Mutations of API keys.

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

/// Input of `createApiKey`.
#[derive(InputObject)]
pub struct CreateApiKeyInput {
    #[doc = display_name!()]
    name: String,
    /// Scopes. They may give only rights that the viewer has.
    scopes: Vec<enums::KeyScope>,
    /// Time of expiry. Without it, the key does not expire.
    expires_at: Option<DateTime>,
    #[doc = idempotency_key!()]
    idempotency_key: String,
}

/// Result of `createApiKey`.
#[derive(SimpleObject)]
pub struct CreateApiKeyPayload {
    /// The new API key.
    api_key: Option<ApiKey>,
    /// The new API key as an item of `apiKeys`.
    api_key_edge: Option<Edge<ApiKey>>,
    /// Token for `Authorization: Bearer`. Shown once: null for a retry.
    token: Option<String>,
}

/// Input of `revokeApiKey`.
#[derive(InputObject)]
pub struct RevokeApiKeyInput {
    /// Global id of the API key.
    id: ID,
    #[doc = idempotency_key!()]
    idempotency_key: Option<String>,
}

/// Result of `revokeApiKey`.
#[derive(SimpleObject)]
pub struct RevokeApiKeyPayload {
    /// The revoked API key.
    api_key: Option<ApiKey>,
}

/// The part of the mutation root for API keys.
#[derive(Default)]
pub(super) struct Access;

#[Object]
impl Access {
    /// Creates an API key. It may have only rights that the viewer has.
    async fn create_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: CreateApiKeyInput,
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

    /// Revokes an API key, and ends every subscription that it opened.
    async fn revoke_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: RevokeApiKeyInput,
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
