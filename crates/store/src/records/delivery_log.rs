//! What became of each event on its way to a webhook, to be read by people.

use chrono::{DateTime, Utc};
use inlet_domain::{
    ids::{AttemptId, DeliveryId, EventId, WebhookId, first_at},
    scope::Scope,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::{
    children::{self, List},
    entity,
    page::{Keyset, Page, Position, Slice, Sort},
    words::word,
};
use crate::{database::Database, error::StoreError};

inlet_domain::text_enum! {
    /// Where a delivery stands.
    DeliveryState {
        /// Waiting for its next attempt.
        Pending = "pending",
        /// Waiting until its webhook is resumed.
        Held = "held",
        /// Received.
        Succeeded = "succeeded",
        /// Every attempt failed.
        Exhausted = "exhausted",
        /// Not sent, for its webhook was disabled or held it too long.
        Skipped = "skipped",
    }
}

inlet_domain::text_enum! {
    /// Why a delivery was skipped.
    SkipReason {
        /// Its webhook was disabled.
        Disabled = "disabled",
        /// Its webhook was deleted.
        Deleted = "deleted",
        /// Its event was past retention.
        Trimmed = "trimmed",
        /// It was held past its own retention.
        Expired = "expired",
    }
}

/// An event on its way to a webhook.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// The receiver.
    pub webhook_id: WebhookId,
    /// The event.
    pub event_id: EventId,
    /// The event's number in the log.
    pub event_seq: i64,
    /// The event's type.
    pub event_type: String,
    /// Its gapless number for the webhook, from the first send on.
    pub sequence: Option<i64>,
    /// Where it stands.
    pub status: DeliveryState,
    /// How many attempts there were.
    pub attempts: i32,
    /// When it is next due.
    pub due_at: Option<DateTime<Utc>>,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// When it was done.
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it was skipped, where it was.
    pub skipped_because: Option<SkipReason>,
}

impl TryFrom<entity::delivery::Model> for Delivery {
    type Error = StoreError;

    fn try_from(row: entity::delivery::Model) -> Result<Self, StoreError> {
        let id = DeliveryId(row.id);
        Ok(Self {
            id,
            webhook_id: WebhookId(row.webhook_id),
            event_id: EventId(row.event_id),
            event_seq: row.event_seq,
            event_type: row.event_type,
            sequence: row.sequence,
            status: word("delivery", "status", id, &row.status)?,
            attempts: row.attempts,
            due_at: row.due_at,
            created_at: row.created_at,
            finished_at: row.finished_at,
            skipped_because: row
                .skipped_because
                .map(|reason| word("delivery", "skipped_because", id, &reason))
                .transpose()?,
        })
    }
}
/// One HTTP exchange of a delivery.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Its id.
    pub id: AttemptId,
    /// The delivery.
    pub delivery_id: DeliveryId,
    /// 1, 2, 3 ...
    pub number: i32,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long it took, in milliseconds.
    pub duration_ms: i32,
    /// The HTTP status of the answer.
    pub response_status: Option<i32>,
    /// The headers of the answer, as one object.
    pub response_headers: Option<serde_json::Value>,
    /// The body of the answer, up to 16 KiB.
    pub response_body: Option<Vec<u8>>,
    /// What went wrong, in one word; none on success.
    pub error_kind: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
}

impl TryFrom<entity::attempt::Model> for Attempt {
    type Error = StoreError;

    fn try_from(row: entity::attempt::Model) -> Result<Self, StoreError> {
        let id = AttemptId(row.id);
        Ok(Self {
            id,
            delivery_id: DeliveryId(row.delivery_id),
            number: row.number,
            started_at: row.started_at,
            duration_ms: row.duration_ms,
            response_status: row.response_status,
            response_headers: row.response_headers,
            response_body: row.response_body,
            error_kind: row.error_kind,
            error: row.error,
        })
    }
}

/// Which deliveries are wanted. The values of each member mean "any of"; an empty one asks for nothing.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// The webhook that they are for.
    pub webhook: Option<WebhookId>,
    /// The event that they are of.
    pub event: Option<EventId>,
    /// Where they stand.
    pub statuses: Vec<DeliveryState>,
    /// The types of their events.
    pub event_types: Vec<String>,
    /// Of events of this moment or later.
    pub from: Option<DateTime<Utc>>,
    /// Of events before this moment.
    pub to: Option<DateTime<Utc>>,
}

/// Which attempts are wanted. The values of each member mean "any of"; an empty one asks for nothing.
#[derive(Debug, Clone, Default)]
pub struct AttemptFilter {
    /// The delivery that they are of.
    pub delivery: Option<DeliveryId>,
    /// What went wrong, in one word.
    pub error_kinds: Vec<String>,
    /// The HTTP statuses of the answers.
    pub statuses: Vec<i32>,
}

