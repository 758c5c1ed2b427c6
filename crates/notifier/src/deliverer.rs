//! Sends the queued deliveries: several workers for each webhook, within one bound of sockets for all.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use inlet_domain::ids::{WebhookId, WorkspaceId};
use inlet_store::records::deliveries::{Finish, Outbox, Settlement};
use tokio::sync::{Notify, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    endpoint_queues::{EndpointQueues, Job, Next},
    exchange::Sender,
    failpoint,
    lease::Lease,
    receiver::{Receiver, State},
    sockets::Sockets,
};

/// A job that its worker has finished.
pub(crate) struct Done {
    pub(crate) webhook: WebhookId,
    pub(crate) lease: Arc<Lease>,
    pub(crate) end: End,
}

/// The end of a job.
pub(crate) enum End {
    /// The delivery was attempted. `gone`: the endpoint answered 410. `recovering`: the webhook had been disabled
    /// before.
    Attempted { finish: Box<Finish>, gone: bool, recovering: bool },
    /// The delivery was not sent, for this reason.
    Settled { job: Box<Job>, as_: Settlement },
    /// The lease is too short for an attempt. The process that claims the delivery next sends it.
    Left,
}

/// Sends deliveries. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Deliverer {
    inner: Arc<Inner>,
}

/// The pause after an error in reserving turns.
const AFTER_ERROR: Duration = Duration::from_secs(1);

struct Inner {
    outbox: Outbox,
    sender: Sender,
    queues: EndpointQueues,
    sockets: Sockets,
    done: mpsc::UnboundedSender<Done>,
    room: Notify,
    workers: TaskTracker,
    stop: CancellationToken,
}

impl std::fmt::Debug for Deliverer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deliverer").field("in_hand", &self.inner.queues.in_hand()).finish_non_exhaustive()
    }
}

impl Deliverer {
    /// Sends over at most `sockets` connections at once, with at most `in_hand` deliveries in memory, and reports each
    /// result to `done`. Begins nothing after `stop`.
    pub(crate) fn new(
        outbox: Outbox,
        sender: Sender,
        (sockets, in_hand): (usize, usize),
        done: mpsc::UnboundedSender<Done>,
        stop: CancellationToken,
    ) -> Self {
        let inner = Inner {
            outbox,
            sender,
            queues: EndpointQueues::new(in_hand),
            sockets: Sockets::new(sockets),
            done,
            room: Notify::new(),
            workers: TaskTracker::new(),
            stop,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The queues of deliveries in memory.
    pub(crate) fn queues(&self) -> &EndpointQueues {
        &self.inner.queues
    }

    /// Notified when a queue has room again.
    pub(crate) fn room(&self) -> &Notify {
        &self.inner.room
    }

    /// Queues jobs, and starts workers for them.
    pub(crate) fn submit(&self, jobs: Vec<Job>) {
        for ((workspace, webhook), workers) in self.inner.queues.push(jobs) {
            for _ in 0..workers {
                self.spawn(workspace, webhook);
            }
        }
    }

    fn spawn(&self, workspace: WorkspaceId, webhook: WebhookId) {
        let this = self.clone();
        self.inner.workers.spawn(async move { this.work(workspace, webhook).await });
    }

    /// Runs until the queue is empty, the webhook has too many workers, or the notifier stops.
    async fn work(&self, workspace: WorkspaceId, webhook: WebhookId) {
        let mut waited = false;
        loop {
            let socket = self.inner.sockets.acquire(workspace, webhook).await;
            if self.inner.stop.is_cancelled() {
                return;
            }
            let job = match self.inner.queues.next(webhook, Instant::now(), std::mem::take(&mut waited)) {
                Next::Over => return,
                Next::Job(job, another) => {
                    if another {
                        self.spawn(workspace, webhook);
                    }
                    *job
                }
                Next::Wait(wait) => {
                    // A worker that waits keeps no socket.
                    drop(socket);
                    if self.inner.stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                        return;
                    }
                    waited = true;
                    continue;
                }
                Next::Turns { workspace, rate, count } => {
                    drop(socket);
                    let taking = self.take_turns(workspace, webhook, (rate, count));
                    if self.inner.stop.run_until_cancelled(taking).await.is_none() {
                        return;
                    }
                    waited = true;
                    continue;
                }
            };
            let lease = job.lease.clone();
            let end = self.send(job).await;
            // The receiving end outlives the workers.
            let _ = self.inner.done.send(Done { webhook, lease, end });
            failpoint::pass("deliver.told");
        }
    }

    async fn take_turns(&self, workspace: WorkspaceId, webhook: WebhookId, (rate, count): (u32, u32)) {
        match self.inner.outbox.take_turns(workspace, webhook, rate, count).await {
            Ok(wait) => self.inner.queues.grant(webhook, Instant::now(), wait, (rate, count)),
            Err(error) => {
                tracing::warn!(%webhook, %error, "could not reserve turns of the rate limit; trying again");
                tokio::time::sleep(AFTER_ERROR).await;
            }
        }
    }

    /// Applies the current settings of these workspaces' webhooks to jobs that no worker has begun.
    pub(crate) fn renew(&self, workspaces: &HashSet<WorkspaceId>, receivers: &HashMap<WebhookId, Arc<Receiver>>) {
        for (job, as_) in self.inner.queues.renew(workspaces, receivers) {
            let (webhook, lease) = (job.receiver.id, job.lease.clone());
            let _ = self.inner.done.send(Done { webhook, lease, end: End::Settled { job: Box::new(job), as_ } });
        }
    }

    async fn send(&self, job: Job) -> End {
        let receiver = job.receiver.clone();
        let State::Active { target, signer, headers } = &receiver.state else {
            return End::Settled { job: Box::new(job), as_: Settlement::Held };
        };
        if self.inner.queues.is_gone(&receiver) {
            return End::Settled { job: Box::new(job), as_: Settlement::Disabled };
        }
        // The wait takes time of the lease, so the lease is checked after it.
        let _budget = self.inner.sender.reserve(&job, target).await;
        if !job.lease.stands_for(receiver.timeout + crate::lease::SLACK) {
            job.lease.give_up();
            return End::Left;
        }
        failpoint::pass("deliver.taken");
        let exchange = self.inner.sender.attempt(&job, (target, signer, headers)).await;
        failpoint::pass("deliver.sent");
        if exchange.gone {
            self.inner.queues.gone(&receiver);
        }
        if let Some(wait) = exchange.quiet {
            self.inner.queues.hush(receiver.id, Instant::now(), wait);
        }
        if self.inner.queues.heard(&receiver, exchange.health) {
            self.spawn(job.workspace, receiver.id);
        }
        let finish = Finish {
            workspace: job.workspace,
            delivery: job.delivery,
            lease: job.lease.id,
            verdict: exchange.verdict,
            attempt: exchange.attempt,
        };
        End::Attempted { finish: Box::new(finish), gone: exchange.gone, recovering: receiver.recovering }
    }

    /// Waits for the requests in flight; call it after the stop.
    pub(crate) async fn finish(&self) {
        self.inner.workers.close();
        self.inner.workers.wait().await;
    }
}
