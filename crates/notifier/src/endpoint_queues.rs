//! The deliveries in memory, in one queue for each webhook (P9). Each queue has its own limit of concurrent requests,
//! which shrinks while the endpoint does not answer.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use inlet_domain::ids::{DeliveryId, InboundEventId, WebhookId, WorkspaceId};
use inlet_egress::HeaderValue;
use inlet_store::records::deliveries::Settlement;
use parking_lot::{Mutex, MutexGuard};

use crate::{
    lease::Lease,
    pace::{Hold, Pace},
    receiver::{Receiver, State as Standing},
};

/// An event as it is sent, shared by the deliveries of all webhooks.
pub(crate) struct Parcel {
    /// The message id, which is the event's id.
    pub(crate) id: HeaderValue,
    pub(crate) body: Bytes,
    /// The provider's request that caused the event, as far as it was looked up.
    pub(crate) cause: Option<InboundEventId>,
}

/// A delivery in memory.
pub(crate) struct Job {
    pub(crate) workspace: WorkspaceId,
    pub(crate) delivery: DeliveryId,
    pub(crate) receiver: Arc<Receiver>,
    pub(crate) parcel: Arc<Parcel>,
    pub(crate) lease: Arc<Lease>,
    /// The number of the next attempt: 1, 2, 3 ...
    pub(crate) number: i32,
    /// The number of attempts before the last manual redelivery.
    pub(crate) round_start: i32,
    pub(crate) sequence: Option<i64>,
}

/// The next step of a worker.
pub(crate) enum Next {
    /// Send this job. With `true`, start another worker too.
    Job(Box<Job>, bool),
    /// Ask again after this wait.
    Wait(Duration),
    /// Reserve turns of the rate limit, report them to [`EndpointQueues::grant`], and ask again.
    Turns {
        /// The workspace of the webhook.
        workspace: WorkspaceId,
        /// The rate limit, in requests a second.
        rate: u32,
        /// How many turns to reserve.
        count: u32,
    },
    /// The worker ends.
    Over,
}

/// How an endpoint treated a request, as far as the queue needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Well,
    Refusing,
    Silent,
}

/// How many parked deliveries of a deleted webhook are given up at a time.
const LOST: usize = 500;

struct EndpointQueue {
    workspace: WorkspaceId,
    queue: VecDeque<Job>,
    running: usize,
    in_hand: usize,
    width: usize,
    /// The most deliveries of the webhook in memory.
    capacity: usize,
    parked: bool,
    gone: Option<i64>,
    pace: Pace,
    /// Whether a worker waits for the next turn of the rate limit. One worker is enough.
    waiting: bool,
}

#[derive(Default)]
struct State {
    queues: HashMap<WebhookId, EndpointQueue>,
    in_hand: usize,
    /// Deliveries in memory of each workspace.
    of_workspace: HashMap<WorkspaceId, usize>,
}

impl State {
    /// How many more deliveries a workspace may have in memory: at most as many as it leaves to others.
    fn room(&self, workspace: WorkspaceId, limit: usize) -> usize {
        let mine = self.of_workspace.get(&workspace).copied().unwrap_or(0);
        limit.saturating_sub(self.in_hand).saturating_sub(mine)
    }
}

/// All queues of a process.
pub(crate) struct EndpointQueues {
    state: Mutex<State>,
    limit: usize,
}

impl EndpointQueue {
    fn new(workspace: WorkspaceId, receiver: Option<&Receiver>) -> Self {
        let width = receiver.map_or(1, |receiver| receiver.concurrency);
        Self {
            workspace,
            queue: VecDeque::new(),
            running: 0,
            in_hand: 0,
            width,
            capacity: receiver.map_or(LOST, |receiver| receiver.capacity(width)),
            parked: false,
            gone: None,
            pace: Pace::default(),
            waiting: false,
        }
    }

    fn room(&self) -> usize {
        self.capacity.saturating_sub(self.in_hand)
    }
}

