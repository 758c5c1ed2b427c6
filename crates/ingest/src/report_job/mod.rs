//! Fetches campaign reports page by page in the background (OR-12, OR-13).
//!
//! Apply writes a job together with the completed campaign. The worker that claims the job fetches its pages in order.
//! Each page is an inbound event, so it is in the raw log and can be replayed. Its rows have the idempotency keys of
//! posted reports. The job moves on after a page is committed. A crash in between repeats that page, which changes
//! nothing.

mod fetch;
mod page;
mod turn;

use std::time::Duration;

use inlet_adapters::{provider::CampaignReports, registry::adapter};
use inlet_domain::{ambient::Ambient, model::source::Source, secrets::Sealer};
use inlet_egress::Client;
use inlet_store::{
    apply::{Apply, ApplyError},
    database::Database,
    error::StoreError,
    records::{
        report_jobs::{self, HeldJob, PageDone},
        sources,
    },
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::page::Submitter;

/// How many reports one process fetches at the same time.
const WORKERS: usize = 2;

/// How often each worker searches for a job.
const POLL: Duration = Duration::from_secs(1);

/// A page takes up to 20 s to fetch and a few seconds to commit. A longer page renews the lease.
const LEASE: Duration = Duration::from_secs(120);

/// The pages of one turn. Then other due jobs go first.
const PAGES_A_TURN: usize = 20;

/// The failed attempts at one page before the report is given up. The last attempt comes about five hours after the
/// first.
const MOST_ATTEMPTS: i32 = 10;

/// The dependencies of the job.
#[derive(Clone)]
pub struct ReporterParts {
    /// Holds jobs and sources.
    pub database: Database,
    /// Commits the pages.
    pub apply: Apply,
    /// Opens the secrets of sources.
    pub sealer: Sealer,
    /// Time, ids and jitter.
    pub ambient: Ambient,
    /// The guarded client.
    pub client: Client,
}

/// The reason why a page could not be fetched or applied.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// A temporary failure.
    Again {
        /// The text that a member reads.
        error: String,
        /// The provider's `Retry-After`.
        after: Option<Duration>,
    },
    /// A permanent failure, with the text that a member reads.
    Final(String),
    /// No failure: Inlet is busy or stopping.
    Wait(Duration),
    /// Another process owns the job now.
    Lost,
    /// The database fails, so the job cannot record a result. Its lease will expire.
    Store(StoreError),
}

impl Trouble {
    fn again(error: String) -> Self {
        Self::Again { error, after: None }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ApplyError> for Trouble {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Overloaded { retry_after } | ApplyError::Unavailable { retry_after } => Self::Wait(retry_after),
            ApplyError::Stopping => Self::Wait(Duration::ZERO),
        }
    }
}

/// The running workers.
#[derive(Debug)]
pub struct Reporter {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Reporter {
    /// Starts the workers. Call it within a tokio runtime.
    #[must_use]
    pub fn start(parts: ReporterParts) -> Self {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        for _ in 0..WORKERS {
            tasks.spawn(Worker { parts: parts.clone(), stop: stop.clone() }.run());
        }
        tasks.close();
        Self { stop, tasks }
    }

    /// Begins no further page and releases the jobs, so that another process need not wait for the leases to expire
    /// (P13). Stop it before apply.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

struct Worker {
    parts: ReporterParts,
    stop: CancellationToken,
}

impl Worker {
    async fn run(self) {
        while !self.stop.is_cancelled() {
            let lease = self.parts.ambient.uuid();
            let worked = match report_jobs::claim(&self.parts.database, lease, LEASE).await {
                Ok(Some(held)) => self.work(held).await.map(|()| true),
                Ok(None) => Ok(false),
                Err(error) => Err(error),
            };
            if let Err(error) = &worked {
                tracing::warn!(
                    error = error as &dyn std::error::Error,
                    "a campaign's report was interrupted; trying again later"
                );
            }
            if !worked.unwrap_or(false) {
                let _ = self.stop.run_until_cancelled(tokio::time::sleep(POLL)).await;
            }
        }
    }

