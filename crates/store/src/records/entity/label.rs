//! The table `label`.

use inlet_domain::ids::{LabelId, WorkspaceId};
use sea_orm::entity::prelude::*;

/// A word by which members sort conversations.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "label")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(in crate::records) workspace_id: WorkspaceId,
    /// The primary key, with the workspace.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LabelId,
    /// What members see, such as `billing`.
    pub name: String,
    /// A colour for display.
    pub color: Option<String>,
    /// Grows by one with each change.
    pub revision: i64,
    /// The time of creation.
    pub created_at: DateTimeUtc,
}

no_relations!();
