//! The raw log of the providers' requests: when each arrived, its outcome and, for those with the right, the request
//! itself.

mod list;

use inlet_domain::{
    command::RawRequest,
    ids::{InboundEventId, WorkspaceId},
    scope::Scope,
    secrets::{Place, Sealer},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use sqlx::Row;
use uuid::Uuid;

pub use list::{Filter, after, list};

use super::entity::inbound_event::{Column, Entity};
use crate::{database::Database, error::StoreError};

pub use super::entity::inbound_event::Model as InboundEvent;

/// The requests with these ids, in no order. Ids of other workspaces are left out.
pub async fn by_ids(
    database: &Database,
    scope: Scope,
    ids: &[InboundEventId],
) -> Result<Vec<InboundEvent>, StoreError> {
    let select =
        Entity::find().filter(Column::WorkspaceId.eq(scope.workspace())).filter(Column::Id.eq_any(ids.iter().copied()));
    Ok(select.all(&database.orm).await?)
}

/// The place of an inbound event's sealed request, to which the sealing binds it.
#[must_use]
pub(crate) fn place(workspace: WorkspaceId, id: Uuid) -> Place {
    Place { workspace, table: "inbound_event", id, column: "sealed" }
}

/// The requests themselves, as the log holds them: the values that adapters declare secret are masked. Each opens, or
/// tells why not. Ids of other workspaces are left out.
pub async fn requests(
    database: &Database,
    scope: Scope,
    sealer: &Sealer,
    ids: &[InboundEventId],
) -> Result<Vec<(InboundEventId, Result<RawRequest, StoreError>)>, StoreError> {
    let rows = sqlx::query(
        "SELECT t.id, t.sealed FROM unnest($2::uuid[]) asked(id) CROSS JOIN LATERAL ( \
           SELECT i.id, i.sealed FROM inbound_event i WHERE i.workspace_id = $1 AND i.id = asked.id) t",
    )
    .bind(scope.workspace())
    .bind(ids)
    .fetch_all(&database.pool)
    .await?;
    rows.iter()
        .map(|row| {
            let (id, sealed): (Uuid, Vec<u8>) = (row.try_get("id")?, row.try_get("sealed")?);
            let opened = sealer.open(&place(scope.workspace(), id), &sealed).map_err(StoreError::from);
            let request = opened.and_then(|plain| {
                // Inlet sealed the request. An unreadable one can only be of another version.
                serde_json::from_slice(&plain)
                    .map_err(|error| StoreError::invalid_row("inbound_event", "sealed", InboundEventId(id), &error))
            });
            Ok((InboundEventId(id), request))
        })
        .collect()
}
