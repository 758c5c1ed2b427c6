//! Reports of campaigns in the schema.

use std::sync::Arc;

use async_graphql::Object;
use inlet_store::records::report_jobs::{ReportJob, ReportStatus};

use super::{enums, scalars::DateTime};

/// A report of a campaign. Inlet fetches it page by page in the background.
#[derive(Clone)]
pub struct CampaignReport(pub Arc<ReportJob>);

/// A report of a campaign. Inlet fetches it page by page in the background.
#[Object]
impl CampaignReport {
    /// URL of the report.
    async fn url(&self) -> &str {
        &self.0.url
    }

    /// Progress of the fetch.
    async fn status(&self) -> enums::CampaignReportStatus {
        self.0.status.into()
    }

    /// Last error. Null after Inlet has applied another page.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }

    /// Number of pages that Inlet has applied.
    async fn pages_done(&self) -> i32 {
        self.0.pages_done
    }

    /// Total number of pages, according to the last page that Inlet fetched.
    async fn total_pages(&self) -> Option<i32> {
        self.0.total_pages
    }

    /// Number of rows on the applied pages.
    async fn rows_done(&self) -> i32 {
        i32::try_from(self.0.rows_done).unwrap_or(i32::MAX)
    }

    /// Number of failed attempts to fetch the next page.
    async fn attempts(&self) -> i32 {
        self.0.attempts
    }

    /// Time when the next page is due. Null unless the report waits.
    async fn next_attempt_at(&self) -> Option<DateTime> {
        self.0.next_attempt_at().map(DateTime)
    }

    /// Time when the provider announced the report.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// Time when Inlet finished or gave up.
    async fn finished_at(&self) -> Option<DateTime> {
        self.0.finished_at.map(DateTime)
    }
}

/// The status of several reports together: unfinished before failed before done.
pub(super) fn together(reports: &[Arc<ReportJob>]) -> Option<ReportStatus> {
    [ReportStatus::Running, ReportStatus::Pending, ReportStatus::Failed, ReportStatus::Done]
        .into_iter()
        .find(|status| reports.iter().any(|report| report.status == *status))
}