/// Attempts, the newest events' first.
///
/// # Errors
/// Where the database fails or a position is of another list.
pub async fn attempts(
    database: &Database,
    scope: Scope,
    filter: &AttemptFilter,
    slice: &Slice,
) -> Result<Page<Attempt>, StoreError> {
    use entity::attempt::Column;
    let mut select = entity::attempt::Entity::find().filter(Column::WorkspaceId.eq(scope.workspace().0));
    if let Some(delivery) = filter.delivery {
        select = select.filter(Column::DeliveryId.eq(delivery.0));
    }
    if !filter.error_kinds.is_empty() {
        select = select.filter(Column::ErrorKind.is_in(filter.error_kinds.iter().map(String::as_str)));
    }
    if !filter.statuses.is_empty() {
        select = select.filter(Column::ResponseStatus.is_in(filter.statuses.iter().copied()));
    }
    let keyset = Keyset { sort: Sort::Id, at: None, id: Column::Id, descending: true };
    let page = super::page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await?;
    page.try_map(Attempt::try_from)
}

/// One attempt; `None` where the workspace has none of that id.
///
/// # Errors
/// Where the database fails.
pub async fn attempt(database: &Database, scope: Scope, id: AttemptId) -> Result<Option<Attempt>, StoreError> {
    let row = entity::attempt::Entity::find_by_id((scope.workspace().0, id.0)).one(&database.orm).await?;
    row.map(Attempt::try_from).transpose()
}

/// Deliveries, the newest events' first.
///
/// # Errors
/// Where the database fails, a row is invalid or a position is of another list.
pub async fn list(
    database: &Database,
    scope: Scope,
    filter: &DeliveryFilter,
    slice: &Slice,
) -> Result<Page<Delivery>, StoreError> {
    use entity::delivery::Column;
    let mut select = entity::delivery::Entity::find().filter(Column::WorkspaceId.eq(scope.workspace().0));
    if let Some(webhook) = filter.webhook {
        select = select.filter(Column::WebhookId.eq(webhook.0));
    }
    if let Some(event) = filter.event {
        // The first half of a delivery's id is that of its event's.
        let first = Uuid::from_u128(event.0.as_u128() & !u128::from(u64::MAX));
        let last = Uuid::from_u128(event.0.as_u128() | u128::from(u64::MAX));
        select = select.filter(Column::EventId.eq(event.0)).filter(Column::Id.between(first, last));
    }
    if !filter.statuses.is_empty() {
        select = select.filter(Column::Status.is_in(filter.statuses.iter().map(|status| status.as_str())));
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
    let page = super::page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await?;
    page.try_map(Delivery::try_from)
}

/// The deliveries with these ids, in no order; what is not in the workspace is left out.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn by_ids(database: &Database, scope: Scope, ids: &[DeliveryId]) -> Result<Vec<Delivery>, StoreError> {
    let rows = entity::delivery::Entity::find()
        .filter(entity::delivery::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(entity::delivery::Column::Id.eq_any(ids.iter().map(|id| id.0)))
        .all(&database.orm)
        .await?;
    rows.into_iter().map(Delivery::try_from).collect()
}

/// The deliveries of these events, in the order of their ids, up to `limit` of each event.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn of_events(
    database: &Database,
    scope: Scope,
    events: &[EventId],
    limit: i64,
) -> Result<Vec<Delivery>, StoreError> {
    // The first half of a delivery's id is that of its event's.
    let first = |event: &EventId| Uuid::from_u128(event.0.as_u128() & !u128::from(u64::MAX));
    let last = |event: &EventId| Uuid::from_u128(event.0.as_u128() | u128::from(u64::MAX));
    let rows: Vec<entity::delivery::Model> = sqlx::query_as(
        "SELECT t.* FROM unnest($2::uuid[], $3::uuid[], $4::uuid[]) k(event, first, last) CROSS JOIN LATERAL ( \
           SELECT workspace_id, id, webhook_id, event_id, event_seq, event_type, sequence, status, attempts, due_at, \
                  created_at, finished_at, skipped_because \
           FROM delivery d WHERE d.workspace_id = $1 AND d.id BETWEEN k.first AND k.last AND d.event_id = k.event \
           ORDER BY d.workspace_id, d.id LIMIT $5) t ORDER BY t.id",
    )
    .bind(scope.workspace())
    .bind(events.iter().map(|event| event.0).collect::<Vec<_>>())
    .bind(events.iter().map(first).collect::<Vec<_>>())
    .bind(events.iter().map(last).collect::<Vec<_>>())
    .bind(limit)
    .fetch_all(&database.pool)
    .await?;
    rows.into_iter().map(Delivery::try_from).collect()
}

/// The same part of the attempts of each of these deliveries, in the order of their numbers.
///
/// # Errors
/// Where the database fails or a position is of another list.
pub async fn attempts_of(
    database: &Database,
    scope: Scope,
    deliveries: &[DeliveryId],
    slice: &Slice,
) -> Result<Vec<(DeliveryId, Page<Attempt>)>, StoreError> {
    use entity::attempt::Column;
    let (parent, at) = (Column::DeliveryId, Some(Column::Number));
    let list = List { parent, sort: Sort::Number, at, id: Column::Id, only: "" };
    let place = |row: &entity::attempt::Model| (Some(row.delivery_id), Position::of_number(row.number, row.id));
    children::fetch::<entity::attempt::Entity, _>(database, scope, list, deliveries, slice, place)
        .await?
        .into_iter()
        .map(|(delivery, page)| Ok((delivery, page.try_map(Attempt::try_from)?)))
        .collect()
}
