//! Teams and their members.

use inlet_domain::{
    ids::{MemberId, TeamId},
    scope::Scope,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::{
    entity::team::{Column, Entity},
    page::{self, Keyset, Page, Position, Slice, Sort},
};
use crate::{database::Database, error::StoreError};

pub use super::entity::team::Model as Team;

/// Teams, oldest first.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn list(database: &Database, scope: Scope, slice: &Slice) -> Result<Page<Team>, StoreError> {
    let select = Entity::find().filter(Column::WorkspaceId.eq(scope.workspace()));
    let keyset = Keyset { sort: Sort::Id, at: None, id: Column::Id, descending: false };
    page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await
}

/// The teams with these ids, in no order. Ids of other workspaces are left out.
pub async fn by_ids(database: &Database, scope: Scope, ids: &[TeamId]) -> Result<Vec<Team>, StoreError> {
    let select =
        Entity::find().filter(Column::WorkspaceId.eq(scope.workspace())).filter(Column::Id.eq_any(ids.iter().copied()));
    Ok(select.all(&database.orm).await?)
}

/// The members of these teams.
pub async fn members_of(
    database: &Database,
    scope: Scope,
    teams: &[TeamId],
) -> Result<Vec<(TeamId, MemberId)>, StoreError> {
    let ids: Vec<Uuid> = teams.iter().map(|id| id.0).collect();
    let rows = sqlx::query_as(
        "SELECT team_id, member_id FROM team_member WHERE workspace_id = $1 AND team_id = ANY($2) ORDER BY 1, 2",
    )
    .bind(scope.workspace())
    .bind(ids)
    .fetch_all(&database.pool)
    .await?;
    Ok(rows)
}
