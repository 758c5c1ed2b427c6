//! What became of deliveries, many in one statement, each only if it is still held under the lease that it was sent
//! under.

use std::{collections::HashSet, time::Duration};

use chrono::{DateTime, Utc};
use inlet_domain::ids::{AttemptId, DeliveryId, WorkspaceId};
use uuid::Uuid;

use super::Outbox;
use crate::error::StoreError;

/// What an attempt comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver has it.
    Succeeded,
    /// It is tried again.
    Retry {
        /// So long from now.
        after: Duration,
    },
    /// It is not tried again.
    Exhausted,
}

/// One HTTP exchange, as it is kept.
#[derive(Debug, Clone)]
pub struct AttemptRecord {
    /// Its id.
    pub id: AttemptId,
    /// 1, 2, 3 ...
    pub number: i32,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long it took, in milliseconds.
    pub duration_ms: i32,
    /// The HTTP status, where there was an answer.
    pub status: Option<i32>,
    /// The answer's headers as a JSON object.
    pub headers: Option<String>,
    /// The answer's body, up to 16 KiB.
    pub body: Option<bytes::Bytes>,
    /// What went wrong, in one word.
    pub error_kind: Option<&'static str>,
    /// What went wrong.
    pub error: Option<String>,
}

/// A delivery that was attempted.
#[derive(Debug, Clone)]
pub struct Finish {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The delivery.
    pub delivery: DeliveryId,
    /// The lease that it was sent under.
    pub lease: Uuid,
    /// What it comes to.
    pub verdict: Verdict,
    /// The attempt.
    pub attempt: AttemptRecord,
}

/// What becomes of a delivery that was in hand and was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// Due again at once, for any process.
    Released,
    /// Waits until its webhook has room.
    Parked,
    /// Waits until its webhook is resumed.
    Held,
    /// Given up: its webhook is disabled.
    Disabled,
    /// Given up: its webhook was deleted.
    Deleted,
    /// Given up: its event is past retention.
    Trimmed,
}

impl Outbox {
    /// Writes the attempts and what they come to, and closes the page leases in `done`, whose deliveries are all
    /// finished by now. Gives those that were no longer ours: another process had taken them over, and what it makes
    /// of them stands.
    ///
    /// # Errors
    /// Where the database fails; then nothing is written.
    pub async fn finish(&self, finishes: &[Finish], done: &[Uuid]) -> Result<HashSet<DeliveryId>, StoreError> {
        let text = |of: fn(&Finish) -> Option<&str>| finishes.iter().map(of).collect::<Vec<_>>();
        let number = |of: fn(&Finish) -> Option<i32>| finishes.iter().map(of).collect::<Vec<_>>();
        let id = |of: fn(&Finish) -> Uuid| finishes.iter().map(of).collect::<Vec<_>>();
        let ours: Vec<Uuid> = sqlx::query_scalar(
            "WITH given AS MATERIALIZED ( \
               SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::float8[], $6::uuid[], \
                                    $7::int[], $8::timestamptz[], $9::int[], $10::int[], $11::text[], $12::bytea[], \
                                    $13::text[], $14::text[]) \
                 g (workspace_id, delivery_id, lease, status, retry_after, attempt_id, number, started_at, \
                    duration_ms, response_status, response_headers, response_body, error_kind, error) \
             ), finished AS ( \
               UPDATE delivery d SET status = g.status, attempts = g.number, lease_owner = NULL, \
                 due_at = inlet_now() + make_interval(secs => g.retry_after), \
                 finished_at = CASE WHEN g.retry_after IS NULL \
                               THEN g.started_at + make_interval(secs => g.duration_ms / 1000.0) END \
               FROM given g \
               WHERE d.workspace_id = g.workspace_id AND d.id = g.delivery_id AND d.lease_owner = g.lease \
               RETURNING d.id \
             ), kept AS ( \
               INSERT INTO attempt (workspace_id, id, delivery_id, number, started_at, duration_ms, response_status, \
                                    response_headers, response_body, error_kind, error) \
               SELECT workspace_id, attempt_id, delivery_id, number, started_at, duration_ms, response_status, \
                      response_headers::jsonb, response_body, error_kind, error FROM given \
             ), closed AS ( \
               DELETE FROM dispatch_lease WHERE id = ANY($15) AND owner = $16 \
             ) \
             SELECT id FROM finished",
        )
        .bind(id(|finish| finish.workspace.0))
        .bind(id(|finish| finish.delivery.0))
        .bind(id(|finish| finish.lease))
        .bind(text(|finish| {
            Some(match finish.verdict {
                Verdict::Succeeded => "succeeded",
                Verdict::Retry { .. } => "pending",
                Verdict::Exhausted => "exhausted",
            })
        }))
        .bind(
            finishes
                .iter()
                .map(|finish| match finish.verdict {
                    Verdict::Retry { after } => Some(super::seconds(after)),
                    Verdict::Succeeded | Verdict::Exhausted => None,
                })
                .collect::<Vec<_>>(),
        )
        .bind(id(|finish| finish.attempt.id.0))
        .bind(number(|finish| Some(finish.attempt.number)))
        .bind(finishes.iter().map(|finish| finish.attempt.started_at).collect::<Vec<_>>())
        .bind(number(|finish| Some(finish.attempt.duration_ms)))
        .bind(number(|finish| finish.attempt.status))
        .bind(text(|finish| finish.attempt.headers.as_deref()))
        .bind(finishes.iter().map(|finish| finish.attempt.body.as_deref()).collect::<Vec<_>>())
        .bind(text(|finish| finish.attempt.error_kind))
        .bind(text(|finish| finish.attempt.error.as_deref()))
        .bind(done)
        .bind(self.owner)
        .fetch_all(&self.pool)
        .await?;
        let ours: HashSet<Uuid> = ours.into_iter().collect();
        Ok(finishes.iter().map(|finish| finish.delivery).filter(|id| !ours.contains(&id.0)).collect())
    }

    /// Lets go of deliveries that were in hand and were not sent, each only if it is still held.
    ///
    /// # Errors
    /// Where the database fails; then nothing is written.
    pub async fn settle(
        &self,
        deliveries: &[(WorkspaceId, DeliveryId, Uuid, Settlement)],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE delivery d SET lease_owner = NULL, parked = g.settlement IN (1, 2), \
               status = CASE WHEN g.settlement = 2 THEN 'held' WHEN g.settlement > 2 THEN 'skipped' ELSE d.status END, \
               due_at = CASE WHEN g.settlement = 0 THEN inlet_now() END, \
               finished_at = CASE WHEN g.settlement > 2 THEN $5 END, \
               skipped_because = CASE g.settlement WHEN 3 THEN 'disabled' WHEN 4 THEN 'deleted' \
                                                   WHEN 5 THEN 'trimmed' END \
             FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[]) \
                    g (workspace_id, delivery_id, lease, settlement) \
             WHERE d.workspace_id = g.workspace_id AND d.id = g.delivery_id AND d.lease_owner = g.lease",
        )
        .bind(deliveries.iter().map(|(workspace, ..)| workspace.0).collect::<Vec<_>>())
        .bind(deliveries.iter().map(|(_, delivery, ..)| delivery.0).collect::<Vec<_>>())
        .bind(deliveries.iter().map(|(_, _, lease, _)| *lease).collect::<Vec<_>>())
        .bind(deliveries.iter().map(|(.., settlement)| *settlement as i32).collect::<Vec<_>>())
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
