//! Campaigns' reports, fetched page by page in the background (OR-12, OR-13).
//!
//! Apply writes a job with the campaign that is over. Whoever claims it fetches the pages in order; each is an inbound
//! event of its own, so that it stands in the raw log and can be replayed, and its rows have the keys that they would
//! have as reports that were posted. After a page is committed the job is moved on: a crash between the two repeats
//! that page, which changes nothing.

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

/// Reports that one process fetches at the same time.
const WORKERS: usize = 2;

/// How often each worker looks for a job.
const POLL: Duration = Duration::from_secs(1);

/// A page is fetched within 20 s and committed within a few; a longer one renews.
const LEASE: Duration = Duration::from_secs(120);

/// Pages before a job steps back for others that are due.
const PAGES_A_TURN: usize = 20;

/// Failed attempts at one page before the report is given up: the last comes about five hours after the first.
const MOST_ATTEMPTS: i32 = 10;

/// What the job needs.
#[derive(Clone)]
pub struct ReporterParts {
    /// Where jobs and sources are.
    pub database: Database,
    /// Where pages go.
    pub apply: Apply,
    /// Opens sources.
    pub sealer: Sealer,
    /// Time, ids and jitter.
    pub ambient: Ambient,
    /// The guarded client.
    pub client: Client,
}

/// Why a page could not be had or applied.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It may pass.
    Again {
        /// For people.
        error: String,
        /// When the provider wants to be asked again.
        after: Option<Duration>,
    },
    /// It will not pass by itself. For people.
    Final(String),
    /// Nothing is wrong but that Inlet is busy or stopping.
    Wait(Duration),
    /// Another process has taken the job over.
    Lost,
    /// The database fails: nothing can be noted, and the lease runs out.
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
    /// Starts to look for jobs. Call it within a tokio runtime.
    #[must_use]
    pub fn start(parts: ReporterParts) -> Self {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        for _ in 0..WORKERS {
            tasks.spawn(Worker { parts: parts.clone(), stop: stop.clone() }.run());
        }
        tasks.close();
        Self { stop, tasks }
    }

    /// Begins no further page and gives the jobs back, so that another process need not wait for their leases to run
    /// out (P13). Stop it before apply.
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
                tracing::warn!(error = error as &dyn std::error::Error, "a campaign's report was left; it comes again");
            }
            if !worked.unwrap_or(false) {
                let _ = self.stop.run_until_cancelled(tokio::time::sleep(POLL)).await;
            }
        }
    }

    /// Fetches and applies pages until the report ends, something is in the way, or others shall have their turn.
    async fn work(&self, mut held: HeldJob) -> Result<(), StoreError> {
        let database = &self.parts.database;
        let source = sources::by_id(database, held.scope(), &self.parts.sealer, held.source).await?;
        let Some(source) = source.filter(|source| !source.deleted) else {
            return self
                .settle(&held, Trouble::Final("the source that was told of the report is gone".to_owned()))
                .await;
        };
        let Some(reports) = adapter(source.provider).campaign_reports() else {
            let said = format!("reports of {} cannot be fetched: no documents describe them", source.provider);
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

    /// Gives the job back or up.
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
                tracing::info!(job = %held.id, page = held.next_page, error, "a page of a campaign's report is asked for again later");
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

/// The wait after the attempt of this number (1, 2, 3 ...): three times as long each time, from 10 s to an hour, and up
/// to a tenth longer.
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
