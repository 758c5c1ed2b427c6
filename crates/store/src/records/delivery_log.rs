//! Reads of deliveries and attempts, for people.

use chrono::{DateTime, Utc};
use inlet_domain::{
    ids::{AttemptId, DeliveryId, EventId, WebhookId, first_at},
    scope::Scope,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::{
    children::{self, List},
    entity::{attempt, delivery},
    page::{self, Keyset, Page, Position, Slice, Sort},
};
use crate::{database::Database, error::StoreError};

pub use super::entity::{
    attempt::Model as Attempt,
    delivery::{DeliveryState, Model as Delivery, SkipReason},
};

/// The filter of a list of deliveries. A delivery passes if it matches one value of each list; an empty list matches
/// all.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// The receiver.
    pub webhook: Option<WebhookId>,
    /// The event.
    pub event: Option<EventId>,
    /// The statuses.
    pub statuses: Vec<DeliveryState>,
    /// The types of the events.
    pub event_types: Vec<String>,
    /// Only deliveries of events at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Only deliveries of events before this time.
    pub to: Option<DateTime<Utc>>,
}

/// The filter of a list of attempts. An attempt passes if it matches one value of each list; an empty list matches all.
#[derive(Debug, Clone, Default)]
pub struct AttemptFilter {
    /// The delivery.
    pub delivery: Option<DeliveryId>,
    /// The kinds of failure, each in one word.
    pub error_kinds: Vec<String>,
    /// The HTTP statuses of the responses.
    pub statuses: Vec<i32>,
}

/// Attempts, those of the newest events first.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn attempts(
    database: &Database,
    scope: Scope,
    filter: &AttemptFilter,
    slice: &Slice,
) -> Result<Page<Attempt>, StoreError> {
    use attempt::{Column, Entity};
    let mut select = Entity::find().filter(Column::WorkspaceId.eq(scope.workspace()));
    if let Some(delivery) = filter.delivery {
        select = select.filter(Column::DeliveryId.eq(delivery));
    }
    if !filter.error_kinds.is_empty() {
        select = select.filter(Column::ErrorKind.is_in(filter.error_kinds.iter().map(String::as_str)));
    }
    if !filter.statuses.is_empty() {
        select = select.filter(Column::ResponseStatus.is_in(filter.statuses.iter().copied()));
    }
    let keyset = Keyset { sort: Sort::Id, at: None, id: Column::Id, descending: true };
    page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await
}

/// One attempt. `None` where the workspace has no such attempt.
pub async fn attempt(database: &Database, scope: Scope, id: AttemptId) -> Result<Option<Attempt>, StoreError> {
    Ok(attempt::Entity::find_by_id((scope.workspace(), id)).one(&database.orm).await?)
}

/// Deliveries, those of the newest events first.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn list(
    database: &Database,
    scope: Scope,
    filter: &DeliveryFilter,
    slice: &Slice,
) -> Result<Page<Delivery>, StoreError> {
    use delivery::{Column, Entity};
    let mut select = Entity::find().filter(Column::WorkspaceId.eq(scope.workspace()));
    if let Some(webhook) = filter.webhook {
        select = select.filter(Column::WebhookId.eq(webhook));
    }
    if let Some(event) = filter.event {
        let (first, last) = ids_of(event);
        select = select.filter(Column::EventId.eq(event)).filter(Column::Id.between(first, last));
    }
    if !filter.statuses.is_empty() {
        select = select.filter(Column::Status.is_in(filter.statuses.iter().copied()));
    }
    if !filter.event_types.is_empty() {
        select = select.filter(Column::EventType.is_in(filter.event_types.iter().map(String::as_str)));
    }
    if let Some(from) = filter.from {
        select = select.filter(Column::Id.gte(first_at(from)));
    }
    if let Some(to) = filter.to {
        select = select.filter(Column::Id.lt(first_at(to)));
    }
    let keyset = Keyset { sort: Sort::Id, at: None, id: Column::Id, descending: true };
    page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await
}

/// The first and the last id that a delivery of this event can have: the first half of both ids is the same.
fn ids_of(event: EventId) -> (Uuid, Uuid) {
    let (id, half) = (event.0.as_u128(), u128::from(u64::MAX));
    (Uuid::from_u128(id & !half), Uuid::from_u128(id | half))
}

/// The deliveries with these ids, in no order. Ids of other workspaces are left out.
pub async fn by_ids(database: &Database, scope: Scope, ids: &[DeliveryId]) -> Result<Vec<Delivery>, StoreError> {
    use delivery::{Column, Entity};
    let select =
        Entity::find().filter(Column::WorkspaceId.eq(scope.workspace())).filter(Column::Id.eq_any(ids.iter().copied()));
    Ok(select.all(&database.orm).await?)
}

/// The deliveries of these events, in the order of their ids, at most `limit` of each event.
pub async fn of_events(
    database: &Database,
    scope: Scope,
    events: &[EventId],
    limit: i64,
) -> Result<Vec<Delivery>, StoreError> {
    let (first, last): (Vec<Uuid>, Vec<Uuid>) = events.iter().map(|event| ids_of(*event)).unzip();
    let rows = sqlx::query_as(
        "SELECT t.* FROM unnest($2::uuid[], $3::uuid[], $4::uuid[]) asked(event_id, first_id, last_id) \
         CROSS JOIN LATERAL ( \
           SELECT workspace_id, id, webhook_id, event_id, event_seq, event_type, sequence, status, attempts, due_at, \
                  created_at, finished_at, skipped_because \
           FROM delivery d WHERE d.workspace_id = $1 AND d.id BETWEEN asked.first_id AND asked.last_id \
             AND d.event_id = asked.event_id \
           ORDER BY d.workspace_id, d.id LIMIT $5) t ORDER BY t.id",
    )
    .bind(scope.workspace())
    .bind(events)
    .bind(first)
    .bind(last)
    .bind(limit)
    .fetch_all(&database.pool)
    .await?;
    Ok(rows)
}

/// The same part of the attempts of each delivery, in the order of their numbers.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn attempts_of(
    database: &Database,
    scope: Scope,
    deliveries: &[DeliveryId],
    slice: &Slice,
) -> Result<Vec<(DeliveryId, Page<Attempt>)>, StoreError> {
    use attempt::{Column, Entity};
    let (parent, at) = (Column::DeliveryId, Some(Column::Number));
    let list = List { parent, sort: Sort::Number, at, id: Column::Id, only: "" };
    let place = |row: &Attempt| (Some(row.delivery_id), Position::of_number(row.number, row.id));
    children::fetch::<Entity, _>(database, scope, list, deliveries, slice, place).await
}
