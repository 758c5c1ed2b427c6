//! Traces a provider's request to its events and their deliveries, and back. The attempts are read with their
//! deliveries.
//!
//! A row of a request holds its events, and a delivery holds its event. The other two ways need no column and no index
//! entry on the path of every message:
//!
//! - **An event's request.** One process makes both ids, which are UUIDv7: first that of the request, then that of the
//!   event, at the end of the transaction that the request waits for. So the request is among those of the few seconds
//!   before the event, usually the last hundred. A backward scan of the primary key from the event's id ends at the
//!   request. The event of a replay is much later than its request, so replayed rows alone have an index by their events.
//! - **A message's events.** A forward scan from the creation of the message finds its first event. Its reports name
//!   their requests. All other events of a message are rare, and have an index.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use inlet_domain::{
    event::webhook_filter::{Facets, Miss},
    ids::{DeliveryId, EventId, InboundEventId, MessageId, WorkspaceId, first_at, moment_of},
    scope::{Actor, Scope},
};
use sqlx::{PgPool, Row};
use uuid::Uuid;

use super::{
    delivery_log::{self, Delivery},
    inbound_events::{self, InboundEvent},
    webhooks::{self, Webhook},
};
use crate::{
    database::Database,
    error::StoreError,
    log::{self, LogEntry},
};

/// The most events of a trace, and the most deliveries of one event.
pub const MOST: usize = 200;

/// `apply` gives up two seconds after the receipt. Work that it has begun ends well within this time.
const APART: TimeDelta = TimeDelta::seconds(15);

/// The subject of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A provider's request.
    Inbound(InboundEventId),
    /// An entry of the log.
    Event(EventId),
    /// An event on its way to a webhook.
    Delivery(DeliveryId),
    /// A message, with all of its events.
    Message(MessageId),
}

/// An event with its request and its deliveries.
#[derive(Debug, Clone)]
pub struct Step {
    /// The event's id.
    pub event: EventId,
    /// The event. None where the log has been trimmed.
    pub entry: Option<LogEntry>,
    /// The request that caused the event. None where no provider caused it, or the request is past retention.
    pub inbound: Option<InboundEventId>,
    /// The deliveries.
    pub deliveries: Vec<Delivery>,
    /// The webhooks without a delivery.
    pub missed: Vec<Missed>,
}

/// A webhook without a delivery of an event.
#[derive(Debug, Clone)]
pub struct Missed {
    /// The webhook in its current state.
    pub webhook: Arc<Webhook>,
    /// The reason.
    pub reason: Miss,
}

/// The result of a trace.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// The requests, oldest first.
    pub inbound: Vec<InboundEvent>,
    /// The events, in the order of the log.
    pub steps: Vec<Step>,
    /// The trace was cut at [`MOST`].
    pub truncated: bool,
}

/// Traces a subject in both directions. `None` where the workspace has no such subject.
pub async fn trace(database: &Database, scope: Scope, subject: Subject) -> Result<Option<Trace>, StoreError> {
    let found = match subject {
        Subject::Inbound(id) => {
            let Some(inbound) = inbound_events::by_ids(database, scope, &[id]).await?.pop() else { return Ok(None) };
            Found { caused: inbound.event_ids.iter().map(|event| (*event, Some(id))).collect(), inbound: vec![id] }
        }
        Subject::Event(id) => {
            let Some(entry) = log::by_id(&database.pool, scope, id).await? else { return Ok(None) };
            Found::of_events(causes(database, scope, &[entry]).await?)
        }
        Subject::Delivery(id) => {
            let Some(delivery) = delivery_log::by_ids(database, scope, &[id]).await?.pop() else { return Ok(None) };
            let entries = log::by_ids(&database.pool, scope, &[delivery.event_id]).await?;
            let mut caused = causes(database, scope, &entries).await?;
            if caused.is_empty() {
                caused.push((delivery.event_id, None));
            }
            let mut trace = told(database, scope, Found::of_events(caused)).await?;
            // A trace of a delivery shows this delivery alone.
            for step in &mut trace.steps {
                step.deliveries = vec![delivery.clone()];
                step.missed.clear();
            }
            return Ok(Some(trace));
        }
        Subject::Message(id) => match of_message(database, scope, id).await? {
            Some(found) => found,
            None => return Ok(None),
        },
    };
    Ok(Some(told(database, scope, found).await?))
}

