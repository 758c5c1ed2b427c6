//! The table `provider_account`.

use inlet_domain::{
    ids::{ProviderAccountId, WorkspaceId},
    model::provider::Provider,
};
use sea_orm::entity::prelude::*;

/// An account with a messaging provider.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "provider_account")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(in crate::records) workspace_id: WorkspaceId,
    /// The primary key, with the workspace.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ProviderAccountId,
    /// The provider that runs the account.
    pub provider: Provider,
    /// A name for people.
    pub name: String,
    /// The time of creation.
    pub created_at: DateTimeUtc,
}

no_relations!();
