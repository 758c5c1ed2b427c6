//! A lane takes the waiting requests and applies them as one transaction. It finds a request that cannot be applied by
//! halving the batch, and keeps it as FAILED (P6). A request that fails for another cause goes back to the queue until
//! its time is up.
//!
//! A timer of its own answers a request whose trial hangs, see [`super::Apply::submit`]. The lane leaves the hanging
//! trial alone, with its connection, and goes on over another one. It never breaks off a commit, because Postgres might
//! take the commit as done. Each lane leaves at most one trial alone. Until that trial ends the lane waits for the next
//! ones, so that a hanging database does not cost one connection after another.

use std::{collections::BTreeMap, future::Future, pin::Pin, time::Duration};

use inlet_domain::{
    ambient::Ambient,
    command::{Inbound, Purpose},
    ids::WorkspaceId,
    model::outcome::Outcome,
    secrets::Sealer,
};
use tokio::{sync::mpsc, task::JoinHandle, time::Instant};

use super::{
    ApplyError, Preview, Receipt,
    batch::{self, BatchError},
    blame::{Blame, blame, reason},
    inbound,
    lane_connection::LaneConnection,
    queue::{Queue, Waiting},
    submission::Submission,
    write_permits::{Turn, WritePermits},
};
use crate::{
    database::{Database, make_durable},
    log::{Head, Heads},
};

const PAUSE: Duration = Duration::from_millis(25);
pub(crate) const UNAVAILABLE: ApplyError = ApplyError::Unavailable { retry_after: Duration::from_secs(5) };

/// How often a lane that waits for the database drops the requests whose time is up.
const SWEEP: Duration = Duration::from_millis(100);
/// A trial that takes longer than this hangs.
const HANGS: Duration = Duration::from_secs(2);
/// How long a hanging trial is left alone. After that its connection is closed.
const LEFT: Duration = Duration::from_secs(60);

/// About how much memory the heavy requests of one transaction may take. A message of a megabyte takes most of it, so
/// that other requests wait for one such message and not for eight.
const HEAVIEST: usize = 2 << 20;

/// The channel on which a lane announces the heads of the logs.
pub(crate) type Announce = mpsc::UnboundedSender<Vec<(WorkspaceId, Head)>>;

/// The handles that a lane works with.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    pub database: Database,
    pub heads: Heads,
    pub sealer: Sealer,
    pub ambient: Ambient,
    pub turns: WritePermits,
}

/// A lane at work.
struct Worker {
    lane: Lane,
    line: LaneConnection,
    queue: Queue<Submission>,
    announce: Announce,
    /// The permit to write the rows of the current batch.
    turn: Turn,
    /// The attempts that are left of the current batch; the last goes first.
    attempts: Vec<Attempt>,
    /// The trial that hangs and was left alone.
    left: Option<JoinHandle<()>>,
}

/// One use of the connection. A trial owns all that it needs, so that the lane can leave it alone.
struct Trial {
    lane: Lane,
    line: LaneConnection,
    announce: Announce,
    submissions: Vec<Submission>,
    turn: Turn,
}

/// A trial that has ended: its connection, the submissions to answer, and the result.
type Ended = (LaneConnection, Vec<Submission>, Result<Vec<Receipt>, BatchError>);

/// Submissions that are tried together.
struct Attempt {
    submissions: Vec<Submission>,
    /// Whether Postgres has refused the single submission once.
    refused: bool,
}

impl Lane {
    /// Runs until the queue is closed and the last submission is answered.
    pub(crate) async fn run(self, queue: Queue<Submission>, announce: Announce, most: usize) {
        let line = LaneConnection::new(self.database.apply.clone());
        let mut worker = Worker { lane: self, line, queue, announce, turn: None, attempts: Vec::new(), left: None };
        while worker.queue.news().await {
            worker.turn = worker.lane.turns.take().await;
            let Some(submissions) = worker.queue.take(most, HEAVIEST).await else { break };
            metrics::histogram!("inlet_apply_batch_size").record(submissions.len() as f64);
            let started = Instant::now();
            worker.settle(submissions).await;
            metrics::histogram!("inlet_apply_batch_seconds").record(started.elapsed().as_secs_f64());
        }
    }

    /// Tells what a replay of the request would do. If the request cannot be applied, the preview tells why, as a
    /// replay would.
    pub(crate) async fn preview(&self, inbound: &Inbound) -> Result<Preview, ApplyError> {
        let attempt = async {
            let mut connection = self.database.pool.acquire().await?;
            batch::preview(&mut connection, &self.ambient, &self.sealer, inbound).await
        };
        attempt.await.or_else(|error| match blame(&error) {
            Blame::Request(_) => {
                Ok(Preview { outcome: Outcome::Failed, error: Some(reason(&error)), events: Vec::new() })
            }
            Blame::Contention | Blame::Slowness | Blame::Unclear | Blame::Absence => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a replay could not be previewed");
                Err(UNAVAILABLE)
            }
        })
    }
}

