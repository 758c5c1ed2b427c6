//! Turns pages of the log into delivery rows. A page is read without a lock, and written only if the cursor has not
//! moved since.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use chrono::{DateTime, Utc};
use inlet_domain::{
    event::webhook_filter::Facets,
    ids::{ChannelId, DeliveryId, EventId, WebhookId, WorkspaceId},
};
use sqlx::Row;
use uuid::Uuid;

use super::{Outbox, log_line, seconds};
use crate::error::StoreError;

/// An entry of the log, with the columns that webhooks need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The event's id.
    pub id: EventId,
    /// The event's number in the log.
    pub seq: i64,
    /// The event's type, such as `message.created`.
    pub kind: String,
    /// The time of the event.
    pub occurred_at: DateTime<Utc>,
    /// `member`, `api_key`, `provider` or `system`.
    pub actor_kind: String,
    /// The member or key.
    pub actor_id: Option<Uuid>,
    /// The channel.
    pub channel_id: Option<ChannelId>,
    /// The medium of the channel.
    pub medium: Option<String>,
    /// The direction of the message.
    pub direction: Option<String>,
    /// The event is about a note or an activity.
    pub internal: bool,
    /// The event is a test, and is in no log.
    pub test: bool,
    /// The entity in its final bytes.
    pub payload: String,
    /// The changed members with their old values.
    pub previous: Option<String>,
}

impl LogLine {
    /// The facets that filters compare.
    #[must_use]
    pub fn facets(&self) -> Facets<'_> {
        Facets {
            kind: &self.kind,
            internal: self.internal,
            channel: self.channel_id,
            medium: self.medium.as_deref(),
            direction: self.direction.as_deref(),
            actor: &self.actor_kind,
            payload: &self.payload,
            previous: self.previous.as_deref(),
        }
    }
}

/// The entries that the dispatcher of a workspace has not read.
#[derive(Debug, Clone)]
pub struct Page {
    /// The position of the cursor.
    pub cursor: i64,
    /// A fingerprint of the webhooks of the workspace. It changes with any of them.
    pub fingerprint: String,
    /// The next entries, in the order of the log.
    pub lines: Vec<LogLine>,
}

/// The first state of a new delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Sent now by this process, under the lease of the page.
    Leased,
    /// Parked until its webhook has room.
    Parked,
    /// Held until its webhook is resumed.
    Held,
    /// Skipped: its webhook is disabled.
    Skipped,
}

/// A new delivery.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// The id, from [`super::delivery_id`].
    pub id: DeliveryId,
    /// The receiver.
    pub webhook: WebhookId,
    /// The event.
    pub event: EventId,
    /// The event's number in the log.
    pub event_seq: i64,
    /// The event's type.
    pub event_type: String,
    /// The first state.
    pub disposition: Disposition,
}

/// The result of a page.
#[derive(Debug, Clone)]
pub struct NewPage {
    /// The lease of the deliveries that are sent at once.
    pub lease: Uuid,
    /// The position of the cursor at the read.
    pub from: i64,
    /// The new position of the cursor.
    pub to: i64,
    /// The duration of the lease.
    pub lease_for: Duration,
    /// The deliveries to write, in the order of the log.
    pub deliveries: Vec<NewDelivery>,
}

impl Outbox {
    /// Up to `limit` entries after the cursor of `workspace`. `None` where the workspace never had a webhook, and so
    /// has no cursor.
    ///
    /// One statement reads one snapshot. So the fingerprint contains every webhook that registered before a returned
    /// entry committed. Without `whole` the entries come without payloads, for a workspace whose webhooks receive none.
    pub async fn read_page(&self, workspace: WorkspaceId, limit: i64, whole: bool) -> Result<Option<Page>, StoreError> {
        let rows = sqlx::query(
            "SELECT c.seq AS cursor, \
               (SELECT coalesce(sum(hashtextextended(w.id::text, w.revision)), 0)::text FROM webhook w \
                WHERE w.workspace_id = $1 AND w.deleted_at IS NULL) AS fingerprint, \
               e.* \
             FROM dispatch_cursor c LEFT JOIN LATERAL ( \
               SELECT id, seq, type, occurred_at, actor_kind, actor_id, channel_id, medium, direction, internal, \
                      CASE WHEN $3 THEN payload END AS payload, CASE WHEN $3 THEN previous END AS previous, \
                      false AS test \
               FROM event WHERE workspace_id = $1 AND seq > c.seq ORDER BY seq LIMIT $2) e ON true \
             WHERE c.workspace_id = $1",
        )
        .bind(workspace)
        .bind(limit)
        .bind(whole)
        .fetch_all(&self.pool)
        .await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let (cursor, fingerprint) = (first.try_get("cursor")?, first.try_get("fingerprint")?);
        let empty = first.try_get::<Option<Uuid>, _>("id")?.is_none();
        let lines = if empty { Vec::new() } else { rows.iter().map(log_line).collect::<Result<_, _>>()? };
        Ok(Some(Page { cursor, fingerprint, lines }))
    }

