//! The table `campaign`.

use inlet_domain::ids::{CampaignId, ProviderAccountId, WorkspaceId};
use sea_orm::entity::prelude::*;

inlet_domain::text_enum! {
    /// How far a provider has come with a campaign.
    CampaignStatus {
        /// The provider still sends.
        Running = "running",
        /// The provider has sent everything.
        Completed = "completed",
    }
}

/// A mass sending at a provider.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "campaign")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(in crate::records) workspace_id: WorkspaceId,
    /// The primary key, with the workspace.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CampaignId,
    /// The account that sends.
    pub provider_account_id: ProviderAccountId,
    /// The provider's id of the campaign.
    pub external_id: String,
    /// How far the provider has come.
    pub status: CampaignStatus,
    /// The URL of the provider's report.
    pub report_url: Option<String>,
    /// Grows by one with each change.
    pub revision: i64,
    /// When this server first heard of the campaign.
    pub created_at: DateTimeUtc,
    /// When the provider completed the campaign.
    pub completed_at: Option<DateTimeUtc>,
}

no_relations!();
