//! Sends what is in hand: workers for each webhook, within a bound for all.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use inlet_domain::{
    ambient::Ambient,
    ids::{WebhookId, WorkspaceId},
};
use inlet_egress::Client;
use inlet_store::records::deliveries::{Finish, Outbox, Settlement};
use tokio::sync::{Notify, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    endpoint_queues::{EndpointQueues, Job, Next},
    exchange, failpoint,
    lease::Lease,
    receiver::{Receiver, State},
    sockets::Sockets,
};

/// A job that is out of its worker's hands.
pub(crate) struct Done {
    pub(crate) webhook: WebhookId,
    pub(crate) lease: Arc<Lease>,
    pub(crate) end: End,
}

/// How a job ended.
pub(crate) enum End {
    /// It was attempted; `gone` where the endpoint wants no more, `recovering` where its webhook had been disabled.
    Attempted { finish: Box<Finish>, gone: bool, recovering: bool },
    /// It was not sent, for this reason.
    Settled { job: Box<Job>, as_: Settlement },
    /// Its lease does not stand for long enough: whoever claims it next sends it.
    Left,
}

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Deliverer {
    inner: Arc<Inner>,
}

/// After turns could not be taken, it goes on after so long.
const AFTER_ERROR: Duration = Duration::from_secs(1);

struct Inner {
    outbox: Outbox,
    client: Client,
    ambient: Ambient,
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
    /// Sends over at most `sockets` connections at once, with at most `in_hand` deliveries in memory; says on `done`
    /// what came of each. After `stop` nothing more is begun.
    pub(crate) fn new(
        outbox: Outbox,
        client: Client,
        ambient: Ambient,
        (sockets, in_hand): (usize, usize),
        done: mpsc::UnboundedSender<Done>,
        stop: CancellationToken,
    ) -> Self {
        let inner = Inner {
            outbox,
            client,
            ambient,
            queues: EndpointQueues::new(in_hand),
            sockets: Sockets::new(sockets),
            done,
            room: Notify::new(),
            workers: TaskTracker::new(),
            stop,
        };
        Self { inner: Arc::new(inner) }
    }

    /// What is in hand.
    pub(crate) fn queues(&self) -> &EndpointQueues {
        &self.inner.queues
    }

    /// Wakes who waits for room.
    pub(crate) fn room(&self) -> &Notify {
        &self.inner.room
    }

    /// Takes jobs in hand.
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

    /// Ends when the queue is empty, the lane has too many workers, or all stops.
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
                    // Whoever waits takes no room from others.
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
                tracing::warn!(%webhook, %error, "no turns could be taken; trying again");
                tokio::time::sleep(AFTER_ERROR).await;
            }
        }
    }

    /// Gives what no worker has begun the webhooks of these workspaces as they stand now.
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
        if !job.lease.stands_for(receiver.timeout + crate::lease::SLACK) {
            job.lease.give_up();
            return End::Left;
        }
        failpoint::pass("deliver.taken");
        let exchange =
            exchange::attempt(&self.inner.client, &self.inner.ambient, &job, (target, signer, headers)).await;
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

    /// Waits for what is being sent; call it after the stop.
    pub(crate) async fn finish(&self) {
        self.inner.workers.close();
        self.inner.workers.wait().await;
    }
}
