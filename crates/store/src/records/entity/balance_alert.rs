//! The table `balance_alert`.

use inlet_domain::ids::{BalanceAlertId, ProviderAccountId, WorkspaceId};
use sea_orm::entity::prelude::*;

/// A warning of a provider that credit runs out.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "balance_alert")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(in crate::records) workspace_id: WorkspaceId,
    /// The primary key, with the workspace.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: BalanceAlertId,
    /// The account that runs out of credit.
    pub provider_account_id: ProviderAccountId,
    /// The owner of the credit, as the provider names it.
    pub firm: Option<String>,
    /// The remaining credit, a decimal number as text.
    #[sea_orm(select_as = "text")]
    pub units: Option<String>,
    /// The time of creation.
    pub created_at: DateTimeUtc,
}

no_relations!();