/// The events, each with its request, and requests that may have caused no event.
#[derive(Default)]
struct Found {
    caused: Vec<(EventId, Option<InboundEventId>)>,
    inbound: Vec<InboundEventId>,
}

impl Found {
    fn of_events(caused: Vec<(EventId, Option<InboundEventId>)>) -> Self {
        Self { inbound: caused.iter().filter_map(|(_, inbound)| *inbound).collect(), caused }
    }
}

async fn told(database: &Database, scope: Scope, mut found: Found) -> Result<Trace, StoreError> {
    // Prefer an entry with a known cause.
    found.caused.sort_unstable_by_key(|(event, inbound)| (*event, std::cmp::Reverse(*inbound)));
    found.caused.dedup_by_key(|(event, _)| *event);
    found.inbound.sort_unstable();
    found.inbound.dedup();
    let truncated = found.caused.len() > MOST || found.inbound.len() > MOST;
    found.caused.truncate(MOST);
    found.inbound.truncate(MOST);

    let mut inbound = inbound_events::by_ids(database, scope, &found.inbound).await?;
    inbound.sort_unstable_by_key(|inbound| inbound.id);
    let ids: Vec<EventId> = found.caused.iter().map(|(event, _)| *event).collect();
    let mut entries = log::by_ids(&database.pool, scope, &ids).await?;
    let limit = i64::try_from(MOST).unwrap_or(i64::MAX);
    let mut deliveries = delivery_log::of_events(database, scope, &ids, limit).await?;
    let mut step = |(event, inbound): (EventId, Option<InboundEventId>)| Step {
        event,
        entry: entries.iter().position(|entry| entry.id == event).map(|at| entries.swap_remove(at)),
        inbound,
        deliveries: deliveries.extract_if(.., |delivery| delivery.event_id == event).collect(),
        missed: Vec::new(),
    };
    let mut steps: Vec<Step> = found.caused.into_iter().map(&mut step).collect();
    steps.sort_by_key(|step| step.entry.as_ref().map(|entry| entry.seq));
    tell_missed(database, scope, &mut steps).await?;
    Ok(Trace { inbound, steps, truncated })
}

/// Finds the webhooks without a delivery, for each event.
async fn tell_missed(database: &Database, scope: Scope, steps: &mut [Step]) -> Result<(), StoreError> {
    let webhooks: Vec<Arc<Webhook>> = webhooks::list(database, scope).await?.into_iter().map(Arc::new).collect();
    if webhooks.is_empty() {
        return Ok(());
    }
    let dispatched: Option<i64> = sqlx::query_scalar("SELECT seq FROM dispatch_cursor WHERE workspace_id = $1")
        .bind(scope.workspace())
        .fetch_optional(&database.pool)
        .await?;
    for step in steps {
        let Some(entry) = &step.entry else { continue };
        let reached =
            |webhook: &&Arc<Webhook>| step.deliveries.iter().any(|delivery| delivery.webhook_id == webhook.id);
        let missed = webhooks.iter().filter(|webhook| !reached(webhook)).map(|webhook| {
            let reason = if entry.seq <= webhook.start_seq {
                Miss::RegisteredLater
            } else if let Some(miss) = webhook.wants().miss(facets(entry)) {
                miss
            } else if dispatched.is_none_or(|seq| entry.seq > seq) {
                Miss::NotYet
            } else {
                Miss::SetOtherwise
            };
            Missed { webhook: webhook.clone(), reason }
        });
        step.missed = missed.collect();
    }
    Ok(())
}

fn facets(entry: &LogEntry) -> Facets<'_> {
    Facets {
        kind: &entry.kind,
        internal: entry.internal,
        channel: entry.channel_id,
        medium: entry.medium.as_deref(),
        direction: entry.direction.as_deref(),
        actor: &entry.actor_kind,
        payload: entry.payload.get(),
        previous: entry.previous.as_ref().map(|previous| previous.get()),
    }
}

/// Finds the request that caused each entry.
async fn causes(
    database: &Database,
    scope: Scope,
    entries: &[LogEntry],
) -> Result<Vec<(EventId, Option<InboundEventId>)>, StoreError> {
    let by_provider = |entry: &&LogEntry| entry.actor_kind == Actor::Provider.kind();
    let events: Vec<_> = entries.iter().filter(by_provider).map(|entry| (scope.workspace(), entry.id)).collect();
    let mut caused = requests_of(&database.pool, &events).await?;
    caused.extend(entries.iter().filter(|entry| !by_provider(entry)).map(|entry| (entry.id, None)));
    Ok(caused)
}

