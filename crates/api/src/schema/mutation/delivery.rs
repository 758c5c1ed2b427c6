//! Redelivery, recovery and tests of webhooks.

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

/// Input of `redeliver`.
#[derive(InputObject)]
pub struct RedeliverInput {
    /// Global id of the delivery.
    delivery_id: ID,
    #[doc = idempotency_key!()]
    idempotency_key: Option<String>,
}

/// Input of `recoverWebhook`.
#[derive(InputObject)]
pub struct RecoverWebhookInput {
    /// Global id of the webhook.
    id: ID,
    /// Earliest time of the events to send again, inclusive.
    since: DateTime,
    #[doc = idempotency_key!()]
    idempotency_key: Option<String>,
}

/// Result of `testWebhook` and `redeliver`.
#[derive(SimpleObject)]
pub struct DeliveryPayload {
    /// The delivery.
    delivery: Option<Delivery>,
}

/// Result of `recoverWebhook`.
#[derive(SimpleObject)]
pub struct RecoverWebhookPayload {
    /// The webhook.
    webhook: Option<Webhook>,
    /// Number of deliveries that Inlet sends again.
    recovered: i32,
    /// Whether more deliveries remain than one call handles. Call again with another idempotency key.
    more: bool,
}

/// The part of the mutation root for deliveries.
#[derive(Default)]
pub(super) struct Deliveries;

#[Object]
impl Deliveries {
    /// Sends a sample event with `test: true` to one webhook, regardless of its filters. The delivery appears in
    /// `deliveries`; the event is not in the event log.
    async fn test_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: TestWebhookInput,
    ) -> Result<Option<DeliveryPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let id: WebhookId = typed("input.id", &input.id)?;
        let made = mutations::test_webhook(&shared.database, &shared.ambient, &asked, id, &input.event_type).await;
        let made = made?.id;
        Ok(Some(DeliveryPayload { delivery: delivery(shared, asked.scope, made).await? }))
    }

    /// Sends a delivery again, whatever its status, with the same `webhook-id` and new retries.
    async fn redeliver(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: RedeliverInput,
    ) -> Result<Option<DeliveryPayload>> {
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let id: DeliveryId = typed("input.deliveryId", &input.delivery_id)?;
        mutations::redeliver(&shared.database, &shared.ambient, &asked, id).await?;
        Ok(Some(DeliveryPayload { delivery: delivery(shared, asked.scope, id).await? }))
    }

    /// Sends all deliveries again that a webhook missed since a time: those that are EXHAUSTED, and those that were
    /// skipped while the webhook was disabled. It resumes a disabled webhook.
    async fn recover_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: RecoverWebhookInput,
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
