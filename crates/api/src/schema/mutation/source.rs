//! Sources and the provider accounts that they are of.

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

/// Which source is to go.
#[derive(InputObject)]
pub struct DeleteSourceInput {
    /// Its global id.
    id: ID,
    /// Makes a repeat a repeat.
    idempotency_key: Option<String>,
}

/// Which source gets a new secret.
#[derive(InputObject)]
pub struct RotateSourceSecretInput {
    /// Its global id.
    id: ID,
    /// The new secret; without one a random one is made.
    #[graphql(secret)]
    secret: Option<String>,
    /// How long the secrets before go on counting beside the new one, in seconds: 0 to 2,592,000, which are 30 days.
    #[graphql(default = 86400)]
    overlap_seconds: i32,
    /// Makes a repeat a repeat.
    idempotency_key: Option<String>,
}

/// A new provider account.
#[derive(InputObject)]
pub struct CreateProviderAccountInput {
    /// The provider.
    provider: enums::Provider,
    /// Its name among the staff; 1 to 200 characters, at least one of them visible.
    name: String,
    /// Makes a repeat a repeat.
    idempotency_key: String,
}

/// A new source.
#[derive(SimpleObject)]
pub struct CreateSourcePayload {
    /// The source.
    source: Option<Source>,
    /// The source as an item of a list.
    source_edge: Option<Edge<Source>>,
}

/// A source that was changed.
#[derive(SimpleObject)]
pub struct UpdateSourcePayload {
    /// The source as it stands, also where the error is `CONFLICT`.
    source: Option<Source>,
}

/// A source that is gone.
#[derive(SimpleObject)]
pub struct DeleteSourcePayload {
    /// Its global id.
    deleted_source_id: ID,
}

/// A source with a new secret.
#[derive(SimpleObject)]
pub struct RotateSourceSecretPayload {
    /// The source.
    source: Option<Source>,
    /// The secret, where a random one was made. It is shown once; on a repeat it is null.
    secret: Option<String>,
}

/// A new provider account.
#[derive(SimpleObject)]
pub struct CreateProviderAccountPayload {
    /// The account.
    provider_account: Option<ProviderAccount>,
    /// The account as an item of a list.
    provider_account_edge: Option<Edge<ProviderAccount>>,
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
        #[graphql(desc = "Its settings.")] input: CreateSourceInput,
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

    /// Changes a source. It counts for the next request in this process, and within a second in the others.
    async fn update_source(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The changes.")] input: UpdateSourceInput,
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

    /// Deletes a source: its URL answers no more. What came to it stays.
    async fn delete_source(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: DeleteSourceInput,
    ) -> Result<Option<DeleteSourcePayload>> {
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let id: SourceId = typed("input.id", &input.id)?;
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        change(shared, &asked, id, SourceChange::Delete).await?;
        Ok(Some(DeleteSourcePayload { deleted_source_id: ID(id.to_string()) }))
    }

    /// Gives a source a new secret. Those before go on counting for a while, so that the provider can be told in
    /// between; `updateSource` with `finishSecretRotation` ends that at once.
    async fn rotate_source_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and with what.")] input: RotateSourceSecretInput,
    ) -> Result<Option<RotateSourceSecretPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let id: SourceId = typed("input.id", &input.id)?;
        let Ok(overlap) = u64::try_from(input.overlap_seconds) else {
            return Err(ApiError::input("input.overlapSeconds", "an overlap has no less than 0 seconds"));
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

    /// Makes an account with a provider, for sources to share: what a provider sends to two of them counts once.
    async fn create_provider_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its settings.")] input: CreateProviderAccountInput,
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
