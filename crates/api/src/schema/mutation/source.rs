//! Mutations of sources and provider accounts.

use std::{sync::Arc, time::Duration};

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use inlet_domain::{
    ids::{ChannelId, SourceId},
    model::provider::Verification,
    scope::Scope,
};
use inlet_store::{
    error::StoreError,
    records::{
        mutation_tx::MutationRequest,
        mutations::{self, Made, SourceChange},
        page::Position,
        sources::{self, NewSource, SourceSettings},
    },
};
use secrecy::{ExposeSecret, SecretString};

use super::{
    asked, or_conflict,
    source_input::{CreateSourceInput, UpdateSourceInput, value_of},
};
use crate::{
    error::{ApiError, Result},
    execution::context::{Shared, loaders},
    schema::types::{
        channel::{ProviderAccount, Source},
        connection::Edge,
        enums,
        node::typed,
        scalars::Cursor,
    },
};

/// Input of `deleteSource`.
#[derive(InputObject)]
pub struct DeleteSourceInput {
    /// Global id of the source.
    id: ID,
    #[doc = idempotency_key!()]
    idempotency_key: Option<String>,
}

/// Input of `rotateSourceSecret`.
#[derive(InputObject)]
pub struct RotateSourceSecretInput {
    /// Global id of the source.
    id: ID,
    /// New secret. Without it, Inlet generates one.
    #[graphql(secret)]
    secret: Option<String>,
    /// Time in seconds during which older secrets are accepted too: 0 to 2,592,000 (30 days).
    #[graphql(default = 86400)]
    overlap_seconds: i32,
    #[doc = idempotency_key!()]
    idempotency_key: Option<String>,
}

/// Input of `createProviderAccount`.
#[derive(InputObject)]
pub struct CreateProviderAccountInput {
    /// Provider of the account.
    provider: enums::Provider,
    #[doc = display_name!()]
    name: String,
    #[doc = idempotency_key!()]
    idempotency_key: String,
}

/// Result of `createSource`.
#[derive(SimpleObject)]
pub struct CreateSourcePayload {
    /// The new source.
    source: Option<Source>,
    /// The new source as an item of `sources`.
    source_edge: Option<Edge<Source>>,
}

/// Result of `updateSource`.
#[derive(SimpleObject)]
pub struct UpdateSourcePayload {
    /// The source in its present state, also after `CONFLICT`.
    source: Option<Source>,
}

/// Result of `deleteSource`.
#[derive(SimpleObject)]
pub struct DeleteSourcePayload {
    /// Global id of the deleted source.
    deleted_source_id: ID,
}

/// Result of `rotateSourceSecret`.
#[derive(SimpleObject)]
pub struct RotateSourceSecretPayload {
    /// The source.
    source: Option<Source>,
    /// Secret that Inlet generated. Shown once: null for a retry, and if the input had a secret.
    secret: Option<String>,
}

/// Result of `createProviderAccount`.
#[derive(SimpleObject)]
pub struct CreateProviderAccountPayload {
    /// The new provider account.
    provider_account: Option<ProviderAccount>,
    /// The new provider account as an item of `providerAccounts`.
    provider_account_edge: Option<Edge<ProviderAccount>>,
}

/// The part of the mutation root for sources.
#[derive(Default)]
pub(super) struct Sources;