/// Each of these events with the request that caused it. They were raised by providers.
pub(super) async fn requests_of(
    pool: &PgPool,
    events: &[(WorkspaceId, EventId)],
) -> Result<Vec<(EventId, Option<InboundEventId>)>, StoreError> {
    let workspaces: Vec<Uuid> = events.iter().map(|(workspace, _)| workspace.0).collect();
    let (events, from): (Vec<Uuid>, Vec<Uuid>) =
        events.iter().map(|(_, event)| (event.0, first_at(moment_of(event.0) - APART))).unzip();
    let rows = sqlx::query(
        "SELECT asked.event_id, coalesce( \
           (SELECT i.id FROM inbound_event i \
            WHERE i.workspace_id = asked.workspace_id AND i.id >= asked.earliest_id AND i.id < asked.event_id \
              AND asked.event_id = ANY(i.event_ids) \
            ORDER BY i.workspace_id DESC, i.id DESC LIMIT 1), \
           (SELECT i.id FROM inbound_event i \
            WHERE i.workspace_id = asked.workspace_id AND i.replayed_at IS NOT NULL \
              AND i.event_ids @> ARRAY[asked.event_id] LIMIT 1)) AS cause \
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) asked(workspace_id, event_id, earliest_id)",
    )
    .bind(workspaces)
    .bind(events)
    .bind(from)
    .fetch_all(pool)
    .await?;
    let caused = rows.iter().map(|row| Ok((row.try_get("event_id")?, row.try_get("cause")?)));
    Ok(caused.collect::<Result<_, sqlx::Error>>()?)
}

async fn of_message(database: &Database, scope: Scope, message: MessageId) -> Result<Option<Found>, StoreError> {
    let made: Option<(DateTime<Utc>, DateTime<Utc>)> =
        sqlx::query_as("SELECT created_at, updated_at FROM message WHERE workspace_id = $1 AND id = $2")
            .bind(scope.workspace())
            .bind(message)
            .fetch_optional(&database.pool)
            .await?;
    let Some((created_at, updated_at)) = made else { return Ok(None) };
    let limit = i64::try_from(MOST + 1).unwrap_or(i64::MAX);
    let mut events = log::changes_of(&database.pool, scope, message, limit).await?;
    // If a placeholder came first, the beginning of the message is later than its row.
    for moment in [moment_of(message.0), created_at, updated_at] {
        let range = first_at(moment)..first_at(moment + APART);
        if let Some(beginning) = log::beginning_of(&database.pool, scope, message, range).await? {
            events.push(beginning);
            break;
        }
    }
    let entries = log::by_ids(&database.pool, scope, &events).await?;
    let mut found = Found::of_events(causes(database, scope, &entries).await?);
    reports_on(database, scope, message, limit, &mut found).await?;
    Ok(Some(found))
}

/// Finds the requests with reports on a message, and their events about the message.
async fn reports_on(
    database: &Database,
    scope: Scope,
    message: MessageId,
    limit: i64,
    found: &mut Found,
) -> Result<(), StoreError> {
    let rows = sqlx::query(
        "SELECT i.id AS inbound, e.id AS event FROM ( \
           SELECT DISTINCT r.inbound_event_id AS id FROM status_report r \
           WHERE r.workspace_id = $1 AND r.message_id = $2 AND r.inbound_event_id IS NOT NULL LIMIT $3) k \
         CROSS JOIN LATERAL ( \
           SELECT i.id, i.event_ids FROM inbound_event i WHERE i.workspace_id = $1 AND i.id = k.id) i \
         LEFT JOIN LATERAL ( \
           SELECT e.id FROM unnest(i.event_ids) caused(id) CROSS JOIN LATERAL ( \
             SELECT e.id FROM event e WHERE e.workspace_id = $1 AND e.id = caused.id AND e.message_id = $2) e) e ON true",
    )
    .bind(scope.workspace())
    .bind(message)
    .bind(limit)
    .fetch_all(&database.pool)
    .await?;
    for row in &rows {
        let (inbound, event): (InboundEventId, Option<EventId>) = (row.try_get("inbound")?, row.try_get("event")?);
        found.inbound.push(inbound);
        found.caused.extend(event.map(|event| (event, Some(inbound))));
    }
    Ok(())
}
