//! Writes the results of deliveries: one task takes all waiting results and writes them in one statement.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use inlet_domain::{
    ambient::Ambient,
    ids::{DeliveryId, WebhookId, WorkspaceId},
};
use inlet_store::{
    error::StoreError,
    log::Heads,
    records::deliveries::{Fared, Finish, Outbox, Settlement, Verdict},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    deliverer::{Deliverer, Done, End},
    failpoint,
    lease::Leases,
};

/// The most deliveries in one statement.
const BATCH: usize = 500;

pub(crate) struct Finisher {
    pub(crate) outbox: Outbox,
    pub(crate) ambient: Ambient,
    pub(crate) heads: Heads,
    pub(crate) deliverer: Deliverer,
    pub(crate) leases: Arc<Leases>,
}

/// How long results are gathered: no caller waits for them, and each statement is a commit.
const GATHERING: Duration = Duration::from_millis(5);

/// How often the success of a healthy webhook is recorded, in case another process saw it fail.
const WELL_EVERY: TimeDelta = TimeDelta::seconds(60);

/// The recorded health of webhooks, so that not every batch writes it.
#[derive(Default)]
struct Told {
    failing: HashSet<WebhookId>,
    well: HashMap<WebhookId, DateTime<Utc>>,
}

#[derive(Default)]
struct Batch {
    finishes: Vec<Finish>,
    fared: HashMap<WebhookId, Fared>,
    recovered: HashSet<(WorkspaceId, WebhookId)>,
    settled: Vec<(WorkspaceId, DeliveryId, Uuid, Settlement)>,
    gone: Vec<(WorkspaceId, WebhookId)>,
    closed: Vec<Uuid>,
    webhooks: Vec<WebhookId>,
}

impl Finisher {
    /// Runs until `stop`, and then until nothing waits or `give_up`.
    pub(crate) async fn run(
        self,
        mut done: mpsc::UnboundedReceiver<Done>,
        stop: CancellationToken,
        give_up: CancellationToken,
    ) {
        let mut waiting = Vec::with_capacity(BATCH);
        let mut told = Told::default();
        loop {
            tokio::select! {
                biased;
                _ = done.recv_many(&mut waiting, BATCH) => {}
                () = stop.cancelled() => done.close(),
            }
            if waiting.is_empty() {
                if done.is_closed() {
                    return;
                }
                continue;
            }
            if waiting.len() < BATCH && stop.run_until_cancelled(tokio::time::sleep(GATHERING)).await.is_some() {
                waiting.extend(std::iter::from_fn(|| done.try_recv().ok()).take(BATCH - waiting.len()));
            }
            let batch = sort(waiting.drain(..));
            failpoint::pass("finish.collected");
            if give_up.run_until_cancelled(self.write(&batch)).await.is_none() {
                tracing::warn!("stopped before all results were written: those deliveries will be sent again");
                return;
            }
            failpoint::pass("finish.written");
            if let Err(error) = self.note(&batch, &mut told).await {
                tracing::warn!(%error, "could not record the health of webhooks; their next attempts will record it");
            }
            failpoint::pass("finish.noted");
            self.leases.remove(&batch.closed);
            self.deliverer.queues().release(batch.webhooks.into_iter());
            self.deliverer.room().notify_waiters();
        }
    }

    /// Counts failures, disables webhooks that only fail, and records that a disabled webhook works again.
    async fn note(&self, batch: &Batch, told: &mut Told) -> Result<(), StoreError> {
        let now = self.ambient.now();
        let news: Vec<Fared> = batch.fared.values().filter(|fared| told.is_news(fared, now)).cloned().collect();
        if !news.is_empty() {
            let failing = self.outbox.note_health(&news, now).await?;
            news.iter().for_each(|fared| told.note(fared, now));
            for (workspace, webhook) in failing {
                let heads = self.outbox.disable(&self.ambient, workspace, webhook, "failing").await?;
                self.heads.advance(heads);
            }
        }
        for (workspace, webhook) in &batch.recovered {
            let heads = self.outbox.recovered(&self.ambient, *workspace, *webhook).await?;
            self.heads.advance(heads);
        }
        Ok(())
    }

