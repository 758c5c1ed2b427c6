//! Our channels, and their provider accounts.

use inlet_domain::{
    ids::{ChannelId, ProviderAccountId},
    scope::Scope,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    entity::{channel, provider_account},
    page::{self, Keyset, Page, Position, Slice, Sort},
};
use crate::{database::Database, error::StoreError};

pub use super::entity::{channel::Model as Channel, provider_account::Model as ProviderAccount};

/// Channels, oldest first.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn list(database: &Database, scope: Scope, slice: &Slice) -> Result<Page<Channel>, StoreError> {
    use channel::{Column, Entity};
    let select = Entity::find().filter(Column::WorkspaceId.eq(scope.workspace()));
    let keyset = Keyset { sort: Sort::Id, at: None, id: Column::Id, descending: false };
    page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await
}

/// The channels with these ids, in no order. Ids of other workspaces are left out.
pub async fn by_ids(database: &Database, scope: Scope, ids: &[ChannelId]) -> Result<Vec<Channel>, StoreError> {
    use channel::{Column, Entity};
    let select =
        Entity::find().filter(Column::WorkspaceId.eq(scope.workspace())).filter(Column::Id.eq_any(ids.iter().copied()));
    Ok(select.all(&database.orm).await?)
}

/// Provider accounts, oldest first.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn accounts(database: &Database, scope: Scope, slice: &Slice) -> Result<Page<ProviderAccount>, StoreError> {
    use provider_account::{Column, Entity};
    let select = Entity::find().filter(Column::WorkspaceId.eq(scope.workspace()));
    let keyset = Keyset { sort: Sort::Id, at: None, id: Column::Id, descending: false };
    page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await
}

/// The provider accounts with these ids, in no order. Ids of other workspaces are left out.
pub async fn accounts_by_ids(
    database: &Database,
    scope: Scope,
    ids: &[ProviderAccountId],
) -> Result<Vec<ProviderAccount>, StoreError> {
    use provider_account::{Column, Entity};
    let select =
        Entity::find().filter(Column::WorkspaceId.eq(scope.workspace())).filter(Column::Id.eq_any(ids.iter().copied()));
    Ok(select.all(&database.orm).await?)
}
