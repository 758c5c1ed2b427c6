//! Replays the raw log: reads kept requests anew and applies them once more, so that what a mended adapter now
//! understands has its effect. A replay can run any number of times: each command has its effect only once (P2).

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use futures::future::join_all;
use inlet_domain::{
    command::{Inbound, Purpose, RawRequest},
    ids::{EventId, InboundEventId, SourceId},
    model::{outcome::Outcome, source::Source},
    reader::Reader,
    scope::Scope,
    secrets::Sealer,
};
use serde::{Deserialize, Serialize};

use crate::{
    apply::{Apply, ApplyError, PreviewedEvent},
    database::Database,
    error::StoreError,
    long_work::LongWork,
    records::{
        inbound_events::{self, Filter, InboundEvent},
        sources,
    },
};

/// The most requests of one replay.
pub const MOST: u32 = 1_000;

/// How many requests are in memory, and in apply, at once: bodies may be large.
const AT_ONCE: usize = 32;

/// Replays parts of the raw log.
#[derive(Clone, Copy)]
pub struct Replayer<'a> {
    /// The database that holds the raw log.
    pub database: &'a Database,
    /// Opens the kept requests.
    pub sealer: &'a Sealer,
    /// Applies the requests.
    pub apply: &'a Apply,
    /// Reads the requests.
    pub reader: &'a Arc<dyn Reader>,
    /// Where the requests are opened and read: they may be long.
    pub long: &'a LongWork,
}

/// A part of the raw log. A replay takes its requests oldest first.
#[derive(Debug, Clone)]
pub struct Part {
    /// Selects the requests.
    pub filter: Filter,
    /// Begin after this request; `None` begins with the oldest.
    pub after: Option<InboundEventId>,
    /// The most requests, up to [`MOST`].
    pub limit: u32,
}

/// The result of a replay or of a dry run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// One result for each request, in the order of receipt.
    pub replayed: Vec<Replayed>,
    /// The last request of this replay, if there may be more after it.
    pub next: Option<InboundEventId>,
}

/// The result of one request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Replayed {
    /// The id of the request.
    pub id: InboundEventId,
    /// The outcome before the replay.
    pub before: Outcome,
    /// The outcome of the replay; `None` if the request could not be read.
    pub after: Option<Outcome>,
    /// Why the request was not accepted, or could not be read.
    pub error: Option<String>,
    /// The events that the replay raised.
    pub events: Vec<EventId>,
    /// The events that a replay would raise; only in a dry run.
    #[serde(skip)]
    pub would_raise: Vec<PreviewedEvent>,
}

/// Why nothing was replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The raw log cannot be read, or the input is invalid.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Apply takes nothing now: try again later.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

impl ReplayError {
    /// A stable code of the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Apply(ApplyError::Overloaded { .. }) => "OVERLOADED",
            Self::Apply(ApplyError::Unavailable { .. } | ApplyError::Stopping) => "UNAVAILABLE",
        }
    }
}

/// A request as it is read anew, or why it cannot be read.
type Ready = (InboundEvent, Result<Inbound, String>);

