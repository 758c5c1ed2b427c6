//! A lane takes what is waiting and applies it as one transaction. What cannot be applied is found by halving and kept
//! as FAILED (P6); what fails for any other cause goes back to the queue until its time is up.

use std::{collections::BTreeMap, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{
    ApplyError, Outcome, Preview, Receipt, batch,
    batch::BatchError,
    blame::{Blame, blame, reason},
    inbound,
    line::Line,
    places::Slot,
    queue::{Queue, Waiting},
    turns::{Turn, Turns},
};
use crate::{
    ambient::Ambient,
    command::{Inbound, Purpose},
    database::Database,
    heads::Heads,
    ids::WorkspaceId,
    secrets::Sealer,
};

/// How long after its receipt a request is retried: providers give up at 3 s.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(25);
const UNAVAILABLE: ApplyError = ApplyError::Unavailable { retry_after: Duration::from_secs(5) };

/// About how much memory the requests of one transaction may take.
const HEAVIEST: usize = 32 << 20;

/// A request that waits for its commit.
#[derive(Debug)]
pub(crate) struct Submission {
    pub inbound: Inbound,
    pub answer: oneshot::Sender<Result<Receipt, ApplyError>>,
    pub received: Instant,
    /// Its place in the queue, free again when it is answered.
    pub slot: Slot,
    /// Whether the answer to its commit may have been lost, so that it may stand already.
    pub doubtful: bool,
}

impl Submission {
    fn answer(self, answer: Result<Receipt, ApplyError>) {
        // Who is answered may come again at once, and must find the place free.
        drop(self.slot);
        // Who asked may be gone: the effect stands all the same.
        let _ = self.answer.send(answer);
    }

    fn is_late(&self) -> bool {
        self.received.elapsed() >= PATIENCE
    }
}

impl Waiting for Submission {
    fn workspace(&self) -> WorkspaceId {
        self.inbound.workspace
    }

    fn weight(&self) -> usize {
        self.slot.bytes()
    }
}

/// Where a lane tells how far the logs have come.
pub(crate) type Announce = mpsc::UnboundedSender<Vec<(WorkspaceId, i64)>>;

/// What a lane works with.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    pub database: Database,
    pub heads: Heads,
    pub sealer: Sealer,
    pub ambient: Ambient,
    pub turns: Turns,
}

/// A lane at work.
struct Worker {
    lane: Lane,
    line: Line,
    queue: Queue<Submission>,
    announce: Announce,
    /// Until the rows of the batch in hand are written.
    turn: Turn,
    /// What is left to try of the batch in hand; the last goes first.
    attempts: Vec<Attempt>,
}

/// Submissions that are tried together.
struct Attempt {
    submissions: Vec<Submission>,
    /// Whether the one that is left was refused once before.
    refused: bool,
}

impl Lane {
    /// Runs until the queue is closed and the last submission is answered.
    pub(crate) async fn run(self, queue: Queue<Submission>, announce: Announce, most: usize) {
        let line = Line::new(self.database.apply.clone());
        let mut worker = Worker { lane: self, line, queue, announce, turn: None, attempts: Vec::new() };
        while worker.queue.news().await {
            worker.turn = worker.lane.turns.take().await;
            let Some(submissions) = worker.queue.take(most, HEAVIEST).await else { break };
            metrics::histogram!("inlet_apply_batch_size").record(submissions.len() as f64);
            let started = Instant::now();
            worker.settle(submissions).await;
            metrics::histogram!("inlet_apply_batch_seconds").record(started.elapsed().as_secs_f64());
        }
    }

    /// What a replay of the request would do. Of what cannot be applied it tells why, as a replay would.
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
                tracing::warn!(error = &error as &dyn std::error::Error, "a preview could not be had");
                Err(UNAVAILABLE)
            }
        })
    }
}

impl Worker {
    async fn settle(&mut self, submissions: Vec<Submission>) {
        self.attempt(submissions);
        while let Some(mut attempt) = self.attempts.pop() {
            let tried = match self.answer_standing(&mut attempt.submissions).await {
                Ok(()) if attempt.submissions.is_empty() => continue,
                Ok(()) => self.try_once(&attempt.submissions).await,
                Err(error) => Err(error.into()),
            };
            match tried {
                Ok(receipts) => {
                    self.queue.rejoin(attempt.submissions.iter().map(Waiting::workspace));
                    for (submission, receipt) in attempt.submissions.into_iter().zip(receipts) {
                        submission.answer(Ok(receipt));
                    }
                }
                Err(error) => self.after_failure(attempt, &error).await,
            }
        }
    }

    fn attempt(&mut self, submissions: Vec<Submission>) {
        self.attempts.push(Attempt { submissions, refused: false });
    }

