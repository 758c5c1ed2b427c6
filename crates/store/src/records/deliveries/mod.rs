//! The writes of the notifier: deliveries, their leases, and the results of attempts.
//!
//! One statement turns a page of the log into delivery rows and moves the cursor, so each event has its deliveries
//! exactly once. The process that writes a page leases the whole page ([`page`]). A delivery that it cannot send at
//! once is claimed on its own when it is due ([`claim`]). A result counts only while the lease of the delivery stands
//! ([`finish`]). Leases use the clock of the database.

mod again;
mod cause;
mod claim;
mod finish;
mod health;
mod lease;
mod pace;
mod page;

use std::time::Duration;

use chrono::{DateTime, Utc};
use inlet_domain::{
    ambient::Ambient,
    ids::{AttemptId, DeliveryId, EventId, WebhookId, WorkspaceId},
    model::webhook::LegacySignature,
    secrets::Sealer,
};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use sqlx::{FromRow, PgPool, Row, postgres::PgRow};
use uuid::Uuid;

pub use again::{STEP, recover, redeliver, test};
pub use claim::Claimed;
pub use finish::{AttemptRecord, Finish, Settlement, Verdict};
pub use health::Fared;
pub use page::{Disposition, LogLine, NewDelivery, NewPage, Page};

use super::webhooks::{OwnHeader, SigningSecret, Webhook, open_headers, open_legacy, open_secrets};
use crate::{
    database::{Database, Work},
    error::StoreError,
};

/// The notifier's access to its tables, over connections of its own: their plans must not become scans while the tables
/// grow. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbox {
    pool: PgPool,
    sealer: Sealer,
    owner: Uuid,
}

/// A webhook with its signing secrets.
#[derive(Debug, Clone)]
pub struct Receiver {
    /// The webhook.
    pub webhook: Webhook,
    /// `None` where a sealed value does not open. Nothing can be sent then.
    pub signing: Option<Signing>,
}

/// The secrets and headers of the requests to a webhook.
#[derive(Debug, Clone)]
pub struct Signing {
    /// The secrets with the prefix `whsec_`, newest first. More than one during a rotation.
    pub secrets: Vec<SigningSecret>,
    /// The legacy signature, for a consumer that was written for another inbox.
    pub legacy: Option<LegacySignature>,
    /// The headers of its own, secret or not.
    pub headers: Vec<(String, SecretString)>,
}

/// The id of the delivery of `event` to `webhook`. It is always the same, so no delivery is written twice.
#[must_use]
pub fn delivery_id(event: EventId, webhook: WebhookId) -> DeliveryId {
    let digest = Sha256::new().chain_update(event.0.as_bytes()).chain_update(webhook.0.as_bytes()).finalize();
    let mut low = [0; 8];
    low.copy_from_slice(&digest[..8]);
    DeliveryId(beginning_with(event.0, u64::from_be_bytes(low)))
}

/// A new id for an attempt, in the same partition as its delivery.
#[must_use]
pub fn attempt_id(delivery: DeliveryId, ambient: &Ambient) -> AttemptId {
    let mut low = [0; 8];
    ambient.fill(&mut low);
    AttemptId(beginning_with(delivery.0, u64::from_be_bytes(low)))
}

/// A UUIDv7 with the time, version and counter of `id`, and other random bits.
fn beginning_with(id: Uuid, random: u64) -> Uuid {
    let high = id.as_u128() & !u128::from(u64::MAX);
    Uuid::from_u128(high | u128::from((random & (u64::MAX >> 2)) | (1 << 63)))
}

impl Outbox {
    /// Uses at most `connections` connections of its own, opened on demand.
    #[must_use]
    pub fn new(database: &Database, sealer: Sealer, ambient: &Ambient, connections: u32) -> Self {
        let pool = database.open(Work::Deliveries, connections);
        Self { pool, sealer, owner: ambient.uuid() }
    }