impl Replayer<'_> {
    /// Replays a part of the raw log. If apply takes no more in the middle, the report ends there, and `next` tells
    /// where to go on.
    ///
    /// # Errors
    /// If nothing was replayed.
    pub async fn replay(&self, scope: Scope, part: &Part) -> Result<Report, ReplayError> {
        self.run(scope, part, false).await
    }

    /// Tells what a replay of each single request would do, and changes nothing.
    ///
    /// # Errors
    /// If no request could be previewed.
    pub async fn dry_run(&self, scope: Scope, part: &Part) -> Result<Report, ReplayError> {
        self.run(scope, part, true).await
    }

    async fn run(&self, scope: Scope, part: &Part, dry: bool) -> Result<Report, ReplayError> {
        if !(1..=MOST).contains(&part.limit) {
            let message = format!("a replay takes 1 to {MOST} requests at once, not {}", part.limit);
            return Err(StoreError::Invalid { path: "input.limit", message }.into());
        }
        let mut found = inbound_events::after(self.database, scope, &part.filter, part.after, part.limit + 1).await?;
        let size = usize::try_from(part.limit).unwrap_or(usize::MAX);
        let mut more = found.len() > size;
        found.truncate(size);

        let mut sources = HashMap::new();
        let mut report = Report::default();
        let mut rest = found.into_iter();
        loop {
            let chunk: Vec<InboundEvent> = rest.by_ref().take(AT_ONCE).collect();
            if chunk.is_empty() {
                break;
            }
            let ready = self.read(scope, chunk, &mut sources).await?;
            let outcome =
                if dry { self.preview(ready, &mut report).await } else { self.apply(ready, &mut report).await };
            if let Err(error) = outcome {
                if report.replayed.is_empty() {
                    return Err(error.into());
                }
                more = true;
                break;
            }
        }
        report.next = report.replayed.last().filter(|_| more).map(|replayed| replayed.id);
        Ok(report)
    }

    async fn read(
        &self,
        scope: Scope,
        chunk: Vec<InboundEvent>,
        sources: &mut HashMap<SourceId, Option<Arc<Source>>>,
    ) -> Result<Vec<Ready>, ReplayError> {
        let ids: Vec<InboundEventId> = chunk.iter().map(|inbound| inbound.id).collect();
        let sealed = inbound_events::sealed(self.database, scope, &ids).await?;
        for id in chunk.iter().map(|inbound| inbound.source_id) {
            if let Entry::Vacant(unknown) = sources.entry(id) {
                unknown.insert(sources::by_id(self.database, scope, self.sealer, id).await?.map(Arc::new));
            }
        }
        let chunk: Vec<_> =
            chunk.into_iter().map(|kept_as| (sources.get(&kept_as.source_id).cloned().flatten(), kept_as)).collect();
        let (sealer, reader) = (self.sealer.clone(), Arc::clone(self.reader));
        let ready = self.long.run(move || {
            let mut kept: HashMap<_, _> = sealed.into_iter().map(|sealed| (sealed.id, sealed.open(&sealer))).collect();
            let ready = |(source, kept_as): (Option<Arc<Source>>, InboundEvent)| {
                let request = match (kept.remove(&kept_as.id), source) {
                    (Some(Ok(raw)), Some(source)) => Ok(inbound(&*reader, &source, &kept_as, raw)),
                    (Some(Err(error)), _) => {
                        tracing::error!(id = %kept_as.id, %error, "a kept request does not open");
                        Err(format!("the kept request cannot be read: {error}"))
                    }
                    (None, _) => Err("the kept request is past retention".to_owned()),
                    (_, None) => Err("the source of the request is gone".to_owned()),
                };
                (kept_as, request)
            };
            chunk.into_iter().map(ready).collect()
        });
        ready.await.map_err(|_| ApplyError::Stopping.into())
    }

    /// Hands a chunk to apply in the order of receipt, so that requests about one address stay in that order.
    async fn apply(&self, ready: Vec<Ready>, report: &mut Report) -> Result<(), ApplyError> {
        let outcomes = join_all(ready.into_iter().map(|(kept_as, request)| async move {
            match request {
                Ok(inbound) => (kept_as, self.apply.replay(inbound).await.map(Ok)),
                Err(error) => (kept_as, Ok(Err(error))),
            }
        }))
        .await;
        for (kept_as, outcome) in outcomes {
            let replayed = Replayed::unread(&kept_as);
            report.replayed.push(match outcome? {
                Ok(receipt) => {
                    Replayed { after: Some(receipt.outcome), error: receipt.error, events: receipt.events, ..replayed }
                }
                Err(error) => Replayed { error: Some(error), ..replayed },
            });
        }
        Ok(())
    }

    async fn preview(&self, ready: Vec<Ready>, report: &mut Report) -> Result<(), ApplyError> {
        for (kept_as, request) in ready {
            let replayed = Replayed::unread(&kept_as);
            report.replayed.push(match request {
                Ok(inbound) => {
                    let preview = self.apply.preview(inbound).await?;
                    Replayed {
                        after: Some(preview.outcome),
                        error: preview.error,
                        would_raise: preview.events,
                        ..replayed
                    }
                }
                Err(error) => Replayed { error: Some(error), ..replayed },
            });
        }
        Ok(())
    }
}

fn inbound(reader: &dyn Reader, source: &Source, kept_as: &InboundEvent, raw: RawRequest) -> Inbound {
    let received_at: DateTime<Utc> = kept_as.received_at;
    let readout = reader.read(source, received_at, kept_as.event.as_deref(), raw);
    Inbound {
        id: kept_as.id,
        workspace: source.workspace,
        source: source.id,
        account: source.account,
        received_at,
        event: readout.event,
        raw: readout.raw,
        reading: readout.reading,
        purpose: Purpose::Replay,
    }
}

impl Replayed {
    fn unread(kept_as: &InboundEvent) -> Self {
        Self {
            id: kept_as.id,
            before: kept_as.outcome,
            after: None,
            error: None,
            events: Vec::new(),
            would_raise: Vec::new(),
        }
    }
}
