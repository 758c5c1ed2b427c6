//! Writes deliveries from the log: follows each workspace's log from its cursor, page by page, workspaces in parallel.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use inlet_domain::{
    ambient::Ambient,
    ids::{WebhookId, WorkspaceId},
};
use inlet_egress::HeaderValue;
use inlet_store::{
    error::StoreError,
    log::Heads,
    records::deliveries::{Disposition, LogLine, NewDelivery, NewPage, Outbox, delivery_id},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    deliverer::Deliverer,
    endpoint_queues::{Job, Parcel},
    envelope, failpoint,
    lease::{Lease, Leases, MARGIN},
    receiver::{Receiver, State},
    spans::{self, Causes},
};

/// The most log entries of one page, and the intended number of deliveries of a page.
const PAGE: usize = 500;
const DELIVERIES: usize = 2_000;

/// After this many pages the next workspace has its turn.
const PAGES_A_TURN: usize = 8;

/// How long the dispatcher remembers that a workspace has no cursor, which means that it never had a webhook.
const WITHOUT_CURSOR: Duration = Duration::from_millis(200);
/// The pause after another process dispatched the page first.
const AFTER_LOSS: Duration = Duration::from_millis(100);
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// The most workspaces of one slow poll.
const POLLED: i64 = 200;

/// The result of a worker's turn.
enum Turn {
    /// The worker has read the log to its end, at this number.
    CaughtUp(i64),
    /// The log has more entries.
    More,
    /// The log has more entries, but the queues have no room.
    Full,
    /// Try again after this wait.
    Later(Duration),
}

#[derive(Default)]
struct Follower {
    known: i64,
    running: bool,
    queued: bool,
    again: bool,
    not_before: Option<Instant>,
    full: bool,
}

pub(crate) struct Dispatcher {
    pub(crate) outbox: Outbox,
    pub(crate) ambient: Ambient,
    pub(crate) heads: Heads,
    pub(crate) deliverer: Deliverer,
    pub(crate) leases: Arc<Leases>,
    pub(crate) parallel: usize,
    pub(crate) poll: Duration,
}

/// The webhooks of a workspace at one fingerprint.
#[derive(Clone, Default)]
struct Known {
    fingerprint: String,
    receivers: Vec<Arc<Receiver>>,
}

impl Dispatcher {
    /// Runs until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let this = Arc::new(self);
        let mut followers: HashMap<WorkspaceId, Follower> = HashMap::new();
        let mut known: HashMap<WorkspaceId, Known> = HashMap::new();
        let mut queue: VecDeque<WorkspaceId> = VecDeque::new();
        let mut turns: JoinSet<(WorkspaceId, Known, Result<Turn, StoreError>)> = JoinSet::new();
        let mut watch = this.heads.watch();
        watch.mark_changed();
        let mut poll = tokio::time::interval(this.poll);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut polled = Uuid::nil();
        let mut history = this.heads.turn();

