//! Applies one batch in one transaction: lock the rows in the documented order, apply the commands in memory, write,
//! number the events, commit. The number of statements does not grow with the batch. The exception is a provider's
//! deletion of a contact: it decides what the next command of that person finds, so it is a step of its own.
//!
//! Mutations keep the lock order too: idempotency_key, external_ref (all kinds but channels, then channels), identity,
//! contact, conversation, message, the other entities, the log.

use std::collections::HashSet;

use inlet_domain::{
    ambient::Ambient,
    command::{Command, Inbound, Reading},
    ids::WorkspaceId,
    model::outcome::Outcome,
    secrets::Sealer,
};
use sqlx::PgConnection;

use super::{
    Preview, PreviewedEvent, Receipt, forget, inbound, keys, load,
    plan::RefNamespace,
    rules::{Context, Rejection, WorkingSet},
    save, spans,
    write_permits::Turn,
};
use crate::{
    error::StoreError,
    log::{self, Head, NewEvent},
};

/// Why a batch was rolled back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BatchError {
    /// A request cannot be applied.
    #[error("request {index} cannot be applied")]
    Rejected {
        /// The index of the request in the batch.
        index: usize,
        /// Why the request cannot be applied.
        #[source]
        rejection: Rejection,
    },
    /// The database refused a statement or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for BatchError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The result of a committed batch.
#[derive(Debug)]
pub(crate) struct Committed {
    /// One receipt for each request, in order.
    pub receipts: Vec<Receipt>,
    /// The new head of each log.
    pub heads: Vec<(WorkspaceId, Head)>,
}

/// A command that is not a duplicate.
pub(crate) struct Work<'a> {
    pub index: usize,
    pub inbound: &'a Inbound,
    pub speaker: RefNamespace,
    pub command: &'a Command,
    /// Whether it had its effect before and is replayed.
    pub again: bool,
}

/// Applies the requests, all or none. The turn ends when all rows but those of the logs are written.
pub(crate) async fn apply(
    connection: &mut PgConnection,
    ambient: &Ambient,
    sealer: &Sealer,
    batch: &[&Inbound],
    turn: Turn,
) -> Result<Committed, BatchError> {
    let span = spans::batch(batch);
    let sealed = inbound::seal(sealer, batch);
    let mut transaction = sqlx::Connection::begin(connection).await?;
    let (committed, _) = run(&mut transaction, ambient, sealer, (batch, sealed), turn).await?;
    transaction.commit().await?;
    span.record("inlet.outcome", "committed");
    Ok(committed)
}

/// Tells the result that a request would have, and rolls it back.
pub(crate) async fn preview(
    connection: &mut PgConnection,
    ambient: &Ambient,
    sealer: &Sealer,
    inbound: &Inbound,
) -> Result<Preview, BatchError> {
    let sealed = inbound::seal(sealer, &[inbound]);
    let mut transaction = sqlx::Connection::begin(connection).await?;
    let (committed, drafts) = run(&mut transaction, ambient, sealer, (&[inbound], sealed), None).await?;
    transaction.rollback().await?;
    let json = |text: &str| serde_json::from_str(text).unwrap_or_default();
    let events = drafts.iter().map(|draft| PreviewedEvent {
        kind: draft.kind,
        payload: json(&draft.payload),
        previous: draft.previous.as_deref().map(json),
    });
    let receipt = committed.receipts.into_iter().next();
    let (outcome, error) = receipt.map_or((Outcome::Failed, None), |receipt| (receipt.outcome, receipt.error));
    Ok(Preview { outcome, error, events: events.collect() })
}

async fn run(
    transaction: &mut PgConnection,
    ambient: &Ambient,
    sealer: &Sealer,
    (batch, sealed): (&[&Inbound], Vec<Vec<u8>>),
    turn: Turn,
) -> Result<(Committed, Vec<NewEvent>), BatchError> {
    let taken = keys::claim(transaction, batch).await?;
    let work = keys::surviving(batch, &taken);
    let mut drafts = Vec::new();
    // For each draft, the index of the request that caused it.
    let mut caused: Vec<usize> = Vec::with_capacity(work.len());
    for step in work.chunk_by(|one, next| !forget::is_deletion(one.command) && !forget::is_deletion(next.command)) {
        let mut working = WorkingSet::new(ambient, sealer);
        working.drafts = drafts;
        take_step(transaction, &mut working, step, &mut caused).await?;
        drafts = working.drafts;
    }
    sqlx::query("SET CONSTRAINTS ALL IMMEDIATE").execute(&mut *transaction).await?;
    drop(turn);
    let appended = log::append(transaction, ambient, &drafts).await?;

    let mut receipts: Vec<Receipt> = batch.iter().map(|inbound| receipt(inbound)).collect();
    let active: HashSet<usize> = work.iter().map(|work| work.index).collect();
    for (index, receipt) in receipts.iter_mut().enumerate() {
        if receipt.outcome == Outcome::Accepted && !active.contains(&index) {
            receipt.outcome = Outcome::Duplicate;
        }
    }
    for (index, id) in caused.into_iter().zip(&appended.ids) {
        if let Some(receipt) = receipts.get_mut(index) {
            receipt.events.push((*id).into());
        }
    }
    inbound::save(transaction, &sealed, batch, &receipts).await?;
    Ok((Committed { receipts, heads: appended.heads }, drafts))
}

/// Locks and reads the rows that these commands touch, applies the commands and writes the changes. Adds the request
/// that caused each event to `caused`.
async fn take_step(
    transaction: &mut PgConnection,
    working: &mut WorkingSet<'_>,
    step: &[Work<'_>],
    caused: &mut Vec<usize>,
) -> Result<(), BatchError> {
    if let [work] = step
        && forget::is_deletion(work.command)
    {
        forget::forget(transaction, working, work)
            .await?
            .map_err(|rejection| BatchError::Rejected { index: work.index, rejection })?;
        caused.resize(working.drafts.len(), work.index);
        return Ok(save::save(transaction, working).await?);
    }
    let resolved = load::load(transaction, working, step).await?;
    for (work, resolved) in step.iter().zip(resolved) {
        let context = Context { inbound: work.inbound, speaker: work.speaker, key: &work.command.key, resolved };
        working
            .apply(context, work.command)
            .map_err(|rejection| BatchError::Rejected { index: work.index, rejection })?;
        caused.resize(working.drafts.len(), work.index);
    }
    Ok(save::save(transaction, working).await?)
}

/// The receipt of a request before its commands are applied.
fn receipt(inbound: &Inbound) -> Receipt {
    let (outcome, error) = match &inbound.reading {
        Reading::Commands { .. } => (Outcome::Accepted, None),
        Reading::Unrecognised { reason, .. } => (Outcome::Unrecognised, Some(reason.clone())),
        Reading::Quarantined { reason } => (Outcome::Quarantined, Some(reason.clone())),
        Reading::Excessive { reason, .. } => (Outcome::Failed, Some(reason.clone())),
    };
    Receipt { outcome, error, events: Vec::new() }
}

pub(crate) fn commands(inbound: &Inbound) -> &[Command] {
    match &inbound.reading {
        Reading::Commands { commands, .. } => commands,
        Reading::Unrecognised { .. } | Reading::Quarantined { .. } | Reading::Excessive { .. } => &[],
    }
}
