//! Mutations of webhooks.

use std::{sync::Arc, time::Duration};

use async_graphql::{Context, ID, MaybeUndefined, Object, SimpleObject};
use inlet_domain::{ids::WebhookId, scope::Scope};
use inlet_store::{
    error::StoreError,
    records::{
        mutation_tx::MutationRequest,
        mutations::{self, Made, WebhookChange},
        page::Position,
        webhooks::{self, NewWebhook, Settings, Update},
    },
};
use secrecy::ExposeSecret;

use super::{
    asked, or_conflict,
    webhook_input::{
        DeleteWebhookInput, FinishWebhookRotationInput, PauseWebhookInput, RegisterWebhookInput, ResumeWebhookInput,
        RotateWebhookSecretInput, UpdateWebhookInput,
    },
};
use crate::{
    error::{ApiError, Result},
    execution::context::Shared,
    schema::types::{connection::Edge, node::typed, scalars::Cursor, webhook::Webhook},
};

/// Result of `registerWebhook`.
#[derive(SimpleObject)]
pub struct RegisterWebhookPayload {
    /// The new webhook.
    webhook: Option<Webhook>,
    /// The new webhook as an item of `webhooks`.
    webhook_edge: Option<Edge<Webhook>>,
    /// Secret that signs the requests. Shown once: null for a retry.
    secret: Option<String>,
}

/// Result of `updateWebhook`, `pauseWebhook`, `resumeWebhook` and `finishWebhookRotation`.
#[derive(SimpleObject)]
pub struct UpdateWebhookPayload {
    /// The webhook in its present state, also after `CONFLICT`.
    webhook: Option<Webhook>,
}

/// Result of `rotateWebhookSecret`.
#[derive(SimpleObject)]
pub struct RotateWebhookSecretPayload {
    /// The webhook.
    webhook: Option<Webhook>,
    /// The new secret. Shown once: null for a retry.
    secret: Option<String>,
}

/// Result of `deleteWebhook`.
#[derive(SimpleObject)]
pub struct DeleteWebhookPayload {
    /// Global id of the deleted webhook.
    deleted_webhook_id: ID,
}

/// The part of the mutation root for webhooks.
#[derive(Default)]
pub(super) struct Webhooks;