        loop {
            let room = this.deliverer.room().notified();
            tokio::pin!(room);
            room.as_mut().enable();
            while turns.len() < this.parallel {
                let Some(workspace) = queue.pop_front() else { break };
                let follower = followers.entry(workspace).or_default();
                (follower.queued, follower.running, follower.again) = (false, true, false);
                let (this, mine) = (this.clone(), known.remove(&workspace).unwrap_or_default());
                turns.spawn(async move {
                    let mut mine = mine;
                    let turn = this.turn(workspace, &mut mine).await;
                    (workspace, mine, turn)
                });
            }
            let wake = followers.values().filter_map(|follower| follower.not_before).min();
            tokio::select! {
                () = stop.cancelled() => break,
                changed = watch.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    watch.mark_unchanged();
                    let turn = this.heads.turn();
                    if std::mem::replace(&mut history, turn) != turn {
                        // After a failover the logs may be shorter, and the webhooks may differ.
                        known.clear();
                        followers.values_mut().for_each(|follower| follower.known = 0);
                    }
                    for (workspace, head) in this.heads.all() {
                        let follower = followers.entry(workspace).or_default();
                        if head > follower.known {
                            enqueue(workspace, follower, &mut queue);
                        }
                    }
                }
                Some(ended) = turns.join_next() => {
                    // The slow poll repeats a turn that panicked.
                    let Ok((workspace, mine, turn)) = ended else { continue };
                    known.insert(workspace, mine);
                    let follower = followers.entry(workspace).or_default();
                    follower.running = false;
                    match turn {
                        Ok(Turn::CaughtUp(seq)) => {
                            follower.known = follower.known.max(seq);
                            if follower.again && this.heads.of(workspace) > follower.known {
                                enqueue(workspace, follower, &mut queue);
                            }
                        }
                        Ok(Turn::More) => enqueue(workspace, follower, &mut queue),
                        Ok(Turn::Full) => follower.full = true,
                        Ok(Turn::Later(wait)) => follower.not_before = Some(Instant::now() + wait),
                        Err(error) => {
                            tracing::warn!(%workspace, %error, "the log could not be dispatched; trying again");
                            follower.not_before = Some(Instant::now() + AFTER_ERROR);
                        }
                    }
                }
                () = &mut room => {
                    for (workspace, follower) in followers.iter_mut().filter(|(_, follower)| follower.full) {
                        follower.full = false;
                        enqueue(*workspace, follower, &mut queue);
                    }
                }
                () = until(wake) => {
                    let now = Instant::now();
                    for (workspace, follower) in &mut followers {
                        if follower.not_before.is_some_and(|at| at <= now) {
                            follower.not_before = None;
                            enqueue(*workspace, follower, &mut queue);
                        }
                    }
                }
                _ = poll.tick() => match this.outbox.behind(polled, POLLED).await {
                    Ok((behind, next)) => {
                        polled = next.unwrap_or(Uuid::nil());
                        for workspace in behind {
                            enqueue(workspace, followers.entry(workspace).or_default(), &mut queue);
                        }
                    }
                    Err(error) => tracing::warn!(%error, "the slow poll of the logs failed"),
                },
            }
        }
        // A page that is being written is finished. Its leases are released with the others.
        while turns.join_next().await.is_some() {}
    }

    /// Dispatches some pages of one workspace.
    async fn turn(&self, workspace: WorkspaceId, known: &mut Known) -> Result<Turn, StoreError> {
        for _ in 0..PAGES_A_TURN {
            let Some(limit) = self.page_size(known) else { return Ok(Turn::Full) };
            let whole = !known.receivers.is_empty();
            let page = self.outbox.read_page(workspace, i64::try_from(limit).unwrap_or(i64::MAX), whole).await?;
            let Some(page) = page else { return Ok(Turn::Later(WITHOUT_CURSOR)) };
            let Some(last) = page.lines.last() else { return Ok(Turn::CaughtUp(page.cursor)) };
            if page.lines[0].seq != page.cursor + 1 {
                tracing::error!(
                    %workspace, cursor = page.cursor, next = page.lines[0].seq,
                    "the log was trimmed ahead of the dispatcher: the trimmed events were not delivered"
                );
            }
            let (to, full) = (last.seq, page.lines.len() == limit);
            if known.fingerprint != page.fingerprint {
                let stored = self.outbox.receivers(&[workspace]).await?;
                known.receivers = stored.into_iter().map(|stored| Arc::new(Receiver::new(stored))).collect();
                known.fingerprint = page.fingerprint;
            }
            if !whole && !known.receivers.is_empty() {
                continue;
            }
            if !self.dispatch(workspace, &known.receivers, &page.lines, page.cursor, to).await? {
                return Ok(Turn::Later(AFTER_LOSS));
            }
            if !full {
                return Ok(Turn::CaughtUp(to));
            }
        }
        Ok(Turn::More)
    }

    /// How many entries to read for the room of the queues; `None` means that the worker waits. The events of a
    /// workspace's only webhook can wait in the log. With several webhooks, a full one must not delay the others.
    fn page_size(&self, known: &Known) -> Option<usize> {
        let active = || known.receivers.iter().filter(|receiver| receiver.is_active()).map(AsRef::as_ref);
        let queues = self.deliverer.queues();
        match active().count() {
            0 => Some(PAGE),
            1 => {
                let (room, _) = queues.rooms(active())[0];
                (room >= 16).then_some(room.min(PAGE))
            }
            // Deliveries beyond the workspace's room are parked, and delay no other webhook.
            several => (queues.room() > 0).then_some((DELIVERIES / several).clamp(10, PAGE)),
        }
    }

    /// Writes the deliveries of a page and queues them. Returns false if another process wrote the page first.
    async fn dispatch(
        &self,
        workspace: WorkspaceId,
        receivers: &[Arc<Receiver>],
        lines: &[LogLine],
        from: i64,
        to: i64,
    ) -> Result<bool, StoreError> {
        let span = spans::dispatch(workspace, lines.len());
        let mut rooms = self.deliverer.queues().rooms(receivers.iter().map(AsRef::as_ref));
        let mut room_of_all = self.deliverer.queues().room_of(workspace);
        let mut deliveries = Vec::with_capacity(lines.len());
        let mut leased = Vec::with_capacity(lines.len());
        let mut numbered: HashMap<WebhookId, i64> = HashMap::new();
        let mut parked: HashMap<WebhookId, &Receiver> = HashMap::new();
        for (index, line) in lines.iter().enumerate() {
            for (receiver, (room, waiting)) in receivers.iter().zip(&mut rooms) {
                if !receiver.wants(line) {
                    continue;
                }
                let disposition = match receiver.state {
                    State::Disabled => Disposition::Skipped,
                    State::Held => Disposition::Held,
                    State::Active { .. } if *room == 0 || *waiting || room_of_all == 0 => Disposition::Parked,
                    State::Active { .. } => Disposition::Leased,
                };
                let id = delivery_id(line.id, receiver.id);
                match disposition {
                    Disposition::Leased => {
                        let ordinal = numbered.entry(receiver.id).or_default();
                        *ordinal += 1;
                        *room -= 1;
                        room_of_all -= 1;
                        leased.push((index, receiver, id, *ordinal));
                    }
                    Disposition::Parked => {
                        // Deliveries behind a parked one wait too.
                        *waiting = true;
                        parked.insert(receiver.id, receiver.as_ref());
                    }
                    Disposition::Held | Disposition::Skipped => {}
                }
                deliveries.push(NewDelivery {
                    id,
                    webhook: receiver.id,
                    event: line.id,
                    event_seq: line.seq,
                    event_type: line.kind.clone(),
                    disposition,
                });
            }
        }
        let longest = leased.iter().map(|(_, receiver, ..)| receiver.timeout).max().unwrap_or_default();
        let page = NewPage { lease: self.ambient.uuid(), from, to, lease_for: longest + MARGIN, deliveries };
        failpoint::pass("dispatch.read");
        let asked = Instant::now();
        let Some(last) = self.outbox.write_page(workspace, &page, self.ambient.now()).await? else { return Ok(false) };
        failpoint::pass("dispatch.written");
        span.record("inlet.deliveries", page.deliveries.len());
        self.deliverer
            .queues()
            .park(parked.into_iter().map(|(webhook, receiver)| (workspace, webhook, Some(receiver))));
        if leased.is_empty() {
            return Ok(true);
        }
        let lease = Lease::new(page.lease, asked, page.lease_for, leased.len());
        self.leases.add(lease.clone());
        let events = spans::findable(&span, leased.iter().map(|(index, ..)| (workspace, &lines[*index])));
        let causes = spans::link(&span, &self.outbox, events).await;
        let mut parcel: Option<(usize, Arc<Parcel>)> = None;
        let mut jobs = Vec::with_capacity(leased.len());
        for (index, receiver, delivery, ordinal) in leased {
            let parcel = match &parcel {
                Some((of, parcel)) if *of == index => parcel.clone(),
                _ => {
                    let made = Arc::new(pack(workspace, &lines[index], &causes));
                    parcel = Some((index, made.clone()));
                    made
                }
            };
            let sequence = last.get(&receiver.id).map(|last| last - numbered[&receiver.id] + ordinal);
            let (receiver, lease) = (receiver.clone(), lease.clone());
            jobs.push(Job { workspace, delivery, receiver, parcel, lease, number: 1, round_start: 0, sequence });
        }
        self.deliverer.submit(jobs);
        failpoint::pass("dispatch.submitted");
        Ok(true)
    }
}

/// Makes the parcel of a log entry.
pub(crate) fn pack(workspace: WorkspaceId, line: &LogLine, causes: &Causes) -> Parcel {
    let id = HeaderValue::from_str(&line.id.to_string()).unwrap_or_else(|_| HeaderValue::from_static(""));
    Parcel { id, body: envelope::body(workspace, line), cause: causes.get(&line.id).copied() }
}

fn enqueue(workspace: WorkspaceId, follower: &mut Follower, queue: &mut VecDeque<WorkspaceId>) {
    if follower.running {
        follower.again = true;
    } else if !follower.queued && !follower.full && follower.not_before.is_none() {
        follower.queued = true;
        queue.push_back(workspace);
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
