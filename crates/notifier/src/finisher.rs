//! Writes down what came of deliveries: one task that takes all that is waiting and writes it in one statement.

use std::{sync::Arc, time::Duration};

use inlet_domain::{
    ambient::Ambient,
    error::StoreError,
    heads::Heads,
    ids::{DeliveryId, WebhookId, WorkspaceId},
    store::deliveries::{Finish, Outbox, Settlement, Verdict},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    deliverer::{Deliverer, Done, End},
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

#[derive(Default)]
struct Batch {
    finishes: Vec<Finish>,
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
            let batch = sort(waiting.drain(..));
            if give_up.run_until_cancelled(self.write(&batch)).await.is_none() {
                tracing::warn!("stopped before all outcomes were written: those deliveries will be sent again");
                return;
            }
            self.leases.remove(&batch.closed);
            self.deliverer.lanes().release(batch.webhooks.into_iter());
            self.deliverer.room().notify_waiters();
        }
    }

    /// Until it is written: nothing that was sent may be forgotten while the database is away.
    async fn write(&self, batch: &Batch) {
        let mut wait = Duration::from_millis(50);
        while let Err(error) = self.try_write(batch).await {
            tracing::warn!(%error, "outcomes of deliveries could not be written; trying again");
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

fn sort(waiting: impl Iterator<Item = Done>) -> Batch {
    let mut batch = Batch::default();
    for done in waiting {
        batch.webhooks.push(done.webhook);
        if done.lease.done() {
            batch.closed.push(done.lease.id);
        }
        match done.end {
            End::Attempted { finish, gone } => {
                if gone {
                    batch.gone.push((finish.workspace, done.webhook));
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