impl EndpointQueues {
    /// Queues that hold at most `limit` deliveries in all.
    pub(crate) fn new(limit: usize) -> Self {
        Self { state: Mutex::default(), limit }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// How many more deliveries of a workspace fit in memory.
    pub(crate) fn room_of(&self, workspace: WorkspaceId) -> usize {
        self.state().room(workspace, self.limit)
    }

    /// How many more deliveries of any workspace fit in memory.
    pub(crate) fn room(&self) -> usize {
        self.limit.saturating_sub(self.state().in_hand)
    }

    /// For each of these webhooks: how many more deliveries fit in memory, and whether parked deliveries must go first.
    pub(crate) fn rooms<'a>(&self, receivers: impl Iterator<Item = &'a Receiver>) -> Vec<(usize, bool)> {
        let state = self.state();
        receivers
            .map(|receiver| {
                let all = state.room(receiver.workspace, self.limit);
                match state.queues.get(&receiver.id) {
                    None => (all.min(receiver.capacity(receiver.concurrency)), false),
                    // The webhook leaves as much to the others of its workspace.
                    Some(lane) => (all.saturating_sub(lane.in_hand).min(lane.room()), lane.parked),
                }
            })
            .collect()
    }

    /// Queues jobs. Returns for each webhook how many more workers it needs.
    pub(crate) fn push(&self, jobs: Vec<Job>) -> Vec<((WorkspaceId, WebhookId), usize)> {
        let mut state = self.state();
        let mut wanted: HashMap<(WorkspaceId, WebhookId), usize> = HashMap::new();
        for job in jobs {
            let webhook = job.receiver.id;
            state.in_hand += 1;
            *state.of_workspace.entry(job.workspace).or_default() += 1;
            let lane =
                state.queues.entry(webhook).or_insert_with(|| EndpointQueue::new(job.workspace, Some(&job.receiver)));
            lane.in_hand += 1;
            lane.queue.push_back(job);
            if lane.running < lane.width && !lane.waiting {
                lane.running += 1;
                *wanted.entry((lane.workspace, webhook)).or_default() += 1;
            }
        }
        wanted.into_iter().collect()
    }

    /// The next step of a worker of this webhook. `waited` tells that the worker comes from a wait.
    pub(crate) fn next(&self, webhook: WebhookId, now: Instant, waited: bool) -> Next {
        let mut state = self.state();
        let Some(lane) = state.queues.get_mut(&webhook) else { return Next::Over };
        if waited {
            lane.waiting = false;
        }
        let rate = lane.queue.front().map(|job| job.receiver.rate).filter(|_| lane.running <= lane.width);
        let Some(rate) = rate else {
            lane.running -= 1;
            return Next::Over;
        };
        if let Err(hold) = lane.pace.take(now, rate, lane.queue.len()) {
            if lane.waiting {
                lane.running -= 1;
                return Next::Over;
            }
            lane.waiting = true;
            return match hold {
                Hold::For(wait) => Next::Wait(wait),
                Hold::Turns { rate, count } => Next::Turns { workspace: lane.workspace, rate, count },
            };
        }
        let Some(job) = lane.queue.pop_front() else { return Next::Over };
        let another = (waited || lane.pace.is_set(rate)) && !lane.queue.is_empty() && lane.running < lane.width;
        lane.running += usize::from(another);
        Next::Job(Box::new(job), another)
    }

    /// Gives a webhook `count` turns at `rate` a second, the first after this wait from `now`.
    pub(crate) fn grant(&self, webhook: WebhookId, now: Instant, wait: Duration, (rate, count): (u32, u32)) {
        if let Some(lane) = self.state().queues.get_mut(&webhook) {
            lane.pace.grant(now, wait, rate, count);
        }
    }

    /// Sends nothing to an endpoint for as long as its `Retry-After` asked.
    pub(crate) fn hush(&self, webhook: WebhookId, now: Instant, wait: Duration) {
        if let Some(lane) = self.state().queues.get_mut(&webhook) {
            lane.pace.hush(now, wait);
        }
    }

    /// The workspaces of jobs that no worker has begun.
    pub(crate) fn queued(&self) -> HashSet<WorkspaceId> {
        let state = self.state();
        state.queues.values().filter(|lane| !lane.queue.is_empty()).map(|lane| lane.workspace).collect()
    }

    /// Applies the current settings of these workspaces' webhooks to jobs that no worker has begun. Removes the jobs
    /// that must not be sent any more, and returns them with their settlement.
    pub(crate) fn renew(
        &self,
        workspaces: &HashSet<WorkspaceId>,
        receivers: &HashMap<WebhookId, Arc<Receiver>>,
    ) -> Vec<(Job, Settlement)> {
        let mut state = self.state();
        let mut settled = Vec::new();
        for (webhook, lane) in state.queues.iter_mut().filter(|(_, lane)| workspaces.contains(&lane.workspace)) {
            let receiver = receivers.get(webhook);
            let as_ = match receiver.map(|receiver| &receiver.state) {
                None => Settlement::Deleted,
                Some(Standing::Disabled) => Settlement::Disabled,
                Some(Standing::Held) => Settlement::Held,
                Some(Standing::Active { .. }) => {
                    lane.capacity = receiver.map_or(LOST, |receiver| receiver.capacity(lane.width));
                    for (job, receiver) in lane.queue.iter_mut().zip(receiver.into_iter().cycle()) {
                        job.receiver = receiver.clone();
                    }
                    continue;
                }
            };
            settled.extend(lane.queue.drain(..).map(|job| (job, as_)));
        }
        settled
    }