impl Worker {
    async fn settle(&mut self, submissions: Vec<Submission>) {
        self.attempt(submissions);
        while let Some(Attempt { submissions, refused }) = self.attempts.pop() {
            let trial = self.trial(submissions);
            let Some((line, submissions, tried)) = self.see_through(trial.commit()).await else { continue };
            self.line = line;
            match tried {
                Ok(receipts) => {
                    self.queue.rejoin(submissions.iter().map(Waiting::workspace));
                    answer_all(submissions, receipts);
                }
                Err(error) => self.after_failure(Attempt { submissions, refused }, &error).await,
            }
        }
    }

    fn attempt(&mut self, submissions: Vec<Submission>) {
        self.attempts.push(Attempt { submissions, refused: false });
    }

    /// A trial, which owns the connection until it ends.
    fn trial(&mut self, submissions: Vec<Submission>) -> Trial {
        let another = self.line.another();
        Trial {
            lane: self.lane.clone(),
            line: std::mem::replace(&mut self.line, another),
            announce: self.announce.clone(),
            submissions,
            turn: self.turn.take(),
        }
    }

    /// Waits for the end of a trial; `None` if the trial hangs and is left alone.
    async fn see_through(&mut self, trial: impl Future<Output = Ended> + Send + 'static) -> Option<Ended> {
        let begun = Instant::now();
        let mut trial: Pin<Box<dyn Future<Output = Ended> + Send>> = Box::pin(trial);
        while begun.elapsed() < HANGS || self.left.as_ref().is_some_and(|left| !left.is_finished()) {
            if let Ok(ended) = tokio::time::timeout(SWEEP, &mut trial).await {
                return Some(ended);
            }
            self.drop_late();
        }
        metrics::counter!("inlet_apply_hanging_total").increment(1);
        let queue = self.queue.clone();
        self.left = Some(tokio::spawn(async move {
            // The timers have answered most of these submissions.
            let Ok((_, mut submissions, tried)) = tokio::time::timeout(LEFT, trial).await else { return };
            match tried {
                Ok(receipts) => answer_all(submissions, receipts),
                Err(_) => {
                    submissions.iter_mut().for_each(|submission| submission.doubtful = true);
                    wait_on(&queue, submissions);
                }
            }
        }));
        None
    }

    /// Drops the submissions whose time is up: their timers have answered them.
    fn drop_late(&self) {
        for late in self.queue.remove(Submission::is_late) {
            late.answer(Err(UNAVAILABLE));
        }
    }

    async fn after_failure(&mut self, mut attempt: Attempt, error: &BatchError) {
        match blame(error) {
            Blame::Request(_) if attempt.submissions.len() == 1 && !attempt.refused => {
                // A lost race looks like bad data: try once more, alone.
                self.attempts.push(Attempt { refused: true, ..attempt });
            }
            Blame::Request(_) if attempt.submissions.len() == 1 => {
                for submission in attempt.submissions {
                    self.fail(submission, error).await;
                }
            }
            Blame::Request(Some(index)) if index < attempt.submissions.len() => {
                let culprit = attempt.submissions.remove(index);
                // The last pushed goes first, so the others keep their order.
                self.attempt(vec![culprit]);
                self.attempt(attempt.submissions);
            }
            Blame::Request(_) | Blame::Unclear | Blame::Slowness if attempt.submissions.len() > 1 => {
                let rest = attempt.submissions.split_off(attempt.submissions.len() / 2);
                self.attempt(rest);
                self.attempt(attempt.submissions);
            }
            // A request refused alone, for no known reason of its own, may succeed later.
            Blame::Request(_) | Blame::Unclear | Blame::Slowness | Blame::Contention => {
                self.after_contention(attempt.submissions, error).await;
            }
            Blame::Absence => self.after_absence(attempt.submissions, error).await,
        }
    }

    /// Retries the workspaces separately, smallest first, so locked rows delay only their own. The workspace whose rows
    /// are locked goes back to the queue.
    async fn after_contention(&mut self, submissions: Vec<Submission>, error: &BatchError) {
        let mut by: BTreeMap<WorkspaceId, Vec<Submission>> = BTreeMap::new();
        for submission in submissions {
            by.entry(submission.workspace()).or_default().push(submission);
        }
        if by.len() > 1 {
            let mut parts: Vec<Vec<Submission>> = by.into_values().collect();
            parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
            parts.into_iter().for_each(|part| self.attempt(part));
            return;
        }
        for (workspace, submissions) in by {
            tracing::warn!(%workspace, error = error as &dyn std::error::Error, "other transactions may hold rows; trying again");
            metrics::counter!("inlet_apply_retries_total").increment(1);
            self.queue.set_apart(workspace);
            tokio::time::sleep(PAUSE).await;
            wait_on(&self.queue, submissions);
        }
    }

