//! Refusals of messages.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    entity,
    page::{Keyset, Page, Position, Slice, Sort},
    words::word,
};
use crate::{
    database::Database,
    error::StoreError,
    ids::{ContactId, OptOutId},
    model::{channel::Medium, opt_out::OptOutScope},
    scope::Scope,
};

/// A contact's refusal of messages.
#[derive(Debug, Clone)]
pub struct OptOut {
    /// Its id.
    pub id: OptOutId,
    /// Whose.
    pub contact_id: ContactId,
    /// On which medium.
    pub medium: Medium,
    /// Of what.
    pub scope: OptOutScope,
    /// Which category, sender, tag ...; `*` or empty for all.
    pub value: String,
    /// The provider's id.
    pub external_id: Option<String>,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// When it was withdrawn.
    pub withdrawn_at: Option<DateTime<Utc>>,
}

impl TryFrom<entity::opt_out::Model> for OptOut {
    type Error = StoreError;

    fn try_from(row: entity::opt_out::Model) -> Result<Self, StoreError> {
        let id = OptOutId(row.id);
        Ok(Self {
            id,
            contact_id: ContactId(row.contact_id),
            medium: word("opt_out", "medium", id, &row.medium)?,
            scope: word("opt_out", "scope", id, &row.scope)?,
            value: row.value,
            external_id: row.external_id,
            created_at: row.created_at,
            withdrawn_at: row.withdrawn_at,
        })
    }
}

/// Standing refusals, newest first; with `withdrawn` those that were taken back too.
///
/// # Errors
/// Where the database fails, a row is invalid or a position is of another list.
pub async fn list(
    database: &Database,
    scope: Scope,
    withdrawn: bool,
    slice: &Slice,
) -> Result<Page<OptOut>, StoreError> {
    let mut select =
        entity::opt_out::Entity::find().filter(entity::opt_out::Column::WorkspaceId.eq(scope.workspace().0));
    if !withdrawn {
        select = select.filter(entity::opt_out::Column::WithdrawnAt.is_null());
    }
    let keyset = Keyset { sort: Sort::Id, at: None, id: entity::opt_out::Column::Id, descending: true };
    let page = super::page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await?;
    page.try_map(OptOut::try_from)
}

/// The refusals with these ids, in no order; what is not in the workspace is left out.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn by_ids(database: &Database, scope: Scope, ids: &[OptOutId]) -> Result<Vec<OptOut>, StoreError> {
    let rows = entity::opt_out::Entity::find()
        .filter(entity::opt_out::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(entity::opt_out::Column::Id.eq_any(ids.iter().map(|id| id.0)))
        .all(&database.orm)
        .await?;
    rows.into_iter().map(OptOut::try_from).collect()
}