    /// Retries until the results are written: no result may be lost while the database is away.
    async fn write(&self, batch: &Batch) {
        let mut wait = Duration::from_millis(50);
        while let Err(error) = self.try_write(batch).await {
            tracing::warn!(%error, "could not write results of deliveries; trying again");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(2));
        }
    }

    async fn try_write(&self, batch: &Batch) -> Result<(), StoreError> {
        for (workspace, webhook) in &batch.gone {
            let heads = self.outbox.disable(&self.ambient, *workspace, *webhook, "gone").await?;
            self.heads.advance(heads);
        }
        if !batch.settled.is_empty() {
            self.outbox.settle(&batch.settled, self.ambient.now()).await?;
        }
        if !batch.finishes.is_empty() || !batch.closed.is_empty() {
            let lost = self.outbox.finish(&batch.finishes, &batch.closed).await?;
            count(&batch.finishes, lost.len());
        }
        Ok(())
    }
}

impl Told {
    fn is_news(&self, fared: &Fared, now: DateTime<Utc>) -> bool {
        let was_told = self.well.get(&fared.webhook).is_some_and(|at| now - *at < WELL_EVERY);
        fared.failures > 0 || self.failing.contains(&fared.webhook) || !was_told
    }

    fn note(&mut self, fared: &Fared, now: DateTime<Utc>) {
        if fared.failures > 0 {
            self.failing.insert(fared.webhook);
            self.well.remove(&fared.webhook);
        } else {
            self.failing.remove(&fared.webhook);
            self.well.retain(|_, at| now - *at < WELL_EVERY);
            self.well.insert(fared.webhook, now);
        }
    }
}

fn sort(waiting: impl Iterator<Item = Done>) -> Batch {
    let mut batch = Batch::default();
    for done in waiting {
        batch.webhooks.push(done.webhook);
        if done.lease.done() {
            batch.closed.push(done.lease.id);
        }
        match done.end {
            End::Attempted { finish, gone, recovering } => {
                if gone {
                    batch.gone.push((finish.workspace, done.webhook));
                }
                let succeeded = finish.verdict == Verdict::Succeeded;
                if succeeded && recovering {
                    batch.recovered.insert((finish.workspace, done.webhook));
                }
                let began = finish.attempt.started_at;
                let fared = batch.fared.entry(done.webhook).or_insert(Fared {
                    workspace: finish.workspace,
                    webhook: done.webhook,
                    succeeded: false,
                    failures: 0,
                    failing_since: began,
                });
                if succeeded {
                    (fared.succeeded, fared.failures) = (true, 0);
                } else {
                    fared.failing_since = if fared.failures == 0 { began } else { fared.failing_since.min(began) };
                    fared.failures += 1;
                }
                batch.finishes.push(*finish);
            }
            End::Settled { job, as_ } => batch.settled.push((job.workspace, job.delivery, job.lease.id, as_)),
            End::Left => {}
        }
    }
    batch
}

fn count(finishes: &[Finish], lost: usize) {
    let (mut succeeded, mut retried, mut exhausted) = (0, 0, 0);
    for finish in finishes {
        match finish.verdict {
            Verdict::Succeeded => succeeded += 1,
            Verdict::Retry { .. } => retried += 1,
            Verdict::Exhausted => exhausted += 1,
        }
        if let Some(kind) = finish.attempt.error_kind {
            metrics::counter!("inlet_delivery_failures_total", "kind" => kind).increment(1);
        }
    }
    for (outcome, number) in [("succeeded", succeeded), ("retry", retried), ("exhausted", exhausted)] {
        if number > 0 {
            metrics::counter!("inlet_delivery_attempts_total", "outcome" => outcome).increment(number);
        }
    }
    if lost > 0 {
        metrics::counter!("inlet_delivery_leases_lost_total").increment(u64::try_from(lost).unwrap_or(0));
    }
}
