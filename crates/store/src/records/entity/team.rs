//! The table `team`.

use inlet_domain::ids::{TeamId, WorkspaceId};
use sea_orm::entity::prelude::*;

/// Members who share conversations.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "team")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(in crate::records) workspace_id: WorkspaceId,
    /// The primary key, with the workspace.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TeamId,
    /// What members call the team.
    pub name: String,
    /// Grows by one with each change.
    pub revision: i64,
    /// The time of creation.
    pub created_at: DateTimeUtc,
}

no_relations!();
