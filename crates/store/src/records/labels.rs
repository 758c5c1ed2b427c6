//! Labels.

use inlet_domain::{ids::LabelId, scope::Scope};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    entity::label::{Column, Entity},
    page::{self, Keyset, Page, Position, Slice, Sort},
};
use crate::{database::Database, error::StoreError};

pub use super::entity::label::Model as Label;

/// Labels, oldest first.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn list(database: &Database, scope: Scope, slice: &Slice) -> Result<Page<Label>, StoreError> {
    let select = Entity::find().filter(Column::WorkspaceId.eq(scope.workspace()));
    let keyset = Keyset { sort: Sort::Id, at: None, id: Column::Id, descending: false };
    page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await
}

/// The labels with these ids, in no order. Ids of other workspaces are left out.
pub async fn by_ids(database: &Database, scope: Scope, ids: &[LabelId]) -> Result<Vec<Label>, StoreError> {
    let select =
        Entity::find().filter(Column::WorkspaceId.eq(scope.workspace())).filter(Column::Id.eq_any(ids.iter().copied()));
    Ok(select.all(&database.orm).await?)
}
