//! How webhooks fare: counted when they fail, so that one that does nothing but fail is disabled, and one that was
//! disabled and works again is told of.

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

/// After so long of nothing but failure a webhook is disabled.
const LONGEST: TimeDelta = TimeDelta::days(5);
/// So many failures in a row disable it sooner, ...
const MOST: i64 = 100;
/// ... but not before so long.
const LEAST: TimeDelta = TimeDelta::hours(12);

/// How the attempts of a webhook came out since this was told last.
#[derive(Debug, Clone)]
pub struct Fared {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The webhook.
    pub webhook: WebhookId,
    /// Whether one succeeded before the failures.
    pub succeeded: bool,
    /// How many failed since the last success.
    pub failures: i64,
    /// When the first of those began.
    pub failing_since: DateTime<Utc>,
}

/// Whether failures come to so much that the webhook is disabled.
fn is_enough(failures: i64, since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    let length = now - since;
    length >= LONGEST || failures >= MOST && length >= LEAST
}

impl Outbox {
    /// Notes how webhooks fared. Gives those that are to be disabled for it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn note_health(
        &self,
        fared: &[Fared],
        now: DateTime<Utc>,
    ) -> Result<Vec<(WorkspaceId, WebhookId)>, StoreError> {
        let well: Vec<&Fared> = fared.iter().filter(|one| one.succeeded).collect();
        if !well.is_empty() {
            sqlx::query(
                "DELETE FROM webhook_health h USING unnest($1::uuid[], $2::uuid[]) g (workspace_id, webhook_id) \
                 WHERE h.workspace_id = g.workspace_id AND h.webhook_id = g.webhook_id",
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
             SELECT g.* FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[]) \
                    g (workspace_id, webhook_id, failures, failing_since) ORDER BY g.workspace_id, g.webhook_id \
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

    /// Disables a webhook, with an event. What is still to be sent to it is skipped when its turn comes. Gives how far
    /// the log has come by that; none where it was disabled already.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn disable(
        &self,
        ambient: &Ambient,
        workspace: WorkspaceId,
        webhook: WebhookId,
        reason: &str,
    ) -> Result<Vec<(WorkspaceId, Head)>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let row = sqlx::query(
            "UPDATE webhook SET status = 'disabled', disabled_reason = $3, recovering = false, revision = revision + 1 \
             WHERE workspace_id = $1 AND id = $2 AND status <> 'disabled' AND deleted_at IS NULL RETURNING *",
        )
        .bind(workspace)
        .bind(webhook)
        .bind(reason)
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(row) = row else { return Ok(Vec::new()) };
        let heads = tell(&mut transaction, ambient, EventType::WebhookDisabled, &Webhook::from_row(&row)?).await?;
        transaction.commit().await?;
        Ok(heads)
    }

    /// Notes that a webhook which was disabled works again, with an event. Gives how far the log has come by that; none
    /// where that was noted already.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn recovered(
        &self,
        ambient: &Ambient,
        workspace: WorkspaceId,
        webhook: WebhookId,
    ) -> Result<Vec<(WorkspaceId, Head)>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        let row = sqlx::query(
            "UPDATE webhook SET recovering = false, revision = revision + 1 \
             WHERE workspace_id = $1 AND id = $2 AND recovering AND deleted_at IS NULL RETURNING *",
        )
        .bind(workspace)
        .bind(webhook)
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(row) = row else { return Ok(Vec::new()) };
        let heads = tell(&mut transaction, ambient, EventType::WebhookRecovered, &Webhook::from_row(&row)?).await?;
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
        name: webhook.name.clone(),
        url: webhook.url.clone(),
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
        channel_id: webhook.channel.map(|channel| channel.0),
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
