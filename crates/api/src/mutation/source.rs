//! Sources.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use inlet_domain::{
    model::right::Right,
    store::{
        mutations,
        page::Position,
        sources::{self, NewSource},
    },
};
use serde::Serialize;

use super::once;
use crate::{
    context::{Shared, viewer},
    error::ApiError,
    types::{channel::Source, connection::Edge, node::typed, scalars::Cursor, words},
};

/// What a new source is to be.
#[derive(InputObject, Serialize)]
pub struct CreateSourceInput {
    /// What people call it.
    name: String,
    /// Which adapter reads what comes.
    provider: words::Provider,
    /// The provider account to share; without one a new account is made.
    #[serde(serialize_with = "id_text")]
    provider_account_id: Option<ID>,
    /// How a request proves that it is authentic.
    #[graphql(default_with = "words::SourceVerification::Hmac")]
    verification: words::SourceVerification,
    /// The secret that the provider signs with; needed with HMAC.
    #[graphql(secret)]
    secret: Option<String>,
    /// The IANA zone of times without one.
    time_zone: Option<String>,
    /// The ISO 3166 region of phone numbers without a country code.
    phone_region: Option<String>,
    /// The medium of its own channel, where events name none.
    medium: Option<words::Medium>,
    /// Makes a repeat a repeat.
    #[serde(skip)]
    idempotency_key: String,
}

fn id_text<S: serde::Serializer>(id: &Option<ID>, serializer: S) -> Result<S::Ok, S::Error> {
    id.as_ref().map(|id| id.as_str()).serialize(serializer)
}

/// A new source.
#[derive(SimpleObject)]
pub struct CreateSourcePayload {
    /// The source.
    source: Option<Source>,
    /// The source as an item of a list.
    source_edge: Option<Edge<Source>>,
}

/// The part of the mutation root for sources.
#[derive(Default)]
pub(super) struct Sources;

#[Object]
impl Sources {
    /// Makes a URL for a provider to post to.
    async fn create_source(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: CreateSourceInput,
    ) -> Result<Option<CreateSourcePayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let viewer = viewer(ctx, Right::ManageSources)?;
        let once = once(ctx, viewer, "createSource", &input.idempotency_key, &input);
        let account = input.provider_account_id.as_ref().map(|id| typed("input.providerAccountId", id)).transpose()?;
        let new = NewSource {
            name: input.name.clone(),
            provider: input.provider.into(),
            account,
            verification: input.verification.into(),
            secret: input.secret.clone().map(Into::into),
            time_zone: input.time_zone.clone(),
            phone_region: input.phone_region.clone(),
            medium: input.medium.map(Into::into),
        };
        let made = mutations::create_source(&shared.database, &shared.sealer, &shared.ambient, &once, new).await;
        let id = made.map_err(ApiError::from)?.id;
        let all = sources::list(&shared.database, viewer.scope, &shared.sealer).await.map_err(ApiError::from)?;
        let source = all.into_iter().find(|(source, _)| source.id == id).map(|found| shared.source(found));
        let cursor = Cursor(Position::of_id(id.0).to_string());
        Ok(Some(CreateSourcePayload { source_edge: source.clone().map(|node| Edge { cursor, node }), source }))
    }
}