    /// Writes the deliveries of a page and moves the cursor. Returns the last sequence number of each webhook with
    /// numbered deliveries. Returns `None`, and writes nothing, where another process moved the cursor first.
    ///
    /// # Errors
    /// Where the database fails. Then nothing is written.
    pub async fn write_page(
        &self,
        workspace: WorkspaceId,
        page: &NewPage,
        now: DateTime<Utc>,
    ) -> Result<Option<HashMap<WebhookId, i64>>, StoreError> {
        // Use the order of the keys: a claim locks the same rows.
        let mut numbered: BTreeMap<WebhookId, i64> = BTreeMap::new();
        let ordinals: Vec<Option<i64>> = page
            .deliveries
            .iter()
            .map(|delivery| match delivery.disposition {
                Disposition::Leased => {
                    let count = numbered.entry(delivery.webhook).or_insert(0);
                    *count += 1;
                    Some(*count)
                }
                // These get their numbers at their first send.
                Disposition::Parked | Disposition::Held | Disposition::Skipped => None,
            })
            .collect();
        let leased = || page.deliveries.iter().filter(|delivery| delivery.disposition == Disposition::Leased);
        let column = |of: fn(&NewDelivery) -> Uuid| page.deliveries.iter().map(of).collect::<Vec<_>>();
        let rows = sqlx::query(include_str!("write_page.sql"))
            .bind(workspace)
            .bind(page.from)
            .bind(page.to)
            .bind(page.lease)
            .bind(self.owner)
            .bind(leased().map(|delivery| delivery.id.0).min())
            .bind(leased().map(|delivery| delivery.id.0).max())
            .bind(seconds(page.lease_for))
            .bind(numbered.keys().map(|webhook| webhook.0).collect::<Vec<_>>())
            .bind(numbered.values().copied().collect::<Vec<_>>())
            .bind(now)
            .bind(column(|delivery| delivery.id.0))
            .bind(column(|delivery| delivery.webhook.0))
            .bind(column(|delivery| delivery.event.0))
            .bind(page.deliveries.iter().map(|delivery| delivery.event_seq).collect::<Vec<_>>())
            .bind(page.deliveries.iter().map(|delivery| delivery.event_type.as_str()).collect::<Vec<_>>())
            .bind(
                ordinals
                    .iter()
                    .zip(&page.deliveries)
                    .map(|(ordinal, delivery)| Some(numbered.get(&delivery.webhook)? - (*ordinal)?))
                    .collect::<Vec<Option<i64>>>(),
            )
            .bind(page.deliveries.iter().map(|delivery| delivery.disposition as i32).collect::<Vec<_>>())
            .fetch_all(&self.pool)
            .await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let mut last = HashMap::new();
        for row in &rows {
            if let (Some(webhook), Some(number)) = (row.try_get("webhook_id")?, row.try_get("last")?) {
                last.insert(webhook, number);
            }
        }
        Ok(Some(last))
    }

    /// Workspaces after `after` whose cursor is behind their log, among the next `limit` workspaces; and the workspace
    /// to continue after, or `None` at the end. This slow poll backs up the signals.
    pub async fn behind(&self, after: Uuid, limit: i64) -> Result<(Vec<WorkspaceId>, Option<Uuid>), StoreError> {
        let rows = sqlx::query(
            "SELECT c.workspace_id, \
               (SELECT e.seq FROM event e WHERE e.workspace_id = c.workspace_id AND e.seq > c.seq \
                ORDER BY e.seq LIMIT 1) IS NOT NULL AS behind \
             FROM (SELECT workspace_id, seq FROM dispatch_cursor WHERE workspace_id > $1 \
                   ORDER BY workspace_id LIMIT $2) c",
        )
        .bind(after)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let mut found = Vec::new();
        let mut last = after;
        for row in &rows {
            let workspace: WorkspaceId = row.try_get("workspace_id")?;
            last = last.max(workspace.0);
            if row.try_get("behind")? {
                found.push(workspace);
            }
        }
        let more = i64::try_from(rows.len()).is_ok_and(|seen| seen == limit);
        Ok((found, more.then_some(last)))
    }
}