    /// Records how an endpoint treated a request. Each unanswered request halves the limit of concurrent requests, down
    /// to one; each success raises it by one. Returns true if the queue needs another worker.
    pub(crate) fn heard(&self, receiver: &Receiver, health: Health) -> bool {
        let mut state = self.state();
        let Some(lane) = state.queues.get_mut(&receiver.id) else { return false };
        lane.width = match health {
            Health::Well => (lane.width + 1).min(receiver.concurrency),
            Health::Refusing => lane.width.min(receiver.concurrency),
            Health::Silent => (lane.width / 2).max(1),
        };
        lane.capacity = receiver.capacity(lane.width);
        let wanted = !lane.queue.is_empty() && lane.running < lane.width && !lane.waiting;
        if wanted {
            lane.running += 1;
        }
        wanted
    }

    /// Records that deliveries of these webhooks have left the memory.
    pub(crate) fn release(&self, webhooks: impl Iterator<Item = WebhookId>) {
        let mut state = self.state();
        for webhook in webhooks {
            state.in_hand = state.in_hand.saturating_sub(1);
            let State { queues, of_workspace, .. } = &mut *state;
            if let Some(lane) = queues.get_mut(&webhook) {
                lane.in_hand = lane.in_hand.saturating_sub(1);
                if let Some(mine) = of_workspace.get_mut(&lane.workspace) {
                    *mine = mine.saturating_sub(1);
                    if *mine == 0 {
                        of_workspace.remove(&lane.workspace);
                    }
                }
            }
        }
    }

    /// Records that the endpoint answered 410, at this revision of the webhook.
    pub(crate) fn gone(&self, receiver: &Receiver) {
        if let Some(lane) = self.state().queues.get_mut(&receiver.id) {
            lane.gone = Some(receiver.revision);
        }
    }

    /// Whether the endpoint answered 410 and the webhook has not changed since.
    pub(crate) fn is_gone(&self, receiver: &Receiver) -> bool {
        let state = self.state();
        state.queues.get(&receiver.id).is_some_and(|lane| lane.gone.is_some_and(|at| receiver.revision <= at))
    }

    /// Records that deliveries of these webhooks are parked in the database.
    pub(crate) fn park<'a>(&self, webhooks: impl IntoIterator<Item = (WorkspaceId, WebhookId, Option<&'a Receiver>)>) {
        let mut state = self.state();
        for (workspace, webhook, receiver) in webhooks {
            state.queues.entry(webhook).or_insert_with(|| EndpointQueue::new(workspace, receiver)).parked = true;
        }
    }

    /// The webhooks that have parked deliveries, with their room. Only webhooks with room for at least half of their
    /// capacity, or with an empty queue. They no longer count as parked until [`Self::park`] is called again.
    pub(crate) fn unpark(&self) -> Vec<(WorkspaceId, WebhookId, usize)> {
        let mut state = self.state();
        let mut all = self.limit.saturating_sub(state.in_hand);
        let mut found = Vec::new();
        let State { queues, of_workspace, .. } = &mut *state;
        // How much room each workspace has left after the webhooks that were chosen here.
        let mut mine = of_workspace.clone();
        for (webhook, lane) in queues {
            let mine = mine.entry(lane.workspace).or_default();
            let room = lane.room().min(all.saturating_sub(*mine).saturating_sub(lane.in_hand).div_ceil(2));
            if lane.parked && room > 0 && (room * 2 >= lane.capacity || lane.in_hand == 0) {
                lane.parked = false;
                all -= room;
                *mine += room;
                found.push((lane.workspace, *webhook, room));
            }
        }
        found
    }

    /// Removes all jobs that no worker has begun.
    pub(crate) fn drain(&self) -> Vec<Job> {
        self.state().queues.values_mut().flat_map(|lane| lane.queue.drain(..)).collect()
    }

    /// Deliveries in hand.
    pub(crate) fn in_hand(&self) -> usize {
        self.state().in_hand
    }
}

#[cfg(test)]
mod tests;
