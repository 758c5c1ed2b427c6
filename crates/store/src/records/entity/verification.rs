//! The table `verification`.

use inlet_domain::ids::{ProviderAccountId, VerificationId, WorkspaceId};
use sea_orm::entity::prelude::*;

/// A check of a one-time password at a provider. Inlet never stores the code.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "verification")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(in crate::records) workspace_id: WorkspaceId,
    /// The primary key, with the workspace.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: VerificationId,
    /// The account that checks.
    pub provider_account_id: ProviderAccountId,
    /// The provider's id of the check.
    pub external_id: String,
    /// The address that was checked, as the provider writes it.
    pub identifier: Option<String>,
    /// Whether the code was right.
    pub verified: bool,
    /// When the code expires.
    pub expires_at: Option<DateTimeUtc>,
    /// The time of creation.
    pub created_at: DateTimeUtc,
}

no_relations!();
