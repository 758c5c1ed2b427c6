//! How far a campaign's report was fetched.

use std::sync::Arc;

use async_graphql::Object;
use inlet_store::records::report_jobs::{ReportJob, ReportStatus};

use super::{enums, scalars::DateTime};

/// A report of a campaign, which is fetched page by page in the background.
#[derive(Clone)]
pub struct CampaignReport(pub Arc<ReportJob>);

/// A report of a campaign, which is fetched page by page in the background.
#[Object]
impl CampaignReport {
    /// Where it is fetched from.
    async fn url(&self) -> &str {
        &self.0.url
    }

    /// How far it has come.
    async fn status(&self) -> enums::CampaignReportStatus {
        self.0.status.into()
    }

    /// The last error; null once a page was applied after it.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }

    /// Pages that were applied.
    async fn pages_done(&self) -> i32 {
        self.0.pages_done
    }

    /// How many pages it has, as the last page told.
    async fn total_pages(&self) -> Option<i32> {
        self.0.total_pages
    }

    /// Rows of the pages that were applied.
    async fn rows_done(&self) -> i32 {
        i32::try_from(self.0.rows_done).unwrap_or(i32::MAX)
    }

    /// Failed attempts at the next page.
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }

    /// When the next page is due, while it waits.
    async fn next_attempt_at(&self) -> Option<DateTime> {
        self.0.next_attempt_at().map(DateTime)
    }

    /// When the provider told of it.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it was done or given up.
    async fn finished_at(&self) -> Option<DateTime> {
        self.0.finished_at.map(DateTime)
    }
}

/// Where the reports of a campaign stand together: what is still to do counts before what failed, and that before what
/// is done.
pub(super) fn together(reports: &[Arc<ReportJob>]) -> Option<ReportStatus> {
    [ReportStatus::Running, ReportStatus::Pending, ReportStatus::Failed, ReportStatus::Done]
        .into_iter()
        .find(|status| reports.iter().any(|report| report.status == *status))
}
