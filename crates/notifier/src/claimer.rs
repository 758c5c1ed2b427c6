//! Claims deliveries: retries that are due, deliveries of a dead process, and parked deliveries whose webhook has room.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use inlet_domain::{
    ambient::Ambient,
    ids::{DeliveryId, WebhookId, WorkspaceId},
};
use inlet_store::{
    error::StoreError,
    records::deliveries::{Claimed, Outbox, Settlement},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    deliverer::Deliverer,
    dispatcher::pack,
    endpoint_queues::Job,
    failpoint,
    lease::{Lease, MARGIN},
    receiver::{Receiver, State},
    spans,
};

/// The most deliveries of one claim.
const BATCH: usize = 200;
/// The duration of a claim. A claimed delivery may wait in its webhook's queue before it is sent.
const LASTS: Duration = Duration::from_secs(60);
/// The most pages of dead processes that one pass takes over.
const PAGES: i64 = 50;
/// Deliveries that other processes parked are searched for once in this many polls.
const POLLS_A_LOOK: u32 = 5;

pub(crate) struct Claimer {
    pub(crate) outbox: Outbox,
    pub(crate) ambient: Ambient,
    pub(crate) deliverer: Deliverer,
    pub(crate) poll: Duration,
}

impl Claimer {
    /// Runs until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut polls = 0_u32;
        loop {
            let room = self.deliverer.room().notified();
            tokio::pin!(room);
            room.as_mut().enable();
            let wait = match self.pass(polls.is_multiple_of(POLLS_A_LOOK)).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::warn!(%error, "retries could not be claimed; trying again");
                    self.poll
                }
            };
            polls = polls.wrapping_add(1);
            let timer = tokio::time::sleep(wait.min(self.poll));
            tokio::pin!(timer);
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = &mut timer => break,
                    () = &mut room => {
                        if let Err(error) = self.refill().await {
                            tracing::warn!(%error, "parked deliveries could not be claimed; trying again");
                        }
                        room.set(self.deliverer.room().notified());
                    }
                }
            }
        }
    }

    /// Claims deliveries that are due. Returns the wait until the next one is due.
    async fn pass(&self, look_for_parked: bool) -> Result<Duration, StoreError> {
        let freed = self.outbox.recover(PAGES).await?;
        if freed > 0 {
            tracing::info!(deliveries = freed, "took over unfinished deliveries of another process");
            metrics::counter!("inlet_delivery_recovered_total").increment(freed);
        }
        if look_for_parked {
            let parked = self.outbox.parked(1_000).await?;
            let receivers = self.receivers(parked.iter().map(|(workspace, _)| *workspace)).await?;
            // A held delivery stays as it is until its webhook is resumed.
            let is_held =
                |webhook: WebhookId| receivers.get(&webhook).is_some_and(|it| matches!(it.state, State::Held));
            let known = |webhook| receivers.get(&webhook).map(AsRef::as_ref);
            let parked = parked.into_iter().filter(|(_, webhook)| !is_held(*webhook));
            self.deliverer.queues().park(parked.map(|(workspace, webhook)| (workspace, webhook, known(webhook))));
        }
        let queued = self.deliverer.queues().queued();
        if !queued.is_empty() {
            self.deliverer.renew(&queued, &self.receivers(queued.iter().copied()).await?);
        }
        self.refill().await?;
        loop {
            let limit = BATCH.min(self.deliverer.queues().room());
            if limit == 0 {
                return Ok(self.poll);
            }
            let (lease, asked) = (self.ambient.uuid(), Instant::now());
            let claimed = self.outbox.claim_due(lease, LASTS + MARGIN, i64::try_from(limit).unwrap_or(0)).await?;
            let all = claimed.len();
            self.take(lease, asked, claimed).await?;
            if all < limit {
                return Ok(self.outbox.next_due().await?.unwrap_or(self.poll));
            }
        }
    }

    /// Claims parked deliveries of webhooks that have room for them.
    async fn refill(&self) -> Result<(), StoreError> {
        let wanted = self.deliverer.queues().unpark();
        if wanted.is_empty() {
            return Ok(());
        }
        let rooms: Vec<_> = wanted
            .iter()
            .map(|(workspace, webhook, room)| (*workspace, *webhook, i64::try_from((*room).min(BATCH)).unwrap_or(0)))
            .collect();
        let (lease, asked) = (self.ambient.uuid(), Instant::now());
        let outcome = self.outbox.claim_parked(lease, LASTS + MARGIN, &rooms).await;
        let mut taken: HashMap<WebhookId, i64> = HashMap::new();
        for claimed in outcome.iter().flatten() {
            *taken.entry(claimed.webhook).or_default() += 1;
        }
        // A full claim may leave more parked deliveries. After an error their number is unknown. In both cases the
        // webhook counts as parked again.
        self.deliverer.queues().park(
            rooms
                .iter()
                .filter(|(_, webhook, room)| outcome.is_err() || taken.get(webhook) == Some(room))
                .map(|(workspace, webhook, _)| (*workspace, *webhook, None)),
        );
        self.take(lease, asked, outcome?).await
    }

    async fn receivers(
        &self,
        workspaces: impl Iterator<Item = WorkspaceId>,
    ) -> Result<HashMap<WebhookId, Arc<Receiver>>, StoreError> {
        let mut workspaces: Vec<_> = workspaces.collect();
        workspaces.sort_unstable();
        workspaces.dedup();
        if workspaces.is_empty() {
            return Ok(HashMap::new());
        }
        let stored = self.outbox.receivers(&workspaces).await?;
        Ok(stored.into_iter().map(|stored| (stored.webhook.id, Arc::new(Receiver::new(stored)))).collect())
    }

    /// Queues the deliveries that can be sent, and settles the others.
    async fn take(&self, lease: Uuid, asked: Instant, claimed: Vec<Claimed>) -> Result<(), StoreError> {
        if claimed.is_empty() {
            return Ok(());
        }
        failpoint::pass("claim.claimed");
        let span = spans::claim(claimed.len());
        let lines = claimed.iter().filter_map(|claimed| Some((claimed.workspace, claimed.line.as_ref()?)));
        let events = spans::findable(&span, lines);
        let causes = spans::link(&span, &self.outbox, events).await;
        let receivers = self.receivers(claimed.iter().map(|claimed| claimed.workspace)).await?;
        let queues = self.deliverer.queues();
        let mut rooms: HashMap<WebhookId, usize> = receivers
            .values()
            .zip(queues.rooms(receivers.values().map(AsRef::as_ref)))
            .map(|(receiver, (room, _))| (receiver.id, room))
            .collect();
        let lease = Lease::new(lease, asked, LASTS + MARGIN, claimed.len());
        let mut jobs = Vec::with_capacity(claimed.len());
        let mut settled: Vec<(WorkspaceId, DeliveryId, Uuid, Settlement)> = Vec::new();
        let mut parked = Vec::new();
        for claimed in claimed {
            let mut settle = |as_| settled.push((claimed.workspace, claimed.delivery, lease.id, as_));
            let (receiver, line) = match (receivers.get(&claimed.webhook), &claimed.line) {
                (Some(receiver), Some(line)) => (receiver, line),
                (None, _) => {
                    settle(Settlement::Deleted);
                    continue;
                }
                (_, None) => {
                    settle(Settlement::Trimmed);
                    continue;
                }
            };
            match receiver.state {
                State::Disabled => settle(Settlement::Disabled),
                State::Held => settle(Settlement::Held),
                State::Active { .. } => match rooms.get_mut(&receiver.id).filter(|room| **room > 0) {
                    None => {
                        settle(Settlement::Parked);
                        parked.push((claimed.workspace, receiver.id, Some(receiver.as_ref())));
                    }
                    Some(room) => {
                        *room -= 1;
                        jobs.push(Job {
                            workspace: claimed.workspace,
                            delivery: claimed.delivery,
                            receiver: receiver.clone(),
                            parcel: Arc::new(pack(claimed.workspace, line, &causes)),
                            lease: lease.clone(),
                            number: claimed.attempts.saturating_add(1),
                            round_start: claimed.round_start,
                            sequence: claimed.sequence,
                        });
                    }
                },
            }
        }
        span.record("inlet.deliveries", jobs.len());
        self.deliverer.submit(jobs);
        failpoint::pass("claim.submitted");
        if !settled.is_empty() {
            self.outbox.settle(&settled, self.ambient.now()).await?;
        }
        failpoint::pass("claim.settled");
        queues.park(parked);
        Ok(())
    }
}
