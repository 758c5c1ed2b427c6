//! Changes of webhooks, and what they send anew.

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

/// Registers a webhook once. It is sent no more than who registers it may read.
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

/// What is to become of a webhook.
pub enum WebhookChange<'a> {
    /// Its settings change.
    Update(webhooks::Update<'a>),
    /// It gets a new secret; the ones before count for so long.
    Rotate(Duration),
    /// Only the newest secret counts from now on.
    FinishRotation,
    /// Its events are held.
    Pause,
    /// It is sent to again.
    Resume,
    /// It is deleted.
    Delete,
}

/// Changes a webhook, once where there is a key. The secret that is given back is the one of a rotation.
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

/// Sends an event that was made to try a webhook; gives its delivery.
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

/// What [`recover_webhook`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    /// How many deliveries are sent again.
    pub deliveries: u64,
    /// Whether there are more: ask again under another key.
    pub more: bool,
}

/// The most deliveries that one call of [`recover_webhook`] takes up.
pub const MOST_RECOVERED: u64 = 50_000;

/// Sends again what a webhook did not get of events since `since`; one that is disabled is sent to again. Each step is a
/// transaction of its own, so one that is broken off has done a part, and can be asked for again.
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