    async fn try_once(&mut self, submissions: &[Submission]) -> Result<Vec<Receipt>, BatchError> {
        let batch: Vec<&Inbound> = submissions.iter().map(|submission| &submission.inbound).collect();
        let turn = self.turn.take();
        let connection = self.line.connection().await?;
        let committed = batch::apply(connection, &self.lane.ambient, &self.lane.sealer, &batch, turn).await?;
        self.lane.heads.advance(committed.heads.iter().copied());
        if !committed.heads.is_empty() {
            // The receiver lives as long as the lanes.
            let _ = self.announce.send(committed.heads);
        }
        Ok(committed.receipts)
    }

    async fn after_failure(&mut self, mut attempt: Attempt, error: &BatchError) {
        match blame(error) {
            Blame::Request(_) if attempt.submissions.len() == 1 && !attempt.refused => {
                // What looks like bad data may be a race that was lost: once more, alone.
                self.attempts.push(Attempt { refused: true, ..attempt });
            }
            Blame::Request(_) if attempt.submissions.len() == 1 => {
                for submission in attempt.submissions {
                    self.fail(submission, error).await;
                }
            }
            Blame::Request(Some(index)) if index < attempt.submissions.len() => {
                let culprit = attempt.submissions.remove(index);
                // The last pushed goes first: order within the lane stays for the others.
                self.attempt(vec![culprit]);
                self.attempt(attempt.submissions);
            }
            Blame::Request(_) | Blame::Unclear | Blame::Slowness if attempt.submissions.len() > 1 => {
                let rest = attempt.submissions.split_off(attempt.submissions.len() / 2);
                self.attempt(rest);
                self.attempt(attempt.submissions);
            }
            // What is refused alone, and for no reason of its own that is known, may be taken when it comes again.
            Blame::Request(_) | Blame::Unclear | Blame::Slowness | Blame::Contention => {
                self.after_contention(attempt.submissions, error).await;
            }
            Blame::Absence => self.after_absence(attempt.submissions, error).await,
        }
    }

    /// Rows of one workspace are no business of another's: each is tried by itself, those first that ask least. Whose
    /// rows they are goes back to the queue, so that the others have their turn.
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
            tracing::warn!(%workspace, error = error as &dyn std::error::Error, "rows may be held; trying again");
            metrics::counter!("inlet_apply_retries_total").increment(1);
            self.queue.set_apart(workspace);
            tokio::time::sleep(PAUSE).await;
            self.wait_on(submissions);
        }
    }

    async fn after_absence(&mut self, mut submissions: Vec<Submission>, error: &BatchError) {
        tracing::warn!(error = error as &dyn std::error::Error, "a batch was rolled back; trying again");
        metrics::counter!("inlet_apply_retries_total").increment(1);
        self.line.hang_up();
        tokio::time::sleep(PAUSE).await;
        submissions.iter_mut().for_each(|submission| submission.doubtful = true);
        self.wait_on(submissions);
        // Nothing else gets through either: who waited too long is told so at once.
        for late in self.queue.remove(Submission::is_late) {
            late.answer(Err(UNAVAILABLE));
        }
    }

    /// Back to the queue, but for those whose time is up.
    fn wait_on(&self, submissions: Vec<Submission>) {
        let (late, in_time): (Vec<_>, Vec<_>) = submissions.into_iter().partition(Submission::is_late);
        late.into_iter().for_each(|submission| submission.answer(Err(UNAVAILABLE)));
        self.queue.put_back(in_time);
    }

    /// Answers those that stand already and leaves the others.
    async fn answer_standing(&mut self, submissions: &mut Vec<Submission>) -> Result<(), sqlx::Error> {
        // A replay's row stands in any case; to apply it twice changes nothing.
        let may_stand = |submission: &Submission| submission.doubtful && submission.inbound.purpose == Purpose::Receipt;
        let batch: Vec<&Inbound> = submissions
            .iter()
            .filter(|submission| may_stand(submission))
            .map(|submission| &submission.inbound)
            .collect();
        if batch.is_empty() {
            return Ok(());
        }
        let standing = inbound::standing(self.line.connection().await?, &batch).await?;
        let is_standing =
            |submission: &mut Submission| may_stand(submission) && standing.contains_key(&submission.inbound.id.0);
        for submission in submissions.extract_if(.., is_standing).collect::<Vec<_>>() {
            if let Some(receipt) = standing.get(&submission.inbound.id.0) {
                submission.answer(Ok(receipt.clone()));
            }
        }
        submissions.iter_mut().for_each(|submission| submission.doubtful = false);
        Ok(())
    }

    async fn fail(&mut self, submission: Submission, error: &BatchError) {
        let reason = reason(error);
        tracing::warn!(id = %submission.inbound.id, reason, "an inbound event cannot be applied and is kept as FAILED");
        let kept = async {
            let connection = self.line.connection().await?;
            inbound::keep_failed(connection, &self.lane.sealer, &submission.inbound, reason).await
        };
        let answer = kept.await.map_err(|_| UNAVAILABLE);
        submission.answer(answer);
    }
}
