//! Group commit: the reports of providers become state and events, many requests in one transaction.

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
mod spans;
mod stub;
mod submission;
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
    lane::{Lane, UNAVAILABLE},
    plan::RefNamespace,
    queue::Queue,
    submission::Submission,
    write_permits::WritePermits,
};
use crate::{
    database::Database,
    log::{Heads, announce},
};

/// The result of a request, for the raw log and for the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The outcome.
    pub outcome: Outcome,
    /// Why the request was not accepted.
    pub error: Option<String>,
    /// The events that the request raised.
    pub events: Vec<EventId>,
}

/// The result that a replay would have.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// The outcome; `Duplicate` if other requests hold its keys.
    pub outcome: Outcome,
    /// Why the request would not be accepted.
    pub error: Option<String>,
    /// The events that the replay would raise, in order.
    pub events: Vec<PreviewedEvent>,
}

/// An event that a replay would raise.
#[derive(Debug, Clone, PartialEq)]
pub struct PreviewedEvent {
    /// The type of the event.
    pub kind: EventType,
    /// The entity after the replay. A replay would give new entities other ids.
    pub payload: serde_json::Value,
    /// The current values of the members that would change.
    pub previous: Option<serde_json::Value>,
}

/// Why a request was not committed. The provider is told to retry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The queue is full, or the workspace holds half of it.
    #[error("too many requests at once: retry in {} s", retry_after.as_secs())]
    Overloaded {
        /// When to retry.
        retry_after: Duration,
    },
    /// The database did not commit the request in time.
    #[error("the database cannot commit the request now: retry in {} s", retry_after.as_secs())]
    Unavailable {
        /// When to retry.
        retry_after: Duration,
    },
    /// The process is stopping.
    #[error("this process is stopping: retry")]
    Stopping,
}

/// The sizes and times of apply.
#[derive(Debug, Clone)]
pub struct ApplyConfig {
    /// The number of lanes. Each runs one transaction at a time.
    pub lanes: usize,
    /// The most requests that wait. No workspace holds more than half of them. Their bytes are bounded in the same way:
    /// see `apply/admission.rs`.
    pub queue: usize,
    /// The most requests in one transaction.
    pub batch: usize,
    /// How long after its receipt a request is answered as not committed. Providers give up after 3 s.
    pub patience: Duration,
}

impl Default for ApplyConfig {
    fn default() -> Self {
        Self { lanes: 2, queue: 4096, batch: 256, patience: Duration::from_secs(2) }
    }
}

/// One queue for each lane. The lanes end when the last handle to submit is dropped.
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

/// Takes requests and applies them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Apply {
    admission: Admission,
    queues: Arc<Queues>,
    tasks: TaskTracker,
    lane: Lane,
    patience: Duration,
}

impl Apply {
    /// Starts the lanes, and the task that announces their commits.
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

    /// Applies one request. Resolves after its commit.
    ///
    /// # Errors
    /// If the request was not committed: the provider should retry.
    pub fn submit(&self, inbound: Inbound) -> BoxFuture<'_, Result<Receipt, ApplyError>> {
        self.submit_since(inbound, Instant::now())
    }

    /// Applies one request that came at `received`. Resolves after its commit, or when its time is up.
    ///
    /// # Errors
    /// If the commit did not end in time, or failed: the provider should retry.
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
        // A timer answers the caller, because a lane that waits for a hanging database cannot.
        match tokio::time::timeout_at(until, receipt).await {
            Ok(answered) => answered.unwrap_or(Err(ApplyError::Stopping)),
            Err(_) => Err(UNAVAILABLE),
        }
    }

    /// Applies a request of the raw log once more, and updates its row there. `inbound.id` is the id of that row.
    ///
    /// # Errors
    /// If the replay was not committed: retry.
    pub fn replay(&self, inbound: Inbound) -> BoxFuture<'_, Result<Receipt, ApplyError>> {
        self.submit(Inbound { purpose: Purpose::Replay, ..inbound })
    }

    /// Tells what [`Apply::replay`] would do, and changes nothing. Only requests about the same rows wait for it.
    ///
    /// # Errors
    /// If the database does not answer: retry.
    pub fn preview(&self, inbound: Inbound) -> BoxFuture<'_, Result<Preview, ApplyError>> {
        let inbound = Inbound { purpose: Purpose::Replay, ..inbound };
        async move { self.lane.preview(&inbound).await }.boxed()
    }

    /// Takes no more requests, and finishes the waiting ones (P13).
    pub async fn stop(&self) {
        self.queues.close();
        self.tasks.wait().await;
    }
}

/// Requests about one address go to one lane, so that lanes seldom wait for each other's rows. Only the locks of the
/// database make the result right.
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
