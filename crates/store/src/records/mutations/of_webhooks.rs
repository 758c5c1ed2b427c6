//! Mutations of webhooks, and deliveries that people send again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use inlet_domain::{
    ambient::Ambient,
    ids::{DeliveryId, WebhookId},
    model::{right::Grant, webhook::WebhookStatus},
    secrets::Sealer,
};
use serde::{Deserialize, Serialize};

use super::begin;
use super::{
    super::{
        deliveries,
        mutation_tx::{self, MutationRequest},
        webhooks::{self, NewWebhook},
    },
    Made,
};

use crate::{database::Database, error::StoreError};

/// Registers a webhook once. The webhook receives nothing that its creator may not read.
///
/// # Errors
/// Those of [`Grant::check_gift`], [`webhooks::register`] and [`MutationTx::begin`].
pub async fn register_webhook(
    database: &Database,
    sealer: &Sealer,
    ambient: &Ambient,
    asked: &MutationRequest<'_>,
    grant: &Grant,
    new: NewWebhook,
) -> Result<Made<WebhookId>, StoreError> {
    if let Some(gift) = new.settings.gift() {
        grant.check_gift(&gift)?;
    }
    let mut act = begin!(database, ambient, asked);
    let (webhook, secret) = webhooks::register(act.conn(), asked.scope, sealer, ambient, new).await?;
    Made { id: webhook.id, secret: Some(secret) }.done(act).await
}

/// A change of a webhook.
pub enum WebhookChange<'a> {
    /// Change the settings.
    Update(webhooks::Update<'a>),
    /// Make a new secret. The earlier secrets stay valid for this long.
    Rotate(Duration),
    /// End the rotation: only the newest secret stays valid.
    FinishRotation,
    /// Pause: hold the events.
    Pause,
    /// Resume the deliveries.
    Resume,
    /// Delete the webhook.
    Delete,
}

/// Changes a webhook, once for each key. A rotation returns the new secret.
///
/// # Errors
/// Those of [`webhooks::update`], [`webhooks::rotate`], [`webhooks::pause`] and their like, and [`MutationTx::begin`].
pub async fn change_webhook(
    database: &Database,
    sealer: &Sealer,
    ambient: &Ambient,
    asked: &MutationRequest<'_>,
    id: WebhookId,
    change: WebhookChange<'_>,
) -> Result<Made<WebhookId>, StoreError> {
    let scope = asked.scope;
    let mut act = begin!(database, ambient, asked);
    let mut secret = None;
    match change {
        WebhookChange::Update(update) => webhooks::update(act.conn(), scope, sealer, id, update).await?,
        WebhookChange::Rotate(overlap) => {
            secret = Some(webhooks::rotate(act.conn(), scope, sealer, ambient, id, overlap).await?);
        }
        WebhookChange::FinishRotation => webhooks::finish_rotation(act.conn(), scope, sealer, id).await?,
        WebhookChange::Pause => webhooks::pause(act.conn(), scope, id).await?,
        WebhookChange::Resume => webhooks::resume(act.conn(), scope, id).await?,
        WebhookChange::Delete => webhooks::delete(act.conn(), scope, ambient.now(), id).await?,
    }
    Made { id, secret }.done(act).await
}

/// Sends a made-up event to a webhook, as a test. Returns the delivery.
///
/// # Errors
/// Those of [`deliveries::test`] and [`MutationTx::begin`].
pub async fn test_webhook(
    database: &Database,
    ambient: &Ambient,
    asked: &MutationRequest<'_>,
    id: WebhookId,
    kind: &str,
) -> Result<Made<DeliveryId>, StoreError> {
    let mut act = begin!(database, ambient, asked);
    let id = deliveries::test(act.conn(), asked.scope, ambient, asked.actor, id, kind).await?;
    Made { id, secret: None }.done(act).await
}

/// Sends a delivery again.
///
/// # Errors
/// Those of [`deliveries::redeliver`] and [`MutationTx::begin`].
pub async fn redeliver(
    database: &Database,
    ambient: &Ambient,
    asked: &MutationRequest<'_>,
    id: DeliveryId,
) -> Result<Made<DeliveryId>, StoreError> {
    let mut act = begin!(database, ambient, asked);
    deliveries::redeliver(act.conn(), asked.scope, id).await?;
    Made { id, secret: None }.done(act).await
}

/// The result of [`recover_webhook`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    /// The number of deliveries to send again.
    pub deliveries: u64,
    /// There are more deliveries: call again with another key.
    pub more: bool,
}

/// The most deliveries of one call of [`recover_webhook`].
pub const MOST_RECOVERED: u64 = 50_000;

/// Sends the missed events since `since` to a webhook again, and resumes a disabled webhook. Each step is a transaction
/// of its own. So an interrupted call has done a part, and the caller can repeat the call.
///
/// # Errors
/// [`StoreError::Missing`] where there is no such webhook; those of [`mutation_tx::begin_long`].
pub async fn recover_webhook(
    database: &Database,
    ambient: &Ambient,
    asked: &MutationRequest<'_>,
    id: WebhookId,
    since: DateTime<Utc>,
) -> Result<Recovered, StoreError> {
    if let Some(before) = mutation_tx::begin_long(database, ambient, asked).await? {
        return Ok(before);
    }
    let mut transaction = database.writes.begin().await?;
    let webhook =
        webhooks::by_id(database, asked.scope, id).await?.ok_or(StoreError::missing("webhook", "input.id"))?;
    if webhook.status == WebhookStatus::Disabled {
        webhooks::resume(&mut transaction, asked.scope, id).await?;
    }
    database.commit(transaction).await?;
    let (mut deliveries, mut after) = (0, None);
    loop {
        let mut transaction = database.writes.begin().await?;
        let (step, last) = deliveries::recover(&mut transaction, asked.scope, id, since, after).await?;
        database.commit(transaction).await?;
        deliveries += step;
        after = last;
        if after.is_none() || deliveries >= MOST_RECOVERED {
            break;
        }
    }
    let recovered = Recovered { deliveries, more: after.is_some() };
    mutation_tx::done_long(database, asked, &recovered).await?;
    Ok(recovered)
}
