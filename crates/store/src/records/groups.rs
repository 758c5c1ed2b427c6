//! Groups.

use inlet_domain::{ids::GroupId, scope::Scope};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Select};

use super::{
    entity::contact_group::{Column, Entity},
    lean::lean,
    page::{self, Keyset, Page, Position, Slice, Sort},
};
use crate::{database::Database, error::StoreError};

pub use super::entity::contact_group::Model as Group;

/// Groups, oldest first.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn list(database: &Database, scope: Scope, slice: &Slice) -> Result<Page<Group>, StoreError> {
    let keyset = Keyset { sort: Sort::Id, at: None, id: Column::Id, descending: false };
    page::fetch(database, existing(scope), keyset, slice, |row| Position::of_id(row.id)).await
}

/// The groups with these ids, each as a list shows it, in no order. Deleted groups and ids of other workspaces are left
/// out.
pub async fn by_ids(database: &Database, scope: Scope, ids: &[GroupId]) -> Result<Vec<Group>, StoreError> {
    let select = existing(scope).filter(Column::Id.eq_any(ids.iter().copied()));
    Ok(lean(select).all(&database.orm).await?)
}

/// One group with all participants. `None` where the workspace has no such group.
pub async fn whole(database: &Database, scope: Scope, id: GroupId) -> Result<Option<Group>, StoreError> {
    Ok(existing(scope).filter(Column::Id.eq_any([id])).one(&database.orm).await?)
}

fn existing(scope: Scope) -> Select<Entity> {
    Entity::find().filter(Column::WorkspaceId.eq(scope.workspace())).filter(Column::DeletedAt.is_null())
}
