//! Warnings that credit runs out.

use inlet_domain::{ids::BalanceAlertId, scope::Scope};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    entity::balance_alert::{Column, Entity},
    page::{self, Keyset, Page, Position, Slice, Sort},
};
use crate::{database::Database, error::StoreError};

pub use super::entity::balance_alert::Model as BalanceAlert;

/// Balance alerts, newest first.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn list(database: &Database, scope: Scope, slice: &Slice) -> Result<Page<BalanceAlert>, StoreError> {
    let select = Entity::find().filter(Column::WorkspaceId.eq(scope.workspace()));
    let keyset = Keyset { sort: Sort::Id, at: None, id: Column::Id, descending: true };
    page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await
}

/// The balance alerts with these ids, in no order. Ids of other workspaces are left out.
pub async fn by_ids(
    database: &Database,
    scope: Scope,
    ids: &[BalanceAlertId],
) -> Result<Vec<BalanceAlert>, StoreError> {
    let select =
        Entity::find().filter(Column::WorkspaceId.eq(scope.workspace())).filter(Column::Id.eq_any(ids.iter().copied()));
    Ok(select.all(&database.orm).await?)
}
