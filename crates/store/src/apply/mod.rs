//! Group commit: what providers report becomes state and events, many requests in one transaction.

pub mod admission;
mod batch;
mod blame;
mod forget;
pub(crate) mod identities;
mod inbound;
mod keys;
mod lane;
mod lane_connection;
mod load;
mod plan;
mod queue;
mod references;
mod report_jobs;
pub(crate) mod rules;
mod save;
mod stub;
mod write_permits;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use inlet_domain::{
    ambient::Ambient,
    command::{Inbound, Purpose, Reading},
    event::EventType,
    ids::EventId,
    model::outcome::Outcome,
    secrets::Sealer,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use tokio_util::task::TaskTracker;

use self::{
    admission::{Admission, MOST_BYTES},
    lane::{Lane, Submission, UNAVAILABLE},
    plan::RefNamespace,
    queue::Queue,
    write_permits::WritePermits,
};
use crate::{
    database::Database,
    log::{Heads, announce},
};

/// What came of a request: what the raw log says and the provider is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Which way it went.
    pub outcome: Outcome,
    /// Why, where it was not accepted.
    pub error: Option<String>,
    /// The log entries it caused.
    pub events: Vec<EventId>,
}

/// What a replay would come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// Which way it would go; `Duplicate` where others hold its keys.
    pub outcome: Outcome,
    /// Why, where it would not be accepted.
    pub error: Option<String>,
    /// The events it would raise, in order.
    pub events: Vec<PreviewedEvent>,
}

/// An event that a replay would raise.
#[derive(Debug, Clone, PartialEq)]
pub struct PreviewedEvent {
    /// Its type.
    pub kind: EventType,
    /// The entity as it would be. The ids of new entities are not those that a replay would give.
    pub payload: serde_json::Value,
    /// The members that would change, with what they are now.
    pub previous: Option<serde_json::Value>,
}

/// Why a request was not committed. The provider is told to come again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The queue is full, or the workspace holds its share of it.
    #[error("too much at once: come again in {} s", retry_after.as_secs())]
    Overloaded {
        /// When to come again.
        retry_after: Duration,
    },
    /// The database did not take it in time.
    #[error("the database cannot take it now: come again in {} s", retry_after.as_secs())]
    Unavailable {
        /// When to come again.
        retry_after: Duration,
    },
    /// The process is stopping.
    #[error("this process is stopping: come again")]
    Stopping,
}

/// How apply works.
#[derive(Debug, Clone)]
pub struct ApplyConfig {
    /// Lanes, each with one transaction at a time.
    pub lanes: usize,
    /// Requests that may wait in all; no workspace holds more than half. So it is with their bytes: see
    /// `apply/admission.rs`.
    pub queue: usize,
    /// The most requests in one transaction.
    pub batch: usize,
    /// How long after its receipt a request is told that it could not be committed: providers give up at 3 s.
    pub patience: Duration,
}

impl Default for ApplyConfig {
    fn default() -> Self {
        Self { lanes: 2, queue: 4096, batch: 256, patience: Duration::from_secs(2) }
    }
}

/// One queue for each lane. Where nobody can submit any more, the lanes end.
#[derive(Debug)]
struct Queues(Vec<Queue<Submission>>);

impl Queues {
    fn close(&self) {
        self.0.iter().for_each(Queue::close);
    }
}

impl Drop for Queues {
    fn drop(&mut self) {
        self.close();
    }
}

/// The entrance to apply. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Apply {
    admission: Admission,
    queues: Arc<Queues>,
    tasks: TaskTracker,
    lane: Lane,
    patience: Duration,
}

