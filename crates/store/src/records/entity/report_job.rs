//! The table `report_job`.

use inlet_domain::ids::{CampaignId, ReportJobId, WorkspaceId};
use sea_orm::entity::prelude::*;

inlet_domain::text_enum! {
    /// How far a job has come with its report.
    ReportStatus {
        /// The job waits for its turn or for the next attempt.
        Pending = "pending",
        /// A process fetches pages.
        Running = "running",
        /// Every page was applied.
        Done = "done",
        /// The last attempt failed.
        Failed = "failed",
    }
}

/// A job that fetches the report of a campaign page by page.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "report_job")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(in crate::records) workspace_id: WorkspaceId,
    /// The primary key, with the workspace.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ReportJobId,
    /// The campaign of the report.
    pub campaign_id: CampaignId,
    /// The URL of the report.
    pub url: String,
    /// How far the job has come.
    pub status: ReportStatus,
    /// The number of applied pages.
    pub pages_done: i32,
    /// The number of pages in the report, as the last page told.
    pub total_pages: Option<i32>,
    /// The number of rows on the applied pages.
    pub rows_done: i64,
    /// The number of failed attempts at the next page.
    pub attempts: i32,
    /// The last error. None once a later page was applied.
    pub error: Option<String>,
    pub(in crate::records) due_at: Option<DateTimeUtc>,
    /// When the provider told of the report.
    pub created_at: DateTimeUtc,
    /// When the job was done or failed for good.
    pub finished_at: Option<DateTimeUtc>,
}

impl Model {
    /// When the next page is due. None unless the job waits: `due_at` of a running job is the end of its lease.
    #[must_use]
    pub fn next_attempt_at(&self) -> Option<DateTimeUtc> {
        self.due_at.filter(|_| self.status == ReportStatus::Pending)
    }
}

no_relations!();
