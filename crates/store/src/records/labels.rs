//! Labels.

use chrono::{DateTime, Utc};
use inlet_domain::{ids::LabelId, scope::Scope};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    entity,
    page::{Keyset, Page, Position, Slice, Sort},
};
use crate::{database::Database, error::StoreError};

/// A word that conversations are sorted by.
#[derive(Debug, Clone)]
pub struct Label {
    /// Its id.
    pub id: LabelId,
    /// The word.
    pub name: String,
    /// For display.
    pub color: Option<String>,
    /// Counts its changes.
    pub revision: i64,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
}

impl TryFrom<entity::label::Model> for Label {
    type Error = StoreError;

    fn try_from(row: entity::label::Model) -> Result<Self, StoreError> {
        let id = LabelId(row.id);
        Ok(Self { id, name: row.name, color: row.color, revision: row.revision, created_at: row.created_at })
    }
}

/// Labels, oldest first.
///
/// # Errors
/// Where the database fails, a row is invalid or a position is of another list.
pub async fn list(database: &Database, scope: Scope, slice: &Slice) -> Result<Page<Label>, StoreError> {
    let select = entity::label::Entity::find().filter(entity::label::Column::WorkspaceId.eq(scope.workspace().0));

    let keyset = Keyset { sort: Sort::Id, at: None, id: entity::label::Column::Id, descending: false };
    let page = super::page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await?;
    page.try_map(Label::try_from)
}

/// The labels with these ids, in no order; what is not in the workspace is left out.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn by_ids(database: &Database, scope: Scope, ids: &[LabelId]) -> Result<Vec<Label>, StoreError> {
    let rows = entity::label::Entity::find()
        .filter(entity::label::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(entity::label::Column::Id.eq_any(ids.iter().map(|id| id.0)))
        .all(&database.orm)
        .await?;
    rows.into_iter().map(Label::try_from).collect()
}
