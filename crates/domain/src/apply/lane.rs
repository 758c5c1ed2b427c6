//! A lane takes what is waiting and applies it as one transaction. What cannot be applied is found by halving and kept
//! as FAILED (P6); what fails for any other cause is tried again until its time is up.

use std::time::Duration;

use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{ApplyError, Outcome, Preview, Receipt, batch, batch::BatchError, inbound, line::Line, queue::Slot};
use crate::{
    ambient::Ambient,
    command::{Inbound, Purpose},
    database::Database,
    error::StoreError,
    heads::Heads,
    ids::WorkspaceId,
    secrets::Sealer,
};

/// How long after its receipt a request is retried: providers give up at 3 s.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(25);

/// A request that waits for its commit.
pub(crate) struct Submission {
    pub inbound: Inbound,
    pub answer: oneshot::Sender<Result<Receipt, ApplyError>>,
    pub received: Instant,
    /// Its place in the queue, free again when it is answered.
    pub _slot: Slot,
}

impl Submission {
    fn answer(self, answer: Result<Receipt, ApplyError>) {
        // Who asked may be gone: the effect stands all the same.
        let _ = self.answer.send(answer);
    }
}

/// What a lane works with.
#[derive(Clone)]
pub(crate) struct Lane {
    pub database: Database,
    pub heads: Heads,
    pub announce: mpsc::UnboundedSender<Vec<(WorkspaceId, i64)>>,
    pub sealer: Sealer,
    pub ambient: Ambient,
}

/// Some submissions and what was tried with them.
struct Attempt {
    submissions: Vec<Submission>,
    /// Whether a commit may have been lost, so that they may stand already.
    doubtful: bool,
    /// Whether the one that is left was refused once before.
    refused: bool,
}

impl Lane {
    /// Runs until every sender is gone and the last submission is answered.
    pub(crate) async fn run(self, mut queue: mpsc::UnboundedReceiver<Submission>, most: usize) {
        let mut line = Line::new(self.database.apply.clone());
        let mut waiting = Vec::with_capacity(most);
        while queue.recv_many(&mut waiting, most).await > 0 {
            let submissions = std::mem::replace(&mut waiting, Vec::with_capacity(most));
            metrics::histogram!("inlet_apply_batch_size").record(submissions.len() as f64);
            let started = Instant::now();
            self.settle(&mut line, submissions).await;
            metrics::histogram!("inlet_apply_batch_seconds").record(started.elapsed().as_secs_f64());
        }
    }

    async fn settle(&self, line: &mut Line, submissions: Vec<Submission>) {
        let mut attempts = vec![Attempt { submissions, doubtful: false, refused: false }];
        while let Some(mut attempt) = attempts.pop() {
            if attempt.doubtful {
                attempt.submissions = self.still_open(line, attempt.submissions).await;
            }
            if attempt.submissions.is_empty() {
                continue;
            }
            match self.try_once(line, &attempt.submissions).await {
                Ok(receipts) => {
                    for (submission, receipt) in attempt.submissions.into_iter().zip(receipts) {
                        submission.answer(Ok(receipt));
                    }
                }
                Err(error) => self.after_failure(line, attempt, &error, &mut attempts).await,
            }
        }
    }

    async fn try_once(&self, line: &mut Line, submissions: &[Submission]) -> Result<Vec<Receipt>, BatchError> {
        let batch: Vec<&Inbound> = submissions.iter().map(|submission| &submission.inbound).collect();
        let committed = batch::apply(line.connection().await?, &self.ambient, &self.sealer, &batch).await?;
        self.heads.advance(committed.heads.iter().copied());
        if !committed.heads.is_empty() {
            // The receiver lives as long as the lanes.
            let _ = self.announce.send(committed.heads);
        }
        Ok(committed.receipts)
    }