#[Object]
impl Webhooks {
    /// Registers a webhook. It gets every later event that matches. The viewer needs the rights to what the webhook
    /// gets: `read_inbox` for events of the inbox, and `read_notes` with `includeNotes`.
    async fn register_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: RegisterWebhookInput,
    ) -> Result<Option<RegisterWebhookPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (session, asked) = asked(ctx, Some(&input.idempotency_key))?;
        let grant = session.grant();
        let new = NewWebhook {
            settings: input.settings()?,
            legacy_signature: input.legacy_signature.clone().map(Into::into),
            headers: input.headers.iter().cloned().map(Into::into).collect(),
            targets: shared.targets,
        };
        let (database, sealer, ambient) = (&shared.database, &shared.sealer, &shared.ambient);
        let made = mutations::register_webhook(database, sealer, ambient, &asked, &grant, new).await;
        let made = made?;
        let webhook = standing(shared, asked.scope, made.id).await?;
        let cursor = Cursor(Position::of_id(made.id.0).to_string());
        Ok(Some(RegisterWebhookPayload {
            webhook_edge: webhook.clone().map(|node| Edge { cursor, node }),
            webhook,
            secret: shown(&made),
        }))
    }

    /// Changes a webhook. The change takes effect for later events, and within a second for deliveries that wait. If
    /// the webhook gets more than before, the viewer needs the rights to read it; a new URL counts as getting
    /// everything anew.
    async fn update_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: UpdateWebhookInput,
    ) -> Result<Option<UpdateWebhookPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (session, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let (id, grant): (WebhookId, _) = (typed("input.id", &input.id)?, session.grant());
        let filter = match &input.filter {
            MaybeUndefined::Undefined => MaybeUndefined::Undefined,
            MaybeUndefined::Null => MaybeUndefined::Null,
            MaybeUndefined::Value(filter) => MaybeUndefined::Value(filter.read()?),
        };
        let channel = match &input.channel_id {
            MaybeUndefined::Undefined => MaybeUndefined::Undefined,
            MaybeUndefined::Null => MaybeUndefined::Null,
            MaybeUndefined::Value(id) => MaybeUndefined::Value(typed("input.channelId", id)?),
        };
        let change = |settings: &mut Settings| input.apply(&filter, &channel, settings);
        let update = Update {
            if_revision: input.if_revision.map(|revision| revision.0),
            change: &change,
            legacy_signature: match input.legacy_signature.clone() {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(legacy) => Some(Some(legacy.into())),
            },
            headers: match input.headers.clone() {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(Vec::new()),
                MaybeUndefined::Value(headers) => Some(headers.into_iter().map(Into::into).collect()),
            },
            targets: shared.targets,
            grant: &grant,
        };
        or_conflict(ctx, changed(shared, &asked, id, WebhookChange::Update(update)).await)?;
        Ok(Some(UpdateWebhookPayload { webhook: standing(shared, asked.scope, id).await? }))
    }

    /// Deletes a webhook. Inlet sends nothing more to it. Its deliveries can be read until their retention ends.
    async fn delete_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: DeleteWebhookInput,
    ) -> Result<Option<DeleteWebhookPayload>> {
        let (shared, id) = (ctx.data_unchecked::<Arc<Shared>>(), typed("input.id", &input.id)?);
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        changed(shared, &asked, id, WebhookChange::Delete).await?;
        Ok(Some(DeleteWebhookPayload { deleted_webhook_id: ID(id.to_string()) }))
    }

    /// Gives a webhook a new secret. For `overlapSeconds`, `webhook-signature` also carries signatures by older
    /// secrets, and `x-inlet-signature` uses the oldest, so that you can update the receiver meanwhile.
    async fn rotate_webhook_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: RotateWebhookSecretInput,
    ) -> Result<Option<RotateWebhookSecretPayload>> {
        let (shared, id) = (ctx.data_unchecked::<Arc<Shared>>(), typed("input.id", &input.id)?);
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let Ok(overlap) = u64::try_from(input.overlap_seconds) else {
            return Err(ApiError::input("input.overlapSeconds", "must be 0 or more seconds"));
        };
        let change = WebhookChange::Rotate(Duration::from_secs(overlap));
        let made = changed(shared, &asked, id, change).await?;
        let webhook = standing(shared, asked.scope, id).await?;
        Ok(Some(RotateWebhookSecretPayload { webhook, secret: shown(&made) }))
    }

    /// Ends the overlap of a secret rotation now. Then only the newest secret signs.
    async fn finish_webhook_rotation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: FinishWebhookRotationInput,
    ) -> Result<Option<UpdateWebhookPayload>> {
        change(ctx, (&input.id, input.idempotency_key.as_deref()), WebhookChange::FinishRotation).await
    }

    /// Pauses a webhook. Inlet holds its events until it is resumed, at most until the retention of deliveries ends.
    async fn pause_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: PauseWebhookInput,
    ) -> Result<Option<UpdateWebhookPayload>> {
        change(ctx, (&input.id, input.idempotency_key.as_deref()), WebhookChange::Pause).await
    }

    /// Resumes a paused or disabled webhook. Inlet sends the held events now. `recoverWebhook` sends events that were
    /// skipped while the webhook was disabled.
    async fn resume_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: ResumeWebhookInput,
    ) -> Result<Option<UpdateWebhookPayload>> {
        change(ctx, (&input.id, input.idempotency_key.as_deref()), WebhookChange::Resume).await
    }
}

fn shown(made: &Made<WebhookId>) -> Option<String> {
    made.secret.as_ref().map(|secret| secret.expose_secret().to_owned())
}

/// The webhook in its present state; `None` if the workspace does not have it.
pub(super) async fn standing(shared: &Shared, scope: Scope, id: WebhookId) -> Result<Option<Webhook>> {
    let found = webhooks::by_id(&shared.database, scope, id).await?;
    Ok(found.map(|webhook| Webhook(Arc::new(webhook))))
}

async fn changed(
    shared: &Shared,
    asked: &MutationRequest<'_>,
    id: WebhookId,
    change: WebhookChange<'_>,
) -> Result<Made<WebhookId>, StoreError> {
    mutations::change_webhook(&shared.database, &shared.sealer, &shared.ambient, asked, id, change).await
}

async fn change(
    ctx: &Context<'_>,
    (id, key): (&ID, Option<&str>),
    change: WebhookChange<'_>,
) -> Result<Option<UpdateWebhookPayload>> {
    let shared = ctx.data_unchecked::<Arc<Shared>>();
    let (_, asked) = asked(ctx, key)?;
    let id: WebhookId = typed("input.id", id)?;
    changed(shared, &asked, id, change).await?;
    Ok(Some(UpdateWebhookPayload { webhook: standing(shared, asked.scope, id).await? }))
}
