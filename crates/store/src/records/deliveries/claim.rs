//! Claims deliveries: due retries, deliveries of processes that died, and parked ones.

use std::time::Duration;

use inlet_domain::ids::{DeliveryId, WebhookId, WorkspaceId};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use super::{LogLine, Outbox, log_line, seconds};
use crate::error::StoreError;

/// A delivery that this process may send.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The delivery.
    pub delivery: DeliveryId,
    /// The receiver.
    pub webhook: WebhookId,
    /// The number of the delivery for its webhook.
    pub sequence: Option<i64>,
    /// The number of attempts so far.
    pub attempts: i32,
    /// The number of attempts before the last manual resend.
    pub round_start: i32,
    /// The event. `None` where the log has been trimmed.
    pub line: Option<LogLine>,
}

/// The common end of both claims. Unnumbered deliveries that are about to be sent get a number, and each claimed
/// delivery is returned with its event.
macro_rules! taken_with_its_event {
    ($found:literal) => {
        concat!(
            "WITH ",
            $found,
            ", wanted AS ( \
               SELECT f.workspace_id, f.id, f.webhook_id, \
                 row_number() OVER (PARTITION BY f.workspace_id, f.webhook_id ORDER BY f.id) AS place, \
                 count(*) OVER (PARTITION BY f.workspace_id, f.webhook_id) AS count \
               FROM found f JOIN webhook w ON w.workspace_id = f.workspace_id AND w.id = f.webhook_id \
               WHERE f.sequence IS NULL AND w.status = 'active' AND w.deleted_at IS NULL \
             ), numbered AS ( \
               INSERT INTO webhook_sequence AS s (workspace_id, webhook_id, last) \
               SELECT workspace_id, webhook_id, count FROM wanted WHERE place = 1 ORDER BY workspace_id, webhook_id \
               ON CONFLICT (workspace_id, webhook_id) DO UPDATE SET last = s.last + excluded.last \
               RETURNING workspace_id, webhook_id, last \
             ), given AS ( \
               SELECT w.workspace_id, w.id, n.last - w.count + w.place AS sequence \
               FROM wanted w JOIN numbered n ON n.workspace_id = w.workspace_id AND n.webhook_id = w.webhook_id \
             ), taken AS ( \
               UPDATE delivery d SET due_at = inlet_now() + make_interval(secs => $2), lease_owner = $1, \
                 parked = false, status = 'pending', sequence = coalesce(d.sequence, \
                   (SELECT g.sequence FROM given g WHERE g.workspace_id = d.workspace_id AND g.id = d.id)) \
               FROM found WHERE d.workspace_id = found.workspace_id AND d.id = found.id \
               RETURNING d.workspace_id, d.id, d.webhook_id, d.sequence, d.attempts, d.round_start, d.event_id) \
             SELECT t.workspace_id, t.id AS delivery_id, t.webhook_id, t.sequence, t.attempts, t.round_start, e.* \
             FROM taken t LEFT JOIN LATERAL ( \
               SELECT id, seq, type, occurred_at, actor_kind, actor_id, channel_id, medium, direction, internal, \
                      payload, previous, false AS test \
               FROM event e WHERE e.workspace_id = t.workspace_id AND e.id = t.event_id \
               UNION ALL \
               SELECT id, 0, type, occurred_at, actor_kind, actor_id, NULL, NULL, NULL, false, payload, previous, true \
               FROM test_event e WHERE e.workspace_id = t.workspace_id AND e.id = t.event_id) e ON true"
        )
    };
}

impl Outbox {
    /// Claims up to `limit` due deliveries, the longest due first, under `lease` for `lease_for`.
    pub async fn claim_due(&self, lease: Uuid, lease_for: Duration, limit: i64) -> Result<Vec<Claimed>, StoreError> {
        let rows = sqlx::query(taken_with_its_event!(
            "found AS ( \
               SELECT workspace_id, id, webhook_id, sequence FROM delivery WHERE due_at <= (SELECT inlet_now()) \
               ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)"
        ))
        .bind(lease)
        .bind(seconds(lease_for))
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(claimed).collect()
    }

    /// Claims parked deliveries, at most the given number for each webhook, the oldest first.
    pub async fn claim_parked(
        &self,
        lease: Uuid,
        lease_for: Duration,
        webhooks: &[(WorkspaceId, WebhookId, i64)],
    ) -> Result<Vec<Claimed>, StoreError> {
        let rows = sqlx::query(taken_with_its_event!(
            "found AS ( \
               SELECT d.workspace_id, d.id, d.webhook_id, d.sequence \
               FROM unnest($3::uuid[], $4::uuid[], $5::bigint[]) asked (workspace_id, webhook_id, room) \
               CROSS JOIN LATERAL ( \
                 SELECT workspace_id, id, webhook_id, sequence FROM delivery d \
                 WHERE d.workspace_id = asked.workspace_id AND d.webhook_id = asked.webhook_id AND d.parked \
                 ORDER BY d.id LIMIT asked.room FOR UPDATE SKIP LOCKED) d)"
        ))
        .bind(lease)
        .bind(seconds(lease_for))
        .bind(webhooks.iter().map(|(workspace, ..)| workspace.0).collect::<Vec<_>>())
        .bind(webhooks.iter().map(|(_, webhook, _)| webhook.0).collect::<Vec<_>>())
        .bind(webhooks.iter().map(|(.., room)| *room).collect::<Vec<_>>())
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(claimed).collect()
    }

    /// The webhooks with parked deliveries, up to `limit`. The query skips through the index.
    pub async fn parked(&self, limit: i64) -> Result<Vec<(WorkspaceId, WebhookId)>, StoreError> {
        let rows = sqlx::query(
            "WITH RECURSIVE step AS ( \
               (SELECT workspace_id, webhook_id FROM delivery WHERE parked ORDER BY workspace_id, webhook_id LIMIT 1) \
               UNION ALL \
               SELECT next.* FROM step CROSS JOIN LATERAL ( \
                 SELECT d.workspace_id, d.webhook_id FROM delivery d \
                 WHERE d.parked AND (d.workspace_id, d.webhook_id) > (step.workspace_id, step.webhook_id) \
                 ORDER BY d.workspace_id, d.webhook_id LIMIT 1) next) \
             SELECT workspace_id, webhook_id FROM step LIMIT $1",
        )
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok((row.try_get("workspace_id")?, row.try_get("webhook_id")?))).collect()
    }

    /// The time until the next delivery is due. `None` where none waits.
    pub async fn next_due(&self) -> Result<Option<Duration>, StoreError> {
        let wait: Option<f64> = sqlx::query_scalar(
            "SELECT extract(epoch FROM (SELECT due_at FROM delivery WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1) \
                                       - inlet_now())::float8",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(wait.map(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()))
    }
}

fn claimed(row: &PgRow) -> Result<Claimed, StoreError> {
    let gone = row.try_get::<Option<Uuid>, _>("id")?.is_none();
    Ok(Claimed {
        workspace: row.try_get("workspace_id")?,
        delivery: row.try_get("delivery_id")?,
        webhook: row.try_get("webhook_id")?,
        sequence: row.try_get("sequence")?,
        attempts: row.try_get("attempts")?,
        round_start: row.try_get("round_start")?,
        line: if gone { None } else { Some(log_line(row)?) },
    })
}