    async fn after_failure(
        &self,
        line: &mut Line,
        mut attempt: Attempt,
        error: &BatchError,
        attempts: &mut Vec<Attempt>,
    ) {
        let open = |submissions| Attempt { submissions, doubtful: false, refused: false };
        match blame(error) {
            Blame::Request(_) if attempt.submissions.len() == 1 && !attempt.refused => {
                // What looks like bad data may be a race that was lost: once more, alone.
                attempts.push(Attempt { refused: true, ..attempt });
            }
            Blame::Request(_) if attempt.submissions.len() == 1 => {
                for submission in attempt.submissions {
                    self.fail(line, submission, error).await;
                }
            }
            Blame::Request(Some(index)) if index < attempt.submissions.len() => {
                let culprit = attempt.submissions.remove(index);
                // The last pushed goes first: order within the lane stays for the others.
                attempts.push(open(vec![culprit]));
                attempts.push(open(attempt.submissions));
            }
            Blame::Request(_) => {
                let rest = attempt.submissions.split_off(attempt.submissions.len() / 2);
                attempts.push(open(rest));
                attempts.push(open(attempt.submissions));
            }
            Blame::Circumstance => {
                tracing::warn!(error = error as &dyn std::error::Error, "a batch was rolled back; trying again");
                metrics::counter!("inlet_apply_retries_total").increment(1);
                line.hang_up();
                tokio::time::sleep(PAUSE).await;
                let (in_time, late): (Vec<_>, Vec<_>) =
                    attempt.submissions.into_iter().partition(|submission| submission.received.elapsed() < PATIENCE);
                for submission in late {
                    submission.answer(Err(ApplyError::Unavailable { retry_after: Duration::from_secs(5) }));
                }
                attempts.push(Attempt { submissions: in_time, doubtful: true, refused: attempt.refused });
            }
        }
    }

    /// Answers those that stand already and gives back the others.
    async fn still_open(&self, line: &mut Line, submissions: Vec<Submission>) -> Vec<Submission> {
        // A replay's row stands in any case; to apply it twice changes nothing.
        let batch: Vec<&Inbound> = submissions
            .iter()
            .map(|submission| &submission.inbound)
            .filter(|inbound| inbound.purpose == Purpose::Receipt)
            .collect();
        let standing = match line.connection().await {
            Ok(connection) => inbound::standing(connection, &batch).await.unwrap_or_default(),
            Err(_) => return submissions,
        };
        let mut open = Vec::new();
        for submission in submissions {
            match standing.get(&submission.inbound.id.0) {
                Some(receipt) => submission.answer(Ok(receipt.clone())),
                None => open.push(submission),
            }
        }
        open
    }

    async fn fail(&self, line: &mut Line, submission: Submission, error: &BatchError) {
        let reason = reason(error);
        tracing::warn!(id = %submission.inbound.id, reason, "an inbound event cannot be applied and is kept as FAILED");
        let kept =
            async { inbound::keep_failed(line.connection().await?, &self.sealer, &submission.inbound, reason).await };
        let answer = kept.await.map_err(|_| ApplyError::Unavailable { retry_after: Duration::from_secs(5) });
        submission.answer(answer);
    }
}

/// What a preview works with. It is no lane's, for who holds a lane keeps the announcements open.
#[derive(Debug, Clone)]
pub(crate) struct Previewer {
    pub database: Database,
    pub sealer: Sealer,
    pub ambient: Ambient,
}

impl Previewer {
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
            Blame::Circumstance => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a preview could not be had");
                Err(ApplyError::Unavailable { retry_after: Duration::from_secs(5) })
            }
        })
    }
}

/// Who is to blame for a rollback.
enum Blame {
    /// The data of a request; of which, if that is known.
    Request(Option<usize>),
    /// The database is away, a deadlock, a lost answer: anything that another try may mend.
    Circumstance,
}

fn blame(error: &BatchError) -> Blame {
    match error {
        BatchError::Rejected { index, .. } => Blame::Request(Some(*index)),
        BatchError::Store(StoreError::Database(sqlx::Error::Database(refusal))) => match refusal.code().as_deref() {
            Some(code) if code.starts_with("22") || code.starts_with("23") => Blame::Request(None),
            _ => Blame::Circumstance,
        },
        BatchError::Store(StoreError::Database(
            sqlx::Error::Encode(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_),
        )) => Blame::Request(None),
        BatchError::Store(_) => Blame::Circumstance,
    }
}

fn reason(error: &BatchError) -> String {
    match error {
        BatchError::Rejected { rejection, .. } => rejection.to_string(),
        BatchError::Store(StoreError::Database(sqlx::Error::Database(refusal))) => refusal.message().to_owned(),
        BatchError::Store(error) => error.to_string(),
    }
}
