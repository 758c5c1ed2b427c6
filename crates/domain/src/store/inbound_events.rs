//! The raw log of providers' requests. Bodies stay sealed here.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    entity,
    page::{Keyset, Page, Position, Slice, Sort},
    words::word,
};
use crate::{
    apply::Outcome,
    database::Database,
    error::StoreError,
    ids::{EventId, InboundEventId, SourceId},
    scope::Scope,
};

/// A provider's request as it came, without its body.
#[derive(Debug, Clone)]
pub struct InboundEvent {
    /// Its id.
    pub id: InboundEventId,
    /// The URL that it came to.
    pub source_id: SourceId,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// Its name, as far as it could be told.
    pub event: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// Why, where it was not accepted.
    pub error: Option<String>,
    /// Whether strict JSON failed.
    pub lenient: bool,
    /// The log entries it caused.
    pub event_ids: Vec<EventId>,
}

impl TryFrom<entity::inbound_event::Model> for InboundEvent {
    type Error = StoreError;

    fn try_from(row: entity::inbound_event::Model) -> Result<Self, StoreError> {
        let id = InboundEventId(row.id);
        Ok(Self {
            id,
            source_id: SourceId(row.source_id),
            received_at: row.received_at,
            event: row.event,
            outcome: word("inbound_event", "outcome", id, &row.outcome)?,
            error: row.error,
            lenient: row.lenient,
            event_ids: row.event_ids.into_iter().map(EventId).collect(),
        })
    }
}

/// Requests, newest first; of these outcomes, or of any where none is named.
///
/// # Errors
/// Where the database fails, a row is invalid or a position is of another list.
pub async fn list(
    database: &Database,
    scope: Scope,
    outcomes: &[Outcome],
    source: Option<SourceId>,
    slice: &Slice,
) -> Result<Page<InboundEvent>, StoreError> {
    let mut select = entity::inbound_event::Entity::find()
        .filter(entity::inbound_event::Column::WorkspaceId.eq(scope.workspace().0));
    if !outcomes.is_empty() {
        select = select
            .filter(entity::inbound_event::Column::Outcome.is_in(outcomes.iter().map(|outcome| outcome.as_str())));
    }
    if let Some(source) = source {
        select = select.filter(entity::inbound_event::Column::SourceId.eq(source.0));
    }
    let keyset = Keyset { sort: Sort::Id, at: None, id: entity::inbound_event::Column::Id, descending: true };
    let page = super::page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await?;
    page.try_map(InboundEvent::try_from)
}

/// The requests with these ids, in no order; what is not in the workspace is left out.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn by_ids(
    database: &Database,
    scope: Scope,
    ids: &[InboundEventId],
) -> Result<Vec<InboundEvent>, StoreError> {
    let rows = entity::inbound_event::Entity::find()
        .filter(entity::inbound_event::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(entity::inbound_event::Column::Id.eq_any(ids.iter().map(|id| id.0)))
        .all(&database.orm)
        .await?;
    rows.into_iter().map(InboundEvent::try_from).collect()
}
