//! Groups.

use chrono::{DateTime, Utc};
use inlet_domain::{ids::GroupId, scope::Scope};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Select};
use serde_json::Value;

use super::{
    entity,
    lean::lean,
    page::{Keyset, Page, Position, Slice, Sort},
};
use crate::{database::Database, error::StoreError};

/// A group that conversations of many are with.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    pub name: Option<String>,
    /// A picture; data to show, never fetched here.
    pub avatar_url: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// Since when the provider has it in its archive.
    pub archived_at: Option<DateTime<Utc>>,
    /// As the provider lists them.
    pub participants: Value,
    /// The provider's id.
    pub external_id: Option<String>,
    /// Counts its changes.
    pub revision: i64,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
}

impl TryFrom<entity::contact_group::Model> for Group {
    type Error = StoreError;

    fn try_from(row: entity::contact_group::Model) -> Result<Self, StoreError> {
        let id = GroupId(row.id);
        Ok(Self {
            id,
            name: row.name,
            avatar_url: row.avatar_url,
            description: row.description,
            archived_at: row.archived_at,
            participants: row.participants,
            external_id: row.external_id,
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
        })
    }
}

/// Groups, oldest first.
///
/// # Errors
/// Where the database fails, a row is invalid or a position is of another list.
pub async fn list(database: &Database, scope: Scope, slice: &Slice) -> Result<Page<Group>, StoreError> {
    let select = entity::contact_group::Entity::find()
        .filter(entity::contact_group::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(entity::contact_group::Column::DeletedAt.is_null());

    let keyset = Keyset { sort: Sort::Id, at: None, id: entity::contact_group::Column::Id, descending: false };
    let page = super::page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await?;
    page.try_map(Group::try_from)
}

/// The groups with these ids as a list shows them, in no order; what is not in the workspace or was deleted is left out.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn by_ids(database: &Database, scope: Scope, ids: &[GroupId]) -> Result<Vec<Group>, StoreError> {
    let rows = lean(select(scope, ids)).all(&database.orm).await?;
    rows.into_iter().map(Group::try_from).collect()
}

/// One group with all of its participants; `None` where the workspace has none of that id.
///
/// # Errors
/// Where the database fails or the row is invalid.
pub async fn whole(database: &Database, scope: Scope, id: GroupId) -> Result<Option<Group>, StoreError> {
    select(scope, &[id]).one(&database.orm).await?.map(Group::try_from).transpose()
}

fn select(scope: Scope, ids: &[GroupId]) -> Select<entity::contact_group::Entity> {
    entity::contact_group::Entity::find()
        .filter(entity::contact_group::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(entity::contact_group::Column::Id.eq_any(ids.iter().map(|id| id.0)))
        .filter(entity::contact_group::Column::DeletedAt.is_null())
}
