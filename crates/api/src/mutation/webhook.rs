//! Webhooks.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use inlet_domain::{
    model::webhook::LegacySignature,
    store::{
        mutations,
        page::Position,
        webhooks::{self, NewWebhook},
    },
};
use secrecy::ExposeSecret;

use super::asked;
use crate::{
    context::Shared,
    error::ApiError,
    types::{connection::Edge, scalars::Cursor, webhook::Webhook, words},
};

/// A plain signature for a consumer that was written for another inbox.
#[derive(InputObject)]
pub struct LegacySignatureInput {
    /// The header that the consumer reads.
    header: String,
    /// The hash.
    #[graphql(default_with = "words::SignatureAlgorithm::Sha256")]
    algorithm: words::SignatureAlgorithm,
    /// The consumer's secret.
    #[graphql(secret)]
    secret: String,
}

/// What a new webhook is to be.
#[derive(InputObject)]
pub struct RegisterWebhookInput {
    /// What people call it; 1 to 200 characters.
    name: String,
    /// Where events are posted.
    url: String,
    /// Exact names such as `message.created`, or `message.*`; none means all.
    #[graphql(default)]
    event_types: Vec<String>,
    /// Whether notes and activities are sent too.
    #[graphql(default)]
    include_notes: bool,
    /// Over connect and the whole exchange, 1 to 30 seconds; 3 where absent.
    timeout_seconds: Option<i32>,
    /// 1 to 20; where absent, as many as the preset's delays allow.
    max_attempts: Option<i32>,
    /// How long to wait between attempts.
    #[graphql(default_with = "words::RetryPreset::Documented")]
    retry_preset: words::RetryPreset,
    /// A plain signature beside ours, for a consumer that expects one.
    legacy_signature: Option<LegacySignatureInput>,
    /// Makes a repeat a repeat.
    idempotency_key: String,
}

/// A new webhook.
#[derive(SimpleObject)]
pub struct RegisterWebhookPayload {
    /// The webhook.
    webhook: Option<Webhook>,
    /// The webhook as an item of a list.
    webhook_edge: Option<Edge<Webhook>>,
    /// The secret that its requests are signed with. It is shown once; on a repeat it is null.
    secret: Option<String>,
}

/// The part of the mutation root for webhooks.
#[derive(Default)]
pub(super) struct Webhooks;

#[Object]
impl Webhooks {
    /// Registers a receiver of events. It gets every event that comes after this.
    async fn register_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: RegisterWebhookInput,
    ) -> Result<Option<RegisterWebhookPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (session, asked) = asked(ctx, Some(&input.idempotency_key))?;
        let new = NewWebhook {
            name: input.name.clone(),
            url: input.url.clone(),
            event_types: input.event_types.clone(),
            include_notes: input.include_notes,
            timeout_seconds: input.timeout_seconds,
            max_attempts: input.max_attempts,
            retry_preset: input.retry_preset.into(),
            legacy_signature: input.legacy_signature.as_ref().map(|legacy| LegacySignature {
                header: legacy.header.clone(),
                algorithm: legacy.algorithm.into(),
                secret: legacy.secret.clone().into(),
            }),
            targets: shared.targets,
        };
        let made = mutations::register_webhook(&shared.database, &shared.sealer, &shared.ambient, &asked, new).await;
        let made = made.map_err(ApiError::from)?;
        let found = webhooks::by_id(&shared.database, session.viewer.scope, made.id).await.map_err(ApiError::from)?;
        let webhook = found.map(|webhook| Webhook(Arc::new(webhook)));
        let cursor = Cursor(Position::of_id(made.id.0).to_string());
        Ok(Some(RegisterWebhookPayload {
            webhook_edge: webhook.clone().map(|node| Edge { cursor, node }),
            webhook,
            secret: made.secret.map(|secret| secret.expose_secret().to_owned()),
        }))
    }
}
