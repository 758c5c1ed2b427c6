//! Replay of the raw log.

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

/// Input of `replayInboundEvents`.
#[derive(InputObject)]
pub struct ReplayInboundEventsInput {
    /// Requests to replay.
    filter: InboundEventFilter,
    /// Whether to report only the changes that a replay would make. A dry run writes nothing, and looks at each request
    /// separately.
    #[graphql(default)]
    dry_run: bool,
    /// Maximum number of requests, oldest first: 1 to 1,000.
    #[graphql(default = 100)]
    limit: i32,
    /// Replay only requests after this cursor: the `nextCursor` of the previous call.
    after: Option<Cursor>,
    /// Idempotency key: a retry within 24 hours returns the first result. It has no effect with `dryRun`. A retry
    /// without a key replays again, which changes nothing.
    idempotency_key: Option<String>,
}

/// Result of `replayInboundEvents`.
#[derive(SimpleObject)]
pub struct ReplayInboundEventsPayload {
    /// Whether this was a dry run.
    dry_run: bool,
    /// Number of requests by result before and after the replay.
    counts: Vec<ReplayCount>,
    /// Result of each request, in order of arrival.
    results: Vec<ReplayedInboundEvent>,
    /// Cursor for `after` of the next call. Null if no requests remain.
    next_cursor: Option<Cursor>,
}

/// Number of requests with the same results before and after the replay.
#[derive(SimpleObject)]
pub struct ReplayCount {
    /// Result before the replay.
    before: enums::InboundOutcome,
    /// Result after the replay. Null if Inlet could not read the requests again.
    after: Option<enums::InboundOutcome>,
    /// Number of requests.
    count: usize,
}

/// Result of replaying one request.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct ReplayedInboundEvent {
    #[graphql(skip)]
    replayed: Replayed,
    /// Global id of the request.
    id: ID,
    /// Result before the replay.
    before: enums::InboundOutcome,
    /// Result after the replay. Null if Inlet could not read the request again. In the raw log, a request that was once
    /// ACCEPTED stays ACCEPTED.
    after: Option<enums::InboundOutcome>,
    /// Reason why the request was not accepted, or could not be read again.
    error: Option<String>,
    /// Global ids of the events that the replay raised. Empty if it changed nothing.
    event_ids: Vec<ID>,
}

#[ComplexObject]
impl ReplayedInboundEvent {
    /// The request in its present state.
    async fn inbound_event(&self, ctx: &Context<'_>) -> Result<Option<InboundEvent>> {
        Ok(loaders(ctx)?.inbound.load(self.replayed.id).await?.map(InboundEvent))
    }

    /// Events that the replay raised. Needs the right `read_inbox`.
    async fn events(&self, ctx: &Context<'_>) -> Result<Vec<Event>> {
        viewer_of(ctx, "ReplayedInboundEvent.events")?;
        Event::of_ids(ctx, &self.replayed.events).await
    }

    /// Events that a replay would raise. Empty unless this was a dry run. Needs the right `read_inbox`.
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
    /// Reads stored requests again and applies them, oldest first. Use it after a fix of an adapter or a mapping.
    /// Effects that were applied before are not applied twice. A replay reopens no conversation, marks nothing as
    /// unread and sends nothing. Its events have the time when the request first arrived. For more requests than
    /// `limit`, call again with `nextCursor`. Needs the right `manage_sources`.
    #[graphql(complexity = "usize::try_from(input.limit).unwrap_or(1).max(1) * child_complexity + 1")]
    async fn replay_inbound_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Input of the mutation.")] input: ReplayInboundEventsInput,
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
            reader: &shared.reader,
            long: &shared.long,
        };
        let report = replay_once(shared, &replayer, &asked, &part, input.dry_run).await;
        Ok(Some(ReplayInboundEventsPayload::of(report?, input.dry_run)))
    }
}

/// Replays once for each idempotency key. The key is taken before the first request, the result is stored after the
/// last. If the process dies between them, a retry starts again; effects that were applied are not applied twice. A dry
/// run has no effect, so its key is not stored.
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