    /// The webhooks of these workspaces.
    pub async fn receivers(&self, workspaces: &[WorkspaceId]) -> Result<Vec<Receiver>, StoreError> {
        let rows = sqlx::query(
            "SELECT w.* FROM unnest($1::uuid[]) given (id) \
             CROSS JOIN LATERAL (SELECT * FROM webhook w \
               WHERE w.workspace_id = given.id AND w.deleted_at IS NULL ORDER BY w.id) w",
        )
        .bind(workspaces)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| self.receiver(row)).collect()
    }

    fn receiver(&self, row: &PgRow) -> Result<Receiver, StoreError> {
        let webhook = Webhook::from_row(row)?;
        let (workspace, id) = (webhook.workspace, webhook.id);
        let sealed: Vec<u8> = row.try_get("sealed_secrets")?;
        let sealed_legacy: Option<Vec<u8>> = row.try_get("sealed_legacy_signature")?;
        let sealed_headers: Option<Vec<u8>> = row.try_get("sealed_headers")?;
        let open = || -> Result<Signing, StoreError> {
            let hidden = sealed_headers.map(|sealed| open_headers(&self.sealer, workspace, id, &sealed)).transpose()?;
            let hidden = hidden.unwrap_or_default();
            let value = |it: &OwnHeader| it.value.clone().map(Into::into).or_else(|| hidden.get(&it.name).cloned());
            Ok(Signing {
                headers: webhook.headers.iter().filter_map(|it| Some((it.name.clone(), value(it)?))).collect(),
                secrets: open_secrets(&self.sealer, workspace, id, &sealed)?,
                legacy: sealed_legacy.map(|legacy| open_legacy(&self.sealer, workspace, id, &legacy)).transpose()?,
            })
        };
        let signing = open().inspect_err(|error| {
            tracing::error!(webhook = %id, %error, "the webhook's secrets do not open: its deliveries are held");
        });
        Ok(Receiver { webhook, signing: signing.ok() })
    }
}

/// Seconds, for `make_interval`.
fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

fn log_line(row: &PgRow) -> Result<LogLine, StoreError> {
    Ok(LogLine {
        id: row.try_get("id")?,
        seq: row.try_get("seq")?,
        kind: row.try_get("type")?,
        occurred_at: row.try_get::<DateTime<Utc>, _>("occurred_at")?,
        actor_kind: row.try_get("actor_kind")?,
        actor_id: row.try_get("actor_id")?,
        channel_id: row.try_get("channel_id")?,
        medium: row.try_get("medium")?,
        direction: row.try_get("direction")?,
        internal: row.try_get("internal")?,
        test: row.try_get("test")?,
        payload: text(row, "payload")?.unwrap_or_default(),
        previous: text(row, "previous")?,
    })
}

/// The exact bytes of a `json` column.
fn text(row: &PgRow, column: &str) -> Result<Option<String>, StoreError> {
    use sqlx::ValueRef;
    let value = row.try_get_raw(column)?;
    if value.is_null() {
        return Ok(None);
    }
    value
        .as_str()
        .map(|text| Some(text.to_owned()))
        .map_err(|source| StoreError::Database(sqlx::Error::ColumnDecode { index: column.to_owned(), source }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_has_one_id_which_shares_its_events_time() {
        let ambient = Ambient::system();
        let event = EventId(ambient.uuid());
        let (one, two) = (WebhookId(ambient.uuid()), WebhookId(ambient.uuid()));
        let id = delivery_id(event, one);
        assert_eq!(id, delivery_id(event, one));
        assert_ne!(id, delivery_id(event, two));
        assert_eq!(id.0.as_u128() >> 64, event.0.as_u128() >> 64);
        assert_eq!((id.0.get_version_num(), id.0.get_variant()), (7, uuid::Variant::RFC4122));
        let attempt = attempt_id(id, &ambient);
        assert_eq!(attempt.0.as_u128() >> 64, event.0.as_u128() >> 64);
        assert_ne!(attempt, attempt_id(id, &ambient));
    }
}
