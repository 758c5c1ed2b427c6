//! Teams and who is in them.

use chrono::{DateTime, Utc};
use inlet_domain::{
    ids::{MemberId, TeamId},
    scope::Scope,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::{
    entity,
    page::{Keyset, Page, Position, Slice, Sort},
};
use crate::{database::Database, error::StoreError};

/// Members who share conversations.
#[derive(Debug, Clone)]
pub struct Team {
    /// Its id.
    pub id: TeamId,
    /// Its name.
    pub name: String,
    /// Counts its changes.
    pub revision: i64,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
}

impl TryFrom<entity::team::Model> for Team {
    type Error = StoreError;

    fn try_from(row: entity::team::Model) -> Result<Self, StoreError> {
        let id = TeamId(row.id);
        Ok(Self { id, name: row.name, revision: row.revision, created_at: row.created_at })
    }
}

/// Teams, oldest first.
///
/// # Errors
/// Where the database fails, a row is invalid or a position is of another list.
pub async fn list(database: &Database, scope: Scope, slice: &Slice) -> Result<Page<Team>, StoreError> {
    let select = entity::team::Entity::find().filter(entity::team::Column::WorkspaceId.eq(scope.workspace().0));

    let keyset = Keyset { sort: Sort::Id, at: None, id: entity::team::Column::Id, descending: false };
    let page = super::page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await?;
    page.try_map(Team::try_from)
}

/// The teams with these ids, in no order; what is not in the workspace is left out.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn by_ids(database: &Database, scope: Scope, ids: &[TeamId]) -> Result<Vec<Team>, StoreError> {
    let rows = entity::team::Entity::find()
        .filter(entity::team::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(entity::team::Column::Id.eq_any(ids.iter().map(|id| id.0)))
        .all(&database.orm)
        .await?;
    rows.into_iter().map(Team::try_from).collect()
}

/// Who is in these teams.
///
/// # Errors
/// Where the database fails.
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
