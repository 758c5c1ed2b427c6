//! Sending to webhooks again, and to try them.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use inlet_domain::{
    ids::{DeliveryId, WebhookId},
    scope::Scope,
};
use inlet_store::records::{delivery_log, mutations};

use super::{asked, webhook::standing, webhook_input::TestWebhookInput};
use crate::{
    error::Result,
    execution::context::Shared,
    schema::types::{
        node::typed,
        scalars::DateTime,
        webhook::{Delivery, Webhook},
    },
};

/// Which delivery is sent again.
#[derive(InputObject)]
pub struct RedeliverInput {
    /// Its global id.
    delivery_id: ID,
    /// Makes a repeat a repeat.
    idempotency_key: Option<String>,
}

/// The events that a webhook is sent again.
#[derive(InputObject)]
pub struct RecoverWebhookInput {
    /// Its global id.
    id: ID,
    /// Events from this moment on that did not reach it are sent again.
    since: DateTime,
    /// Makes a repeat a repeat.
    idempotency_key: Option<String>,
}

/// A delivery that was made or is sent again.
#[derive(SimpleObject)]
pub struct DeliveryPayload {
    /// The delivery.
    delivery: Option<Delivery>,
}

/// The deliveries that are sent again.
#[derive(SimpleObject)]
pub struct RecoverWebhookPayload {
    /// The webhook.
    webhook: Option<Webhook>,
    /// How many deliveries are sent again.
    recovered: i32,
    /// Whether there are more than one call takes up: call again with another key.
    more: bool,
}

/// The part of the mutation root for deliveries.
#[derive(Default)]
pub(super) struct Deliveries;

#[Object]
impl Deliveries {
    /// Sends a made-up event of a type with `test: true` to one webhook, whatever its filters say. It goes the way of all
    /// deliveries and is shown as one; it is not in the event log.
    async fn test_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and with what.")] input: TestWebhookInput,
    ) -> Result<Option<DeliveryPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let id: WebhookId = typed("input.id", &input.id)?;
        let made = mutations::test_webhook(&shared.database, &shared.ambient, &asked, id, &input.event_type).await;
        let made = made?.id;
        Ok(Some(DeliveryPayload { delivery: delivery(shared, asked.scope, made).await? }))
    }

    /// Sends a delivery again, whatever became of it, with the same `webhook-id` and with new retries.
    async fn redeliver(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: RedeliverInput,
    ) -> Result<Option<DeliveryPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let id: DeliveryId = typed("input.deliveryId", &input.delivery_id)?;
        mutations::redeliver(&shared.database, &shared.ambient, &asked, id).await?;
        Ok(Some(DeliveryPayload { delivery: delivery(shared, asked.scope, id).await? }))
    }

    /// Sends again all that a webhook did not get since a moment: what is exhausted, and what was skipped while it was
    /// disabled. A disabled webhook is taken up again by it.
    async fn recover_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and since when.")] input: RecoverWebhookInput,
    ) -> Result<Option<RecoverWebhookPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let id: WebhookId = typed("input.id", &input.id)?;
        let recovered = mutations::recover_webhook(&shared.database, &shared.ambient, &asked, id, input.since.0).await;
        let recovered = recovered?;
        Ok(Some(RecoverWebhookPayload {
            webhook: standing(shared, asked.scope, id).await?,
            recovered: i32::try_from(recovered.deliveries).unwrap_or(i32::MAX),
            more: recovered.more,
        }))
    }
}

async fn delivery(shared: &Shared, scope: Scope, id: DeliveryId) -> Result<Option<Delivery>> {
    let found = delivery_log::by_ids(&shared.database, scope, &[id]).await?.pop();
    Ok(found.map(|delivery| Delivery(Arc::new(delivery))))
}
