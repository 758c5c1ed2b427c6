//! The health of webhooks. A webhook that only fails is disabled. A disabled webhook that works again raises an event.

use chrono::{DateTime, TimeDelta, Utc};
use inlet_domain::{
    ambient::Ambient,
    event::{EventType, payload::WebhookPayload},
    ids::{WebhookId, WorkspaceId},
    json,
    scope::Actor,
};
use serde_json::Value;
use sqlx::{PgConnection, Row};

use super::Outbox;
use crate::{
    error::StoreError,
    log::{self, Head, NewEvent},
    records::webhooks::Webhook,
};

/// A webhook is disabled after this time without a success.
const LONGEST: TimeDelta = TimeDelta::days(5);
/// This many failures in a row disable it sooner, ...
const MOST: i64 = 100;
/// ... but not before this time.
const LEAST: TimeDelta = TimeDelta::hours(12);

/// The results of the attempts of a webhook since the last report.
#[derive(Debug, Clone)]
pub struct Fared {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The webhook.
    pub webhook: WebhookId,
    /// An attempt succeeded before the failures.
    pub succeeded: bool,
    /// The number of failures since the last success.
    pub failures: i64,
    /// The time of the first of these failures.
    pub failing_since: DateTime<Utc>,
}

/// Whether the failures are enough to disable the webhook.
fn is_enough(failures: i64, since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    let length = now - since;
    length >= LONGEST || failures >= MOST && length >= LEAST
}

impl Outbox {
    /// Records the health of webhooks. Returns the webhooks to disable.
    pub async fn note_health(
        &self,
        fared: &[Fared],
        now: DateTime<Utc>,
    ) -> Result<Vec<(WorkspaceId, WebhookId)>, StoreError> {
        let well: Vec<&Fared> = fared.iter().filter(|one| one.succeeded).collect();
        if !well.is_empty() {
            sqlx::query(
                "DELETE FROM webhook_health h USING unnest($1::uuid[], $2::uuid[]) healthy (workspace_id, webhook_id) \
                 WHERE h.workspace_id = healthy.workspace_id AND h.webhook_id = healthy.webhook_id",
            )
            .bind(well.iter().map(|one| one.workspace.0).collect::<Vec<_>>())
            .bind(well.iter().map(|one| one.webhook.0).collect::<Vec<_>>())
            .execute(&self.pool)
            .await?;
        }
        let failed: Vec<&Fared> = fared.iter().filter(|one| one.failures > 0).collect();
        if failed.is_empty() {
            return Ok(Vec::new());
        }
        let rows = sqlx::query(
            "INSERT INTO webhook_health AS h (workspace_id, webhook_id, failures, failing_since) \
             SELECT failed.* FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[]) \
                    failed (workspace_id, webhook_id, failures, failing_since) \
             ORDER BY failed.workspace_id, failed.webhook_id \
             ON CONFLICT (workspace_id, webhook_id) DO UPDATE SET failures = h.failures + excluded.failures, \
               failing_since = least(h.failing_since, excluded.failing_since) \
             RETURNING workspace_id, webhook_id, failures, failing_since",
        )
        .bind(failed.iter().map(|one| one.workspace.0).collect::<Vec<_>>())
        .bind(failed.iter().map(|one| one.webhook.0).collect::<Vec<_>>())
        .bind(failed.iter().map(|one| one.failures).collect::<Vec<_>>())
        .bind(failed.iter().map(|one| one.failing_since).collect::<Vec<_>>())
        .fetch_all(&self.pool)
        .await?;
        let mut failing = Vec::new();
        for row in &rows {
            if is_enough(row.try_get("failures")?, row.try_get("failing_since")?, now) {
                failing.push((row.try_get("workspace_id")?, row.try_get("webhook_id")?));
            }
        }
        Ok(failing)
    }

    /// Disables a webhook and writes the event. Its waiting deliveries are skipped when they become due. Returns the
    /// new heads of the logs; none where the webhook was disabled already.
    pub async fn disable(
        &self,
        ambient: &Ambient,
        workspace: WorkspaceId,
        webhook: WebhookId,
        reason: &str,
    ) -> Result<Vec<(WorkspaceId, Head)>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let webhook: Option<Webhook> = sqlx::query_as(
            "UPDATE webhook SET status = 'disabled', disabled_reason = $3, recovering = false, revision = revision + 1 \
             WHERE workspace_id = $1 AND id = $2 AND status <> 'disabled' AND deleted_at IS NULL RETURNING *",
        )
        .bind(workspace)
        .bind(webhook)
        .bind(reason)
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(webhook) = webhook else { return Ok(Vec::new()) };
        let heads = tell(&mut transaction, ambient, EventType::WebhookDisabled, &webhook).await?;
        transaction.commit().await?;
        Ok(heads)
    }

    /// Records that a disabled webhook works again, and writes the event. Returns the new heads of the logs; none where
    /// this was recorded already.
    pub async fn recovered(
        &self,
        ambient: &Ambient,
        workspace: WorkspaceId,
        webhook: WebhookId,
    ) -> Result<Vec<(WorkspaceId, Head)>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let webhook: Option<Webhook> = sqlx::query_as(
            "UPDATE webhook SET recovering = false, revision = revision + 1 \
             WHERE workspace_id = $1 AND id = $2 AND recovering AND deleted_at IS NULL RETURNING *",
        )
        .bind(workspace)
        .bind(webhook)
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(webhook) = webhook else { return Ok(Vec::new()) };
        let heads = tell(&mut transaction, ambient, EventType::WebhookRecovered, &webhook).await?;
        transaction.commit().await?;
        Ok(heads)
    }
}

async fn tell(
    conn: &mut PgConnection,
    ambient: &Ambient,
    kind: EventType,
    webhook: &Webhook,
) -> Result<Vec<(WorkspaceId, Head)>, StoreError> {
    let payload = WebhookPayload {
        id: webhook.id,
        revision: webhook.revision,
        name: webhook.settings.name.clone(),
        url: webhook.settings.url.clone(),
        status: webhook.status,
        disabled_reason: webhook.disabled_reason.clone(),
    };
    let draft = NewEvent {
        workspace: webhook.workspace,
        kind,
        occurred_at: ambient.now(),
        actor: Actor::System,
        revision: Some(webhook.revision),
        conversation_id: None,
        message_id: None,
        contact_id: None,
        channel_id: webhook.settings.channel.map(|channel| channel.0),
        medium: None,
        direction: None,
        internal: false,
        payload: json::javascript(&serde_json::to_value(&payload).unwrap_or(Value::Null)),
        previous: None,
    };
    Ok(log::append(conn, ambient, &[draft]).await?.heads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_days_of_failure_are_enough_and_so_are_a_hundred_over_twelve_hours() {
        let now: DateTime<Utc> = "2026-11-20T10:00:00Z".parse().unwrap();
        for (failures, hours, enough) in [
            (1, 5 * 24, true),
            (99, 5 * 24 - 1, false),
            (100, 12, true),
            (99, 12, false),
            (100_000, 11, false),
            (1, 0, false),
        ] {
            assert_eq!(is_enough(failures, now - TimeDelta::hours(hours), now), enough, "{failures} over {hours} h");
        }
    }
}
