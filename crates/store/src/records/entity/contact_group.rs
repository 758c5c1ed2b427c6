//! The table `contact_group`.

use inlet_domain::ids::{GroupId, WorkspaceId};
use sea_orm::entity::prelude::*;

/// A group: its conversations have more than two participants.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "contact_group")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(in crate::records) workspace_id: WorkspaceId,
    /// The primary key, with the workspace.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: GroupId,
    /// The group's name.
    pub name: Option<String>,
    /// The URL of a picture. The server never fetches it.
    pub avatar_url: Option<String>,
    /// What the group says about itself.
    pub description: Option<String>,
    /// When the provider archived the group.
    pub archived_at: Option<DateTimeUtc>,
    /// The members, in the provider's form.
    pub participants: Json,
    /// The provider's id of the group.
    pub external_id: Option<String>,
    /// Grows by one with each change.
    pub revision: i64,
    /// The time of creation.
    pub created_at: DateTimeUtc,
    /// The time of the last change.
    pub updated_at: DateTimeUtc,
    /// The time of deletion.
    pub deleted_at: Option<DateTimeUtc>,
}

no_relations!();
