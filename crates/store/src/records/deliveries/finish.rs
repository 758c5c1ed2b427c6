//! Writes the results of deliveries, many in one statement. A result counts only if the delivery still has the lease
//! that it was sent under.

use std::{collections::HashSet, time::Duration};

use chrono::{DateTime, Utc};
use inlet_domain::ids::{AttemptId, DeliveryId, WorkspaceId};
use uuid::Uuid;

use super::Outbox;
use crate::error::StoreError;

/// The result of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver accepted the event.
    Succeeded,
    /// Try again.
    Retry {
        /// The wait before the next attempt.
        after: Duration,
    },
    /// Give up.
    Exhausted,
}

/// One HTTP exchange, in its stored form.
#[derive(Debug, Clone)]
pub struct AttemptRecord {
    /// The primary key, with the workspace.
    pub id: AttemptId,
    /// The number of the attempt: 1, 2, 3 ...
    pub number: i32,
    /// The time of the request.
    pub started_at: DateTime<Utc>,
    /// The duration of the exchange.
    pub duration_ms: i32,
    /// The HTTP status. None without a response.
    pub status: Option<i32>,
    /// The headers of the response, as a JSON object.
    pub headers: Option<String>,
    /// The first 16 KiB of the response's body.
    pub body: Option<bytes::Bytes>,
    /// The kind of failure, in one word.
    pub error_kind: Option<&'static str>,
    /// The failure, for people.
    pub error: Option<String>,
}

/// An attempted delivery.
#[derive(Debug, Clone)]
pub struct Finish {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The delivery.
    pub delivery: DeliveryId,
    /// The lease of the delivery.
    pub lease: Uuid,
    /// The result.
    pub verdict: Verdict,
    /// The attempt.
    pub attempt: AttemptRecord,
}

/// The next state of a claimed delivery that was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// Due at once, for any process.
    Released,
    /// Parked until its webhook has room.
    Parked,
    /// Held until its webhook is resumed.
    Held,
    /// Skipped: its webhook is disabled.
    Disabled,
    /// Skipped: its webhook was deleted.
    Deleted,
    /// Skipped: its event is past retention.
    Trimmed,
}

impl Outbox {
    /// Writes the attempts and their results. Closes the page leases in `done`, whose deliveries are all finished.
    /// Returns the deliveries whose lease another process has taken: the result of that process counts.
    ///
    /// # Errors
    /// Where the database fails. Then nothing is written.
    pub async fn finish(&self, finishes: &[Finish], done: &[Uuid]) -> Result<HashSet<DeliveryId>, StoreError> {
        let text = |of: fn(&Finish) -> Option<&str>| finishes.iter().map(of).collect::<Vec<_>>();
        let number = |of: fn(&Finish) -> Option<i32>| finishes.iter().map(of).collect::<Vec<_>>();
        let id = |of: fn(&Finish) -> Uuid| finishes.iter().map(of).collect::<Vec<_>>();
        let ours: Vec<Uuid> = sqlx::query_scalar(include_str!("finish.sql"))
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

    /// Releases claimed deliveries that were not sent, each only if its lease still stands.
    ///
    /// # Errors
    /// Where the database fails. Then nothing is written.
    pub async fn settle(
        &self,
        deliveries: &[(WorkspaceId, DeliveryId, Uuid, Settlement)],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE delivery d SET lease_owner = NULL, parked = settled.settlement IN (1, 2), \
               status = CASE WHEN settled.settlement = 2 THEN 'held' WHEN settled.settlement > 2 THEN 'skipped' \
                             ELSE d.status END, \
               due_at = CASE WHEN settled.settlement = 0 THEN inlet_now() END, \
               finished_at = CASE WHEN settled.settlement > 2 THEN $5 END, \
               skipped_because = CASE settled.settlement WHEN 3 THEN 'disabled' WHEN 4 THEN 'deleted' \
                                                   WHEN 5 THEN 'trimmed' END \
             FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[]) \
                    settled (workspace_id, delivery_id, lease, settlement) \
             WHERE d.workspace_id = settled.workspace_id AND d.id = settled.delivery_id \
               AND d.lease_owner = settled.lease",
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
