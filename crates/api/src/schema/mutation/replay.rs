//! Replaying the raw log.

use std::{collections::BTreeMap, sync::Arc};

use async_graphql::{ComplexObject, Context, ID, InputObject, Object, SimpleObject};
use inlet_domain::{ids::InboundEventId, model::outcome::Outcome};
use inlet_store::{
    apply::ApplyError,
    error::StoreError,
    records::{
        mutation_tx::{self, MutationRequest},
        page::{InvalidPosition, Position, Sort},
    },
    replay::{Part, ReplayError, Replayed, Replayer, Report},
};

use super::asked;
use crate::{
    error::{ApiError, ErrorCode, Result},
    execution::context::{Shared, loaders, viewer_of},
    schema::types::{
        enums,
        event::Event,
        inbound_event::{InboundEvent, InboundEventFilter, WouldRaise},
        scalars::Cursor,
    },
};

/// Which requests to replay, and how.
#[derive(InputObject)]
pub struct ReplayInboundEventsInput {
    /// Which requests.
    filter: InboundEventFilter,
    /// Whether to tell only what would change. Nothing is written then; each request is looked at alone.
    #[graphql(default)]
    dry_run: bool,
    /// How many at most, the oldest first: 1 to 1,000.
    #[graphql(default = 100)]
    limit: i32,
    /// Only those received after the one that this cursor is of: the `nextCursor` of the call before.
    after: Option<Cursor>,
    /// Makes a repeat a repeat, which gets the same answer; of no use with `dryRun`. Without one a repeat replays once
    /// more, which changes nothing.
    idempotency_key: Option<String>,
}

/// The result of a replay, or of its dry run.
#[derive(SimpleObject)]
pub struct ReplayInboundEventsPayload {
    /// Whether nothing was written.
    dry_run: bool,
    /// How many requests went from which outcome to which.
    counts: Vec<ReplayCount>,
    /// Each request, in the order of receipt.
    results: Vec<ReplayedInboundEvent>,
    /// Where to go on, as `after`; null where there is no more.
    next_cursor: Option<Cursor>,
}

/// How many requests went from one outcome to another.
#[derive(SimpleObject)]
pub struct ReplayCount {
    /// Their outcome before the replay.
    before: enums::InboundOutcome,
    /// Their outcome now; null where they could not be read again.
    after: Option<enums::InboundOutcome>,
    /// How many.
    count: usize,
}

/// The result for one request.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct ReplayedInboundEvent {
    #[graphql(skip)]
    replayed: Replayed,
    /// The request's id.
    id: ID,
    /// Its outcome before the replay.
    before: enums::InboundOutcome,
    /// Its outcome now; null where it could not be read again. What had its effect once stays ACCEPTED in the raw
    /// log, whatever this says.
    after: Option<enums::InboundOutcome>,
    /// Why it was not accepted, or could not be read again.
    error: Option<String>,
    /// The events that the replay raised; none where it changed nothing.
    event_ids: Vec<ID>,
}

#[ComplexObject]
impl ReplayedInboundEvent {
    /// The request as it is now.
    async fn inbound_event(&self, ctx: &Context<'_>) -> Result<Option<InboundEvent>> {
        Ok(loaders(ctx)?.inbound.load(self.replayed.id).await?.map(InboundEvent))
    }

    /// The events that the replay raised. Needs the right to read the inbox.
    async fn events(&self, ctx: &Context<'_>) -> Result<Vec<Event>> {
        viewer_of(ctx, "ReplayedInboundEvent.events")?;
        Event::of_ids(ctx, &self.replayed.events).await
    }

    /// The events that a replay would raise; of a dry run only. Needs the right to read the inbox.
    async fn would_raise(&self, ctx: &Context<'_>) -> Result<Vec<WouldRaise>> {
        viewer_of(ctx, "ReplayedInboundEvent.wouldRaise")?;
        Ok(self.replayed.would_raise.iter().cloned().map(WouldRaise::of).collect())
    }
}

