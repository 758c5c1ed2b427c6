//! From the log to delivery rows: a page is read without a lock, and written only if the cursor has not moved since.

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

/// An entry of the log, as far as a webhook sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its id.
    pub id: EventId,
    /// Its number.
    pub seq: i64,
    /// For example `message.created`.
    pub kind: String,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// `member`, `api_key`, `provider` or `system`.
    pub actor_kind: String,
    /// Which member or key.
    pub actor_id: Option<Uuid>,
    /// The channel.
    pub channel_id: Option<ChannelId>,
    /// The word for what the channel carries.
    pub medium: Option<String>,
    /// The word for which way its message goes.
    pub direction: Option<String>,
    /// Whether it is about a note or an activity.
    pub internal: bool,
    /// Whether it was made to try a webhook, and is in no log.
    pub test: bool,
    /// The entity, in its final bytes.
    pub payload: String,
    /// The members that changed, with their old values.
    pub previous: Option<String>,
}

impl LogLine {
    /// What filters look at.
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

/// What a workspace's dispatcher has still to look at.
#[derive(Debug, Clone)]
pub struct Page {
    /// Where the cursor stood.
    pub cursor: i64,
    /// Changes whenever a webhook of the workspace does.
    pub fingerprint: String,
    /// The next entries, in order.
    pub lines: Vec<LogLine>,
}

/// What becomes of a new delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// This process sends it now, under the page's lease.
    Leased,
    /// It waits until its webhook has room.
    Parked,
    /// It waits until its webhook is resumed.
    Held,
    /// Its webhook is disabled.
    Skipped,
}

/// A row to be written.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// From [`super::delivery_id`].
    pub id: DeliveryId,
    /// To whom.
    pub webhook: WebhookId,
    /// What.
    pub event: EventId,
    /// Its number.
    pub event_seq: i64,
    /// Its type.
    pub event_type: String,
    /// What becomes of it.
    pub disposition: Disposition,
}

/// What a page comes to.
#[derive(Debug, Clone)]
pub struct NewPage {
    /// The lease of the deliveries that are sent at once.
    pub lease: Uuid,
    /// Where the cursor was when the page was read.
    pub from: i64,
    /// Where it is to be.
    pub to: i64,
    /// For how long the page is leased.
    pub lease_for: Duration,
    /// What to write, in the log's order.
    pub deliveries: Vec<NewDelivery>,
}

impl Outbox {
    /// Up to `limit` entries after the cursor of `workspace`; `None` where it has no cursor, for it never had a
    /// webhook.
    ///
    /// One statement, so one snapshot: what registered before an entry was committed is in the fingerprint. Without
    /// `whole` the lines come without what is in them, for a workspace where no one is sent any.
    ///
    /// # Errors
    /// Where the database fails.
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

    /// Writes the deliveries of a page and moves the cursor, or does nothing and gives `None` where another process
    /// was first. Gives the last sequence number of each webhook that deliveries were numbered for.
    ///
    /// # Errors
    /// Where the database fails; then nothing is written.
    pub async fn write_page(
        &self,
        workspace: WorkspaceId,
        page: &NewPage,
        now: DateTime<Utc>,
    ) -> Result<Option<HashMap<WebhookId, i64>>, StoreError> {
        // In the order of the keys, for a claim takes the same rows.
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
                // These get their numbers with their first send, if there is one.
                Disposition::Parked | Disposition::Held | Disposition::Skipped => None,
            })
            .collect();
        let leased = || page.deliveries.iter().filter(|delivery| delivery.disposition == Disposition::Leased);
        let column = |of: fn(&NewDelivery) -> Uuid| page.deliveries.iter().map(of).collect::<Vec<_>>();
        let rows = sqlx::query(
            "WITH claim AS ( \
               SELECT workspace_id FROM dispatch_cursor WHERE workspace_id = $1 AND seq = $2 FOR UPDATE SKIP LOCKED \
             ), moved AS ( \
               UPDATE dispatch_cursor c SET seq = $3 FROM claim WHERE c.workspace_id = claim.workspace_id RETURNING 1 \
             ), leased AS ( \
               INSERT INTO dispatch_lease (id, owner, workspace_id, first_id, last_id, leased_until) \
               SELECT $4, $5, $1, $6, $7, inlet_now() + make_interval(secs => $8) FROM moved WHERE $6 IS NOT NULL \
             ), numbered AS ( \
               INSERT INTO webhook_sequence AS s (workspace_id, webhook_id, last) \
               SELECT $1, n.webhook_id, n.count FROM moved, unnest($9::uuid[], $10::bigint[]) n (webhook_id, count) \
               ON CONFLICT (workspace_id, webhook_id) DO UPDATE SET last = s.last + excluded.last \
               RETURNING webhook_id, last \
             ), written AS ( \
               INSERT INTO delivery (workspace_id, id, webhook_id, event_id, event_seq, event_type, sequence, status, \
                                     parked, lease_owner, created_at, finished_at, skipped_because) \
               SELECT $1, d.id, d.webhook_id, d.event_id, d.event_seq, d.event_type, n.last - d.back, \
                      CASE d.disposition WHEN 2 THEN 'held' WHEN 3 THEN 'skipped' ELSE 'pending' END, \
                      d.disposition IN (1, 2), CASE WHEN d.disposition = 0 THEN $4 END, $11, \
                      CASE WHEN d.disposition = 3 THEN $11 END, CASE WHEN d.disposition = 3 THEN 'disabled' END \
               FROM moved, unnest($12::uuid[], $13::uuid[], $14::uuid[], $15::bigint[], $16::text[], $17::bigint[], \
                                  $18::int[]) \
                      d (id, webhook_id, event_id, event_seq, event_type, back, disposition) \
               LEFT JOIN numbered n ON n.webhook_id = d.webhook_id \
             ) \
             SELECT n.webhook_id, n.last FROM moved LEFT JOIN numbered n ON true",
        )
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

    /// Workspaces after `after` whose cursor is behind their log, looked for among `limit`; and where to go on from,
    /// or `None` at the end. The slow poll behind the signals.
    ///
    /// # Errors
    /// Where the database fails.
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