    async fn after_absence(&mut self, mut submissions: Vec<Submission>, error: &BatchError) {
        self.lane.database.complain(error, "a batch was rolled back; trying again");
        metrics::counter!("inlet_apply_retries_total").increment(1);
        self.line.hang_up();
        tokio::time::sleep(PAUSE).await;
        submissions.iter_mut().for_each(|submission| submission.doubtful = true);
        wait_on(&self.queue, submissions);
        // Nothing else gets through either, so drop the late ones at once.
        self.drop_late();
    }

    async fn fail(&mut self, submission: Submission, error: &BatchError) {
        let reason = reason(error);
        tracing::warn!(id = %submission.inbound.id, reason, "an inbound event cannot be applied and is kept as FAILED");
        let trial = self.trial(vec![submission]);
        let Some((line, submissions, kept)) = self.see_through(trial.keep_failed(reason)).await else { return };
        self.line = line;
        match kept {
            Ok(receipts) => answer_all(submissions, receipts),
            Err(_) => submissions.into_iter().for_each(|submission| submission.answer(Err(UNAVAILABLE))),
        }
    }
}

/// Puts the submissions back into the queue, and answers those whose time is up.
fn wait_on(queue: &Queue<Submission>, submissions: Vec<Submission>) {
    let (late, in_time): (Vec<_>, Vec<_>) = submissions.into_iter().partition(Submission::is_late);
    late.into_iter().for_each(|submission| submission.answer(Err(UNAVAILABLE)));
    queue.put_back(in_time);
}

fn answer_all(submissions: Vec<Submission>, receipts: Vec<Receipt>) {
    for (submission, receipt) in submissions.into_iter().zip(receipts) {
        submission.answer(Ok(receipt));
    }
}

impl Trial {
    /// Applies the submissions. Answers those that are committed already, and leaves them out.
    async fn commit(mut self) -> Ended {
        let tried = match self.answer_standing().await {
            Ok(()) if self.submissions.is_empty() => Ok(Vec::new()),
            Ok(()) => self.apply().await,
            Err(error) => Err(error.into()),
        };
        (self.line, self.submissions, tried)
    }

    async fn apply(&mut self) -> Result<Vec<Receipt>, BatchError> {
        let connection = self.line.connection().await?;
        // The wait for the connection may have been long: drop the submissions whose time is up.
        for late in self.submissions.extract_if(.., |submission| submission.is_late()).collect::<Vec<_>>() {
            late.answer(Err(UNAVAILABLE));
        }
        if self.submissions.is_empty() {
            return Ok(Vec::new());
        }
        let batch: Vec<&Inbound> = self.submissions.iter().map(|submission| &submission.inbound).collect();
        let Lane { ambient, sealer, .. } = &self.lane;
        let committed = batch::apply(connection, ambient, sealer, &batch, self.turn.take()).await?;
        self.lane.heads.advance(committed.heads.iter().copied());
        if !committed.heads.is_empty() {
            // The receiver lives as long as the lanes.
            let _ = self.announce.send(committed.heads);
        }
        Ok(committed.receipts)
    }

    /// Answers the submissions that are committed already, and keeps the others. A row that was only read may be lost
    /// with its server, so wait first until all of them are durable.
    async fn answer_standing(&mut self) -> Result<(), sqlx::Error> {
        // The row of a replay exists in any case, and applying a replay twice changes nothing.
        let may_stand = |submission: &Submission| submission.doubtful && submission.inbound.purpose == Purpose::Receipt;
        let batch: Vec<&Inbound> = self
            .submissions
            .iter()
            .filter(|submission| may_stand(submission))
            .map(|submission| &submission.inbound)
            .collect();
        if batch.is_empty() {
            return Ok(());
        }
        let connection = self.line.connection().await?;
        let standing = inbound::standing(connection, &batch).await?;
        if !standing.is_empty() {
            make_durable(connection).await?;
        }
        let is_standing =
            |submission: &mut Submission| may_stand(submission) && standing.contains_key(&submission.inbound.id.0);
        for submission in self.submissions.extract_if(.., is_standing).collect::<Vec<_>>() {
            if let Some(receipt) = standing.get(&submission.inbound.id.0) {
                submission.answer(Ok(receipt.clone()));
            }
        }
        self.submissions.iter_mut().for_each(|submission| submission.doubtful = false);
        Ok(())
    }

    /// Keeps the one submission as FAILED.
    async fn keep_failed(mut self, reason: String) -> Ended {
        let kept = async {
            let connection = self.line.connection().await?;
            let mut receipts = Vec::new();
            for submission in &self.submissions {
                let kept = inbound::keep_failed(connection, &self.lane.sealer, &submission.inbound, reason.clone());
                receipts.push(kept.await?);
            }
            Ok(receipts)
        };
        let kept = kept.await;
        (self.line, self.submissions, kept)
    }
}