impl ReplayInboundEventsPayload {
    fn of(report: Report, dry_run: bool) -> Self {
        let mut counts: BTreeMap<(Outcome, Option<Outcome>), usize> = BTreeMap::new();
        for replayed in &report.replayed {
            *counts.entry((replayed.before, replayed.after)).or_default() += 1;
        }
        let count = |((before, after), count): ((Outcome, Option<Outcome>), usize)| ReplayCount {
            before: before.into(),
            after: after.map(Into::into),
            count,
        };
        let result = |replayed: Replayed| ReplayedInboundEvent {
            id: ID(replayed.id.to_string()),
            before: replayed.before.into(),
            after: replayed.after.map(Into::into),
            error: replayed.error.clone(),
            event_ids: replayed.events.iter().map(|id| ID(id.to_string())).collect(),
            replayed,
        };
        Self {
            dry_run,
            counts: counts.into_iter().map(count).collect(),
            next_cursor: report.next.map(|id| Cursor(Position::of_id(id.0).to_string())),
            results: report.replayed.into_iter().map(result).collect(),
        }
    }
}

impl From<ReplayError> for ApiError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Store(error) => Self::from(error),
            ReplayError::Apply(ApplyError::Overloaded { retry_after }) => {
                Self::from(StoreError::Overloaded { retry_after })
            }
            ReplayError::Apply(error) => Self::new(ErrorCode::Unavailable, error.to_string()),
        }
    }
}

/// The part of the mutation root for the raw log.
#[derive(Default)]
pub(super) struct Replays;

#[Object]
impl Replays {
    /// Reads kept requests anew and applies them once more, oldest first: what a mended adapter now understands has its
    /// effect, and what had its effect has it once. A replay reopens no conversation, marks none unread and sends
    /// nothing. The events that it raises bear the time when the request first came. Needs the right to manage sources. For
    /// more requests than `limit`, call again with `nextCursor`.
    #[graphql(complexity = "usize::try_from(input.limit).unwrap_or(1).max(1) * child_complexity + 1")]
    async fn replay_inbound_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which requests, and how.")] input: ReplayInboundEventsInput,
    ) -> Result<Option<ReplayInboundEventsPayload>> {
        let (_, asked) = asked(ctx, input.idempotency_key.as_deref())?;
        let shared = ctx.data_unchecked::<Arc<Shared>>();
        let after = match input.after.map(|cursor| cursor.0.parse::<Position>()) {
            None => None,
            Some(Ok(position)) if position.sort == Sort::Id => Some(position.id),
            Some(_) => return Err(ApiError::input("input.after", InvalidPosition.to_string())),
        };
        let part = Part {
            filter: input.filter.read("input.filter")?,
            after: after.map(InboundEventId),
            limit: u32::try_from(input.limit).unwrap_or(0),
        };
        let replayer = Replayer {
            database: &shared.database,
            sealer: &shared.sealer,
            apply: &shared.apply,
            reader: shared.reader.as_ref(),
        };
        let report = replay_once(shared, &replayer, &asked, &part, input.dry_run).await;
        Ok(Some(ReplayInboundEventsPayload::of(report?, input.dry_run)))
    }
}

/// The key is taken before the first request and the answer kept after the last: a process that dies between them
/// leaves a key under which the replay begins anew, and what had its effect has it once. A dry run has no effect, so
/// that its key is not kept.
async fn replay_once(
    shared: &Shared,
    replayer: &Replayer<'_>,
    asked: &MutationRequest<'_>,
    part: &Part,
    dry_run: bool,
) -> Result<Report, ReplayError> {
    if dry_run {
        let asked = MutationRequest { key: None, ..asked.clone() };
        mutation_tx::begin_long::<Report>(&shared.database, &shared.ambient, &asked).await?;
        return replayer.dry_run(asked.scope, part).await;
    }
    if let Some(report) = mutation_tx::begin_long(&shared.database, &shared.ambient, asked).await? {
        return Ok(report);
    }
    let report = replayer.replay(asked.scope, part).await?;
    mutation_tx::done_long(&shared.database, asked, &report).await?;
    Ok(report)
}
