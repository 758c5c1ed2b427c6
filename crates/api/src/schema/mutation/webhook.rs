//! Webhooks: registering, changing, rotating their secrets, pausing and deleting them.

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

/// A webhook that was changed.
#[derive(SimpleObject)]
pub struct UpdateWebhookPayload {
    /// The webhook as it stands, also where the error is `CONFLICT`.
    webhook: Option<Webhook>,
}

/// A webhook with a new secret.
#[derive(SimpleObject)]
pub struct RotateWebhookSecretPayload {
    /// The webhook.
    webhook: Option<Webhook>,
    /// The new secret. It is shown once; on a repeat it is null.
    secret: Option<String>,
}

/// A webhook that is gone.
#[derive(SimpleObject)]
pub struct DeleteWebhookPayload {
    /// Its global id.
    deleted_webhook_id: ID,
}

/// The part of the mutation root for webhooks.
#[derive(Default)]
pub(super) struct Webhooks;

#[Object]
impl Webhooks {
    /// Registers a receiver of events. It gets every event that comes after this. No one gives what they do not hold: what is
    /// sent events of the inbox needs the right to read it, and with notes the right to read these.
    async fn register_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its settings.")] input: RegisterWebhookInput,
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

    /// Changes a webhook. It counts for what is dispatched from then on, and within a second for what waits. What it is sent
    /// anew, or at another URL, the viewer must be allowed to read.
    async fn update_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The changes.")] input: UpdateWebhookInput,
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

    /// Deletes a webhook: nothing more is sent to it. What became of its deliveries can be read for as long as they are
    /// kept.
    async fn delete_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: DeleteWebhookInput,
    ) -> Result<Option<DeleteWebhookPayload>> {
        let (shared, id) = (ctx.data_unchecked::<Arc<Shared>>(), typed("input.id", &input.id)?);
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        changed(shared, &asked, id, WebhookChange::Delete).await?;
        Ok(Some(DeleteWebhookPayload { deleted_webhook_id: ID(id.to_string()) }))
    }

    /// Gives a webhook a new secret. For a while `webhook-signature` carries the signatures by the secrets before, too,
    /// and the plain signatures stay with the oldest, so that the consumer can be told in between.
    async fn rotate_webhook_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and how.")] input: RotateWebhookSecretInput,
    ) -> Result<Option<RotateWebhookSecretPayload>> {
        let (shared, id) = (ctx.data_unchecked::<Arc<Shared>>(), typed("input.id", &input.id)?);
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let Ok(overlap) = u64::try_from(input.overlap_seconds) else {
            return Err(ApiError::input("input.overlapSeconds", "an overlap has no less than 0 seconds"));
        };
        let change = WebhookChange::Rotate(Duration::from_secs(overlap));
        let made = changed(shared, &asked, id, change).await?;
        let webhook = standing(shared, asked.scope, id).await?;
        Ok(Some(RotateWebhookSecretPayload { webhook, secret: shown(&made) }))
    }

    /// Ends the overlap of a rotation now: only the newest secret signs from then on.
    async fn finish_webhook_rotation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: FinishWebhookRotationInput,
    ) -> Result<Option<UpdateWebhookPayload>> {
        change(ctx, (&input.id, input.idempotency_key.as_deref()), WebhookChange::FinishRotation).await
    }

    /// Pauses a webhook: its events are held until it is resumed, for as long as deliveries are kept.
    async fn pause_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: PauseWebhookInput,
    ) -> Result<Option<UpdateWebhookPayload>> {
        change(ctx, (&input.id, input.idempotency_key.as_deref()), WebhookChange::Pause).await
    }

    /// Sends to a webhook again that is paused or disabled. What was held is sent now; what was skipped while it was
    /// disabled is sent by `recoverWebhook`.
    async fn resume_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: ResumeWebhookInput,
    ) -> Result<Option<UpdateWebhookPayload>> {
        change(ctx, (&input.id, input.idempotency_key.as_deref()), WebhookChange::Resume).await
    }
}

fn shown(made: &Made<WebhookId>) -> Option<String> {
    made.secret.as_ref().map(|secret| secret.expose_secret().to_owned())
}

/// The webhook as it stands; null where it is none of this workspace's.
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
