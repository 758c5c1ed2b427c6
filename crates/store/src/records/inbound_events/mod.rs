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

/// A request as the log holds it.
pub struct SealedRequest {
    /// The id of the request.
    pub id: InboundEventId,
    workspace: WorkspaceId,
    sealed: Vec<u8>,
}

impl SealedRequest {
    /// The request itself; the values that adapters declare secret are masked. It takes its time for a long request: see
    /// [`LongWork`](crate::long_work::LongWork).
    ///
    /// # Errors
    /// The request was sealed with another key, or by another version of Inlet.
    pub fn open(&self, sealer: &Sealer) -> Result<RawRequest, StoreError> {
        let plain = sealer.open(&place(self.workspace, self.id.0), &self.sealed)?;
        serde_json::from_slice(&plain)
            .map_err(|error| StoreError::invalid_row("inbound_event", "sealed", self.id, &error))
    }
}

/// The requests with these ids, in any order. Ids of other workspaces are left out.
///
/// # Errors
/// The database fails.
pub async fn sealed(
    database: &Database,
    scope: Scope,
    ids: &[InboundEventId],
) -> Result<Vec<SealedRequest>, StoreError> {
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
            let id = InboundEventId(row.try_get("id")?);
            Ok(SealedRequest { id, workspace: scope.workspace(), sealed: row.try_get("sealed")? })
        })
        .collect()
}
