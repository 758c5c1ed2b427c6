//! Outbound webhooks: the dispatcher and the deliverer.
//!
//! ```text
//! log --dispatcher--> delivery rows, leased --queues--> workers --HTTP--> endpoint
//!                          ^                              |
//!                          +--claimer (retries, parked)   +--> finisher: outcomes, many in one statement
//! ```
//!
//! The dispatcher turns each page of a workspace's log into delivery rows exactly once and hands them on in memory,
//! so a first attempt costs no claim. Nothing is sent in a transaction. An outcome counts only if the lease that the
//! request was sent under still stands, so what a dead process held can be taken over.

mod backoff;
mod body_budget;
mod claimer;
mod deliverer;
mod dispatcher;
mod endpoint_queues;
mod envelope;
mod exchange;
mod failpoint;
mod finisher;
mod lease;
mod mail;
mod pace;
mod receiver;
mod signing;
mod sockets;
mod spans;

use std::{sync::Arc, time::Duration};

use inlet_domain::{ambient::Ambient, secrets::Sealer};
use inlet_egress::Client;
use inlet_store::{
    database::Database,
    log::Heads,
    records::deliveries::{Outbox, Settlement},
};
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    body_budget::BodyBudget, claimer::Claimer, deliverer::Deliverer, dispatcher::Dispatcher, exchange::Sender,
    finisher::Finisher, lease::Leases,
};
pub use crate::{
    mail::{MailHook, MailHookError, Postman},
    spans::Traceparent,
};

/// The bounds of the notifier.
#[derive(Debug, Clone)]
pub struct NotifierConfig {
    /// Concurrent requests in all. One webhook has at most 64 of them, and a workspace at most as many as it leaves
    /// free.
    pub sockets: usize,
    /// Deliveries in memory. A workspace has at most as many as it leaves to others.
    pub in_hand: usize,
    /// Workspaces whose logs are read at the same time.
    pub dispatchers: usize,
    /// Connections of the notifier's own database pool.
    pub connections: u32,
    /// The period of the slow poll behind the signals, and the longest delay of a retry.
    pub poll: Duration,
    /// How long a stop waits for requests in flight.
    pub drain: Duration,
    /// Makes the `traceparent` header of an attempt.
    pub traceparent: Traceparent,
}

impl Default for NotifierConfig {
    fn default() -> Self {
        Self {
            sockets: 512,
            in_hand: 8_192,
            dispatchers: 2,
            connections: 5,
            poll: Duration::from_secs(1),
            drain: Duration::from_secs(10),
            traceparent: |_| None,
        }
    }
}

/// The running notifier.
#[derive(Debug)]
pub struct Notifier {
    begin: CancellationToken,
    finish: CancellationToken,
    give_up: CancellationToken,
    readers: TaskTracker,
    writers: TaskTracker,
    deliverer: Deliverer,
    outbox: Outbox,
    ambient: Ambient,
    drain: Duration,
}

impl Notifier {
    /// Starts to follow every workspace's log. Call it within a tokio runtime.
    #[must_use]
    pub fn start(
        database: Database,
        heads: Heads,
        sealer: Sealer,
        ambient: Ambient,
        client: Client,
        config: NotifierConfig,
    ) -> Self {
        let (begin, finish, give_up) = (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
        let (readers, writers) = (TaskTracker::new(), TaskTracker::new());
        let outbox = Outbox::new(&database, sealer, &ambient, config.connections);
        let leases = Arc::new(Leases::default());
        let (done, outcomes) = mpsc::unbounded_channel();
        let bounds = (config.sockets, config.in_hand);
        let sender =
            Sender { client, ambient: ambient.clone(), traceparent: config.traceparent, bodies: BodyBudget::default() };
        let deliverer = Deliverer::new(outbox.clone(), sender, bounds, done, begin.clone());

        let finisher = Finisher {
            outbox: outbox.clone(),
            ambient: ambient.clone(),
            heads: heads.clone(),
            deliverer: deliverer.clone(),
            leases: leases.clone(),
        };
        writers.spawn(finisher.run(outcomes, finish.clone(), give_up.clone()));
        let (keeper, kept) = (leases.clone(), outbox.clone());
        let stopped = finish.clone();
        writers.spawn(async move { keeper.keep(kept, stopped).await });
        let dispatcher = Dispatcher {
            outbox: outbox.clone(),
            ambient: ambient.clone(),
            heads,
            deliverer: deliverer.clone(),
            leases,
            parallel: config.dispatchers.max(1),
            poll: config.poll,
        };
        readers.spawn(dispatcher.run(begin.clone()));
        let claimer = Claimer {
            outbox: outbox.clone(),
            ambient: ambient.clone(),
            deliverer: deliverer.clone(),
            poll: config.poll,
        };
        readers.spawn(claimer.run(begin.clone()));
        readers.close();
        writers.close();
        Self { begin, finish, give_up, readers, writers, deliverer, outbox, ambient, drain: config.drain }
    }

    /// Begins nothing more, finishes the requests in flight within the drain time, and releases the leases of unsent
    /// deliveries, so that another process need not wait for them to expire (P13).
    pub async fn stop(&self) {
        self.begin.cancel();
        let under_way = async {
            self.readers.wait().await;
            self.deliverer.finish().await;
        };
        if tokio::time::timeout(self.drain, under_way).await.is_err() {
            tracing::warn!("requests were still in flight at the end of the drain time; they will be sent again");
        }
        self.finish.cancel();
        if tokio::time::timeout(Duration::from_secs(5), self.writers.wait()).await.is_err() {
            self.give_up.cancel();
            self.writers.wait().await;
        }
        let unsent: Vec<_> = self
            .deliverer
            .queues()
            .drain()
            .into_iter()
            .map(|job| (job.workspace, job.delivery, job.lease.id, Settlement::Released))
            .collect();
        for chunk in unsent.chunks(1_000) {
            if let Err(error) = self.outbox.settle(chunk, self.ambient.now()).await {
                tracing::warn!(%error, "could not release deliveries; their leases will expire");
                return;
            }
        }
        if let Err(error) = self.outbox.release().await {
            tracing::warn!(%error, "could not release leases; they will expire");
        }
    }

    /// Deliveries in memory: waiting, or being sent.
    #[must_use]
    pub fn in_hand(&self) -> usize {
        self.deliverer.queues().in_hand()
    }
}
