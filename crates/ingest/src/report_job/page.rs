//! Submits a page to apply as an inbound event, read like a request of the raw log.

use std::time::Duration;

use inlet_adapters::{
    body::lenient,
    provider::{CampaignReports, ReportPage},
    read,
};
use inlet_domain::{
    command::{Inbound, Purpose, RawRequest},
    ids::InboundEventId,
    model::{outcome::Outcome, source::Source},
};
use inlet_store::records::report_jobs::{self, HeldJob};
use serde_json::Value;
use tokio::time::Instant;

use super::{LEASE, ReporterParts, Trouble, fetch::Fetched};

/// The most rows of one inbound event: a transaction of thousands of rows would delay others.
const MOST_ROWS: usize = 500;

/// How long a page may wait for its commit before the lease is renewed.
const RENEW_AFTER: Duration = Duration::from_secs(30);

pub(super) fn read(reports: &dyn CampaignReports, fetched: &Fetched) -> Result<ReportPage, Trouble> {
    let parsed = lenient::parse(&fetched.body)
        .map_err(|error| Trouble::again(format!("the provider's answer cannot be read: {error}")))?;
    reports
        .page(&parsed.value)
        .map_err(|reason| Trouble::again(format!("the provider's answer is not a page of a report: {reason}")))
}

/// Submits the pages of one job.
pub(super) struct Submitter<'a> {
    pub(super) parts: &'a ReporterParts,
    pub(super) held: &'a HeldJob,
    pub(super) source: &'a Source,
    pub(super) reports: &'static dyn CampaignReports,
}

impl Submitter<'_> {
    /// Applies a page as one event, with the bytes as they were received. Splits a page with too many rows. If the
    /// event is not applied as a whole, applies each row by itself, so that only the bad rows fail (P6). The raw log
    /// keeps the page and each row, with their errors.
    pub(super) async fn submit(&self, fetched: &Fetched, rows: &[Value]) -> Result<(), Trouble> {
        let mut renewed = Instant::now();
        for part in rows.chunks(MOST_ROWS) {
            let body = if part.len() == rows.len() { fetched.body.to_vec() } else { self.body_of(part) };
            if self.event(fetched, body).await? || part.len() == 1 {
                continue;
            }
            for row in part.chunks(1) {
                if renewed.elapsed() > RENEW_AFTER {
                    if !report_jobs::renew(&self.parts.database, self.held, LEASE).await? {
                        return Err(Trouble::Lost);
                    }
                    renewed = Instant::now();
                }
                self.event(fetched, self.body_of(row)).await?;
            }
        }
        Ok(())
    }

    fn body_of(&self, rows: &[Value]) -> Vec<u8> {
        self.reports.page_of(rows).to_string().into_bytes()
    }

    /// Submits a body. Returns whether all of it was understood and applied.
    async fn event(&self, fetched: &Fetched, body: Vec<u8>) -> Result<bool, Trouble> {
        let received_at = self.parts.ambient.now();
        let headers =
            fetched.content_type.iter().map(|content_type| ("content-type".to_owned(), content_type.clone())).collect();
        let raw = RawRequest { method: "GET".to_owned(), query: fetched.url.query().map(str::to_owned), headers, body };
        let readout = read::read(self.source, received_at, Some(self.reports.event()), raw);
        let receipt = self
            .parts
            .apply
            .submit(Inbound {
                id: InboundEventId(self.parts.ambient.uuid()),
                workspace: self.source.workspace,
                source: self.source.id,
                account: self.source.account,
                received_at,
                event: readout.event,
                raw: readout.raw,
                reading: readout.reading,
                purpose: Purpose::Receipt,
            })
            .await?;
        Ok(matches!(receipt.outcome, Outcome::Accepted | Outcome::Duplicate))
    }
}
