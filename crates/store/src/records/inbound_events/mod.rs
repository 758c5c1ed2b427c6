//! The raw log of providers' requests: what came, what came of it, and, for those who may, the request itself.

mod list;

use chrono::{DateTime, Utc};
use inlet_domain::{
    command::RawRequest,
    ids::{EventId, InboundEventId, SourceId, WorkspaceId},
    model::outcome::Outcome,
    scope::Scope,
    secrets::{Place, Sealer},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use sqlx::Row;
use uuid::Uuid;

pub use list::{Filter, after, list};

use super::{entity, words::word};
use crate::{database::Database, error::StoreError};

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
    /// The log entries it caused; those of replays come last.
    pub event_ids: Vec<EventId>,
    /// When a replay last brought it up to date.
    pub replayed_at: Option<DateTime<Utc>>,
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
            replayed_at: row.replayed_at,
        })
    }
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

/// Where the sealed request of an inbound event stands.
#[must_use]
pub(crate) fn place(workspace: WorkspaceId, id: Uuid) -> Place {
    Place { workspace, table: "inbound_event", id, column: "sealed" }
}

/// The requests themselves, as they were kept: with what adapters declare secret masked. Each either opens or tells why
/// not; what is not in the workspace is left out.
///
/// # Errors
/// Where the database fails.
pub async fn requests(
    database: &Database,
    scope: Scope,
    sealer: &Sealer,
    ids: &[InboundEventId],
) -> Result<Vec<(InboundEventId, Result<RawRequest, StoreError>)>, StoreError> {
    let rows = sqlx::query(
        "SELECT t.id, t.sealed FROM unnest($2::uuid[]) k(id) CROSS JOIN LATERAL ( \
           SELECT i.id, i.sealed FROM inbound_event i WHERE i.workspace_id = $1 AND i.id = k.id) t",
    )
    .bind(scope.workspace())
    .bind(ids.iter().map(|id| id.0).collect::<Vec<_>>())
    .fetch_all(&database.pool)
    .await?;
    rows.iter()
        .map(|row| {
            let (id, sealed): (Uuid, Vec<u8>) = (row.try_get("id")?, row.try_get("sealed")?);
            let opened = sealer.open(&place(scope.workspace(), id), &sealed).map_err(StoreError::from);
            let request = opened.and_then(|plain| {
                // Sealed by us, so it can only be of another version.
                serde_json::from_slice(&plain)
                    .map_err(|error| StoreError::invalid_row("inbound_event", "sealed", InboundEventId(id), &error))
            });
            Ok((InboundEventId(id), request))
        })
        .collect()
}