    /// Fetches and applies pages until the report ends, a page fails, or other jobs get their turn.
    async fn work(&self, mut held: HeldJob) -> Result<(), StoreError> {
        let database = &self.parts.database;
        let source = sources::by_id(database, held.scope(), &self.parts.sealer, held.source).await?;
        let Some(source) = source.filter(|source| !source.deleted) else {
            return self.settle(&held, Trouble::Final("the source of this report was deleted".to_owned())).await;
        };
        let Some(reports) = adapter(source.provider).campaign_reports() else {
            let said = format!(
                "Inlet cannot fetch reports of {}: it knows no report format of this provider",
                source.provider
            );
            return self.settle(&held, Trouble::Final(said)).await;
        };
        for _ in 0..PAGES_A_TURN {
            let done = match self.page(&held, &source, reports).await {
                Ok(done) => done,
                Err(trouble) => return self.settle(&held, trouble).await,
            };
            if done.last {
                return Ok(());
            }
            held.next_page += 1;
            held.attempts = 0;
            held.last_page = Some(done.digest);
        }
        report_jobs::put_off(database, &held, Duration::ZERO, None).await
    }

    /// Fetches and applies the next page, and moves the job on.
    async fn page(
        &self,
        held: &HeldJob,
        source: &Source,
        reports: &'static dyn CampaignReports,
    ) -> Result<PageDone, Trouble> {
        let url = reports.page_url(&fetch::target(&held.url, source, reports)?, held.next_page);
        let fetching = fetch::page(&self.parts.client, url, || self.parts.ambient.now());
        let fetched = self.stop.run_until_cancelled(fetching).await.unwrap_or(Err(Trouble::Wait(Duration::ZERO)))?;
        let page = page::read(reports, &fetched)?;
        let turn = turn::judge(held, &page)?;
        if turn.apply {
            Submitter { parts: &self.parts, held, source, reports }.submit(&fetched, &page.rows).await?;
        }
        if !report_jobs::advance(&self.parts.database, held, &turn.done, LEASE).await? {
            return Err(Trouble::Lost);
        }
        metrics::counter!("inlet_report_pages_total").increment(1);
        Ok(turn.done)
    }

    /// Releases the job, or gives the report up.
    async fn settle(&self, held: &HeldJob, trouble: Trouble) -> Result<(), StoreError> {
        let database = &self.parts.database;
        match trouble {
            Trouble::Lost => {
                tracing::info!(job = %held.id, "another process has taken over a campaign's report");
                Ok(())
            }
            Trouble::Store(error) => Err(error),
            Trouble::Wait(after) => report_jobs::put_off(database, held, after, None).await,
            Trouble::Again { error, after } if held.attempts + 1 < MOST_ATTEMPTS => {
                metrics::counter!("inlet_report_failures_total", "final" => "false").increment(1);
                tracing::info!(job = %held.id, page = held.next_page, error, "a page of a campaign's report failed; trying again later");
                let wait = backoff(held.attempts + 1, self.jitter()).max(after.unwrap_or_default());
                report_jobs::put_off(database, held, wait, Some(&error)).await
            }
            Trouble::Again { error, .. } | Trouble::Final(error) => {
                metrics::counter!("inlet_report_failures_total", "final" => "true").increment(1);
                tracing::warn!(job = %held.id, page = held.next_page, error, "a campaign's report was given up");
                report_jobs::fail(database, held, &error).await
            }
        }
    }

    fn jitter(&self) -> f64 {
        let mut byte = [0];
        self.parts.ambient.fill(&mut byte);
        f64::from(byte[0]) / 255.0
    }
}

/// The wait after attempt `number` (1, 2, 3 ...): three times as long each time, from 10 s to an hour, plus up to a
/// tenth.
fn backoff(number: i32, jitter: f64) -> Duration {
    let factor = 3_u64.saturating_pow(u32::try_from(number - 1).unwrap_or(0));
    let wait = Duration::from_secs(10_u64.saturating_mul(factor).min(3_600));
    wait.mul_f64(1.0 + 0.1 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn or_12_attempts_come_ever_more_seldom_and_end_after_hours() {
        assert_eq!([1, 2, 3, 7, 99].map(|number| backoff(number, 0.0).as_secs()), [10, 30, 90, 3_600, 3_600]);
        assert!(backoff(1, 1.0) > backoff(1, 0.0) && backoff(1, 1.0) <= Duration::from_secs(11));
        let all: Duration = (1..MOST_ATTEMPTS).map(|number| backoff(number, 0.0)).sum();
        assert!((4..6).contains(&(all.as_secs() / 3_600)), "{all:?}");
    }
}