#[Object]
impl Sources {
    /// Creates a source: a URL for a provider to post to.
    async fn create_source(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: CreateSourceInput,
    ) -> Result<Option<CreateSourcePayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, Some(&input.idempotency_key))?;
        let account = input.provider_account_id.as_ref().map(|id| typed("input.providerAccountId", id)).transpose()?;
        let channel = input.channel_id.as_ref().map(|id| typed("input.channelId", id)).transpose()?;
        let new = NewSource {
            name: input.name.clone(),
            provider: input.provider.into(),
            account,
            verification: input.verification.into(),
            secret: input.secret.clone().map(Into::into),
            settings: SourceSettings {
                signature: input.signature.clone().map(Into::into).unwrap_or_default(),
                allowed_networks: input.allowed_networks.clone(),
                time_zone: input.time_zone.clone(),
                phone_region: input.phone_region.clone(),
                channel_id: channel,
                medium: input.medium.map(Into::into),
                report_hosts: input.report_hosts.clone(),
                own_user_ids: input.own_user_ids.clone(),
                call_customer_leg: Some(input.call_customer_leg.into()),
                mapping: input.mapping.clone().map(value_of),
            },
        };
        let made = mutations::create_source(&shared.database, &shared.sealer, &shared.ambient, &asked, new).await;
        let id = made?.id;
        let source = standing(shared, asked.scope, id).await?;
        let cursor = Cursor(Position::of_id(id.0).to_string());
        Ok(Some(CreateSourcePayload { source_edge: source.clone().map(|node| Edge { cursor, node }), source }))
    }

    /// Changes a source. The change takes effect at once in the process that handles the call, and within a second in
    /// the others.
    async fn update_source(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: UpdateSourceInput,
    ) -> Result<Option<UpdateSourcePayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let id: SourceId = typed("input.id", &input.id)?;
        let channel: MaybeUndefined<ChannelId> = match &input.channel_id {
            MaybeUndefined::Undefined => MaybeUndefined::Undefined,
            MaybeUndefined::Null => MaybeUndefined::Null,
            MaybeUndefined::Value(id) => MaybeUndefined::Value(typed("input.channelId", id)?),
        };
        let change = |name: &mut String, verification: &mut Verification, settings: &mut SourceSettings| {
            input.apply(&channel, name, verification, settings);
        };
        let update = SourceChange::Update {
            if_revision: input.if_revision.map(|revision| revision.0),
            finish_rotation: input.finish_secret_rotation,
            change: &change,
        };
        or_conflict(ctx, self::change(shared, &asked, id, update).await)?;
        Ok(Some(UpdateSourcePayload { source: standing(shared, asked.scope, id).await? }))
    }

    /// Deletes a source. Its URL stops working. Data that it received remains.
    async fn delete_source(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: DeleteSourceInput,
    ) -> Result<Option<DeleteSourcePayload>> {
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let id: SourceId = typed("input.id", &input.id)?;
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        change(shared, &asked, id, SourceChange::Delete).await?;
        Ok(Some(DeleteSourcePayload { deleted_source_id: ID(id.to_string()) }))
    }

    /// Gives a source a new secret. Older secrets are accepted for `overlapSeconds`, so that you can enter the new one
    /// at the provider meanwhile. `updateSource` with `finishSecretRotation` ends the overlap.
    async fn rotate_source_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: RotateSourceSecretInput,
    ) -> Result<Option<RotateSourceSecretPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let id: SourceId = typed("input.id", &input.id)?;
        let Ok(overlap) = u64::try_from(input.overlap_seconds) else {
            return Err(ApiError::input("input.overlapSeconds", "must be 0 or more seconds"));
        };
        let rotation = SourceChange::Rotate {
            secret: input.secret.clone().map(SecretString::from),
            overlap: Duration::from_secs(overlap),
        };
        let made = change(shared, &asked, id, rotation).await?;
        Ok(Some(RotateSourceSecretPayload {
            source: standing(shared, asked.scope, id).await?,
            secret: made.secret.map(|secret| secret.expose_secret().to_owned()),
        }))
    }

    /// Creates a provider account for sources to share. An event that a provider sends to several of its sources takes
    /// effect once.
    async fn create_provider_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: CreateProviderAccountInput,
    ) -> Result<Option<CreateProviderAccountPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, Some(&input.idempotency_key))?;
        let provider = input.provider.into();
        let made =
            mutations::create_provider_account(&shared.database, &shared.ambient, &asked, provider, &input.name).await;
        let id = made?.id;
        let account = loaders(ctx)?.accounts.load(id).await?.map(ProviderAccount);
        let cursor = Cursor(Position::of_id(id.0).to_string());
        Ok(Some(CreateProviderAccountPayload {
            provider_account_edge: account.clone().map(|node| Edge { cursor, node }),
            provider_account: account,
        }))
    }
}

async fn standing(shared: &Shared, scope: Scope, id: SourceId) -> Result<Option<Source>> {
    let found = sources::with_token(&shared.database, scope, &shared.sealer, id).await;
    Ok(found?.map(|found| Source::new(shared, found)))
}

async fn change(
    shared: &Shared,
    asked: &MutationRequest<'_>,
    id: SourceId,
    change: SourceChange<'_>,
) -> Result<Made<SourceId>, StoreError> {
    mutations::change_source(&shared.database, &shared.sealer, &shared.ambient, asked, id, change).await
}