impl Apply {
    /// Starts the lanes and the notifier.
    #[must_use]
    pub fn start(database: Database, heads: Heads, sealer: Sealer, ambient: Ambient, config: ApplyConfig) -> Self {
        let tasks = TaskTracker::new();
        let (tell, news) = mpsc::unbounded_channel();
        tasks.spawn(announce(database.clone(), news));
        let lane = Lane { database, heads, sealer, ambient, turns: WritePermits::new(config.lanes) };
        let queues: Vec<Queue<Submission>> = (0..config.lanes.max(1)).map(|_| Queue::new()).collect();
        for queue in &queues {
            tasks.spawn(lane.clone().run(queue.clone(), tell.clone(), config.batch.max(1)));
        }
        tasks.close();
        let admission = Admission::new(config.queue, MOST_BYTES);
        Self { admission, queues: Arc::new(Queues(queues)), tasks, lane, patience: config.patience }
    }

    /// Applies one request; resolves after its commit.
    ///
    /// # Errors
    /// Where it was not committed: the provider should come again.
    pub fn submit(&self, inbound: Inbound) -> BoxFuture<'_, Result<Receipt, ApplyError>> {
        self.submit_since(inbound, Instant::now())
    }

    /// Applies one request that came at `received`; resolves after its commit, or when its time is up.
    ///
    /// # Errors
    /// Where it was not committed in time, as far as is known: the provider should come again.
    pub fn submit_since(&self, inbound: Inbound, received: Instant) -> BoxFuture<'_, Result<Receipt, ApplyError>> {
        self.submitted(inbound, received).boxed()
    }

    async fn submitted(&self, inbound: Inbound, received: Instant) -> Result<Receipt, ApplyError> {
        let Some(permit) = self.admission.take(inbound.workspace, admission::weight(&inbound)) else {
            metrics::counter!("inlet_apply_overload_total").increment(1);
            return Err(ApplyError::Overloaded { retry_after: Duration::from_secs(1) });
        };
        let (answer, receipt) = oneshot::channel();
        let count = self.queues.0.len() as u64;
        let index = lane_of(&inbound).checked_rem(count).and_then(|lane| usize::try_from(lane).ok());
        let queue = index.and_then(|index| self.queues.0.get(index)).ok_or(ApplyError::Stopping)?;
        let until = received + self.patience;
        let submission = Submission { inbound, answer, until, permit, doubtful: false };
        queue.push(submission).map_err(|_| ApplyError::Stopping)?;
        // By a timer of its own: where the database hangs, its lane hears nothing that it could tell.
        match tokio::time::timeout_at(until, receipt).await {
            Ok(answered) => answered.unwrap_or(Err(ApplyError::Stopping)),
            Err(_) => Err(UNAVAILABLE),
        }
    }

    /// Applies a request of the raw log once more; `inbound.id` is the one it has there, and its row is brought up to
    /// date.
    ///
    /// # Errors
    /// Where it was not committed.
    pub fn replay(&self, inbound: Inbound) -> BoxFuture<'_, Result<Receipt, ApplyError>> {
        self.submit(Inbound { purpose: Purpose::Replay, ..inbound })
    }

    /// What [`Apply::replay`] would do, with nothing of it kept. No other request is held up but those of the same rows.
    ///
    /// # Errors
    /// Where the database cannot tell now.
    pub fn preview(&self, inbound: Inbound) -> BoxFuture<'_, Result<Preview, ApplyError>> {
        let inbound = Inbound { purpose: Purpose::Replay, ..inbound };
        async move { self.lane.preview(&inbound).await }.boxed()
    }

    /// Takes nothing more, finishes what is in hand (P13).
    pub async fn stop(&self) {
        self.queues.close();
        self.tasks.wait().await;
    }
}

/// Requests about one address go to one lane, so that its batches seldom wait for each other's rows. The database,
/// not the lane, makes it right.
fn lane_of(inbound: &Inbound) -> u64 {
    let mut hasher = DefaultHasher::new();
    inbound.workspace.hash(&mut hasher);
    if let Reading::Commands { commands, .. } = &inbound.reading
        && let Some(command) = commands.first()
    {
        match plan::claim(RefNamespace::of(inbound), &command.effect, inbound.received_at) {
            Some(claim) => claim.keys.first().map(|claimed| &claimed.key).hash(&mut hasher),
            None => command.key.hash(&mut hasher),
        }
    }
    hasher.finish()
}
