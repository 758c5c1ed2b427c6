//! Sends deliveries again on request, and sends test events.

use chrono::{DateTime, Utc};
use inlet_domain::{
    ambient::Ambient,
    event::{EventType, sample},
    ids::{DeliveryId, EventId, WebhookId, first_at},
    model::webhook::WebhookStatus,
    scope::{Actor, Scope},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::delivery_id;
use crate::error::StoreError;

/// The most deliveries of one step of a recovery.
pub const STEP: i64 = 500;

async fn status_of(
    conn: &mut PgConnection,
    scope: Scope,
    webhook: WebhookId,
    path: &'static str,
) -> Result<WebhookStatus, StoreError> {
    sqlx::query_scalar(
        "SELECT status FROM webhook WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL FOR SHARE",
    )
    .bind(scope.workspace())
    .bind(webhook)
    .fetch_optional(conn)
    .await?
    .ok_or(StoreError::missing("webhook", path))
}

fn refuse_disabled(status: WebhookStatus, path: &'static str) -> Result<(), StoreError> {
    if status != WebhookStatus::Disabled {
        return Ok(());
    }
    let message = "the webhook is disabled: resume it with `resumeWebhook` first".to_owned();
    Err(StoreError::Invalid { path, message })
}

/// Sends a delivery again, in any status, under the same message id and with all attempts anew. A running attempt goes
/// on.
///
/// # Errors
/// [`StoreError::Missing`] where there is no such delivery or its webhook was deleted, [`StoreError::Invalid`] where
/// the webhook is disabled.
pub async fn redeliver(conn: &mut PgConnection, scope: Scope, id: DeliveryId) -> Result<(), StoreError> {
    let webhook: WebhookId = sqlx::query_scalar("SELECT webhook_id FROM delivery WHERE workspace_id = $1 AND id = $2")
        .bind(scope.workspace())
        .bind(id)
        .fetch_optional(&mut *conn)
        .await?
        .ok_or(StoreError::missing("delivery", "input.deliveryId"))?;
    refuse_disabled(status_of(&mut *conn, scope, webhook, "input.deliveryId").await?, "input.deliveryId")?;
    sqlx::query(
        "UPDATE delivery SET status = 'pending', due_at = inlet_now(), parked = false, finished_at = NULL, \
           skipped_because = NULL, round_start = CASE WHEN status = 'pending' THEN round_start ELSE attempts END \
         WHERE workspace_id = $1 AND id = $2 AND lease_owner IS NULL",
    )
    .bind(scope.workspace())
    .bind(id)
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes missed deliveries due again: up to [`STEP`] exhausted or skipped ones, of events since `since` and after
/// `after`. Returns their number, and the last delivery to continue after, or `None` at the end.
pub async fn recover(
    conn: &mut PgConnection,
    scope: Scope,
    webhook: WebhookId,
    since: DateTime<Utc>,
    after: Option<DeliveryId>,
) -> Result<(u64, Option<DeliveryId>), StoreError> {
    let taken: Vec<DeliveryId> = sqlx::query_scalar(
        "WITH found AS ( \
           SELECT workspace_id, id FROM delivery \
           WHERE workspace_id = $1 AND webhook_id = $2 AND id >= $3 AND id > $4 AND status IN ('skipped', 'exhausted') \
           ORDER BY workspace_id, webhook_id, id LIMIT $5 FOR NO KEY UPDATE) \
         UPDATE delivery d SET status = 'pending', parked = true, due_at = NULL, lease_owner = NULL, \
           finished_at = NULL, skipped_because = NULL, round_start = d.attempts \
         FROM found WHERE d.workspace_id = found.workspace_id AND d.id = found.id RETURNING d.id",
    )
    .bind(scope.workspace())
    .bind(webhook)
    .bind(first_at(since))
    .bind(after.map_or(Uuid::nil(), |after| after.0))
    .bind(STEP)
    .fetch_all(conn)
    .await?;
    let last = taken.iter().max().copied();
    let full = i64::try_from(taken.len()).is_ok_and(|count| count == STEP);
    Ok((taken.len() as u64, last.filter(|_| full)))
}

/// Creates an event of this type with made-up values and `test: true`, and its delivery to one webhook. The delivery
/// goes the usual way. The event is in no log, and no filter applies.
///
/// # Errors
/// [`StoreError::Missing`] where there is no such webhook, [`StoreError::Invalid`] where the webhook is disabled or
/// webhooks do not receive this type.
pub async fn test(
    conn: &mut PgConnection,
    scope: Scope,
    ambient: &Ambient,
    actor: Actor,
    webhook: WebhookId,
    kind: &str,
) -> Result<DeliveryId, StoreError> {
    refuse_disabled(status_of(&mut *conn, scope, webhook, "input.id").await?, "input.id")?;
    let known = kind.parse::<EventType>().ok().and_then(|kind| Some((kind, sample::of(kind, ambient.now())?)));
    let Some((kind, sample)) = known else {
        let shown: String = kind.chars().take(64).collect();
        let message = format!("`{shown}` is not an event type of webhooks: the query `eventTypes` lists them");
        return Err(StoreError::Invalid { path: "input.eventType", message });
    };
    let (workspace, event, now) = (scope.workspace(), EventId(ambient.uuid()), ambient.now());
    let id = delivery_id(event, webhook);
    sqlx::query(
        "INSERT INTO test_event (workspace_id, id, type, occurred_at, actor_kind, actor_id, payload, previous) \
         VALUES ($1, $2, $3, $4, $5, $6, $7::json, $8::json)",
    )
    .bind(workspace)
    .bind(event)
    .bind(kind.name())
    .bind(now)
    .bind(actor.kind())
    .bind(actor.id())
    .bind(sample.payload)
    .bind(sample.previous)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO delivery (workspace_id, id, webhook_id, event_id, event_seq, event_type, status, due_at, created_at) \
         VALUES ($1, $2, $3, $4, 0, $5, 'pending', inlet_now(), $6)",
    )
    .bind(workspace)
    .bind(id)
    .bind(webhook)
    .bind(event)
    .bind(kind.name())
    .bind(now)
    .execute(conn)
    .await?;
    Ok(id)
}
