//! The event log, read by pages.

use std::{collections::VecDeque, sync::Arc};

use async_graphql::{Context, Object};
use inlet_domain::event::{EventType, pattern::is_sent, schema};
use inlet_store::log::{self, Cursor as LogCursor, Heads, LogEntry, LogState, Lost};

use crate::{
    access::visible::may_see,
    error::{ApiError, ErrorCode, Result},
    execution::context::{Caller, Shared, reads, session, viewer},
    schema::types::{
        connection::{Connection, Edge, page_cost, size},
        event::Event,
        scalars::{Cursor, Json},
    },
};

/// Entries that are read at a time. The largest ones are as large as a provider's request.
const STEP: i64 = 25;
/// The maximum size of a page in bytes of payload, one entry at least: half of what an answer may have where nothing else is set
/// (`--max-answer`).
const MOST_BYTES: usize = 4 << 20;

/// The part of the query root that reads the log.
#[derive(Default)]
pub(super) struct Events;

fn heads<'a>(ctx: &Context<'a>) -> &'a Heads {
    &ctx.data_unchecked::<Arc<Shared>>().heads
}

fn resume(state: &LogState, path: &str, cursor: &Cursor) -> Result<i64, ApiError> {
    let cursor: LogCursor =
        cursor.0.parse().map_err(|error: log::InvalidCursor| ApiError::input(path, error.to_string()))?;
    state.resume(cursor).map_err(|lost| {
        let why = match lost {
            Lost::Trimmed => "events after this cursor are past retention",
            Lost::Foreign => "this cursor is of another life of the log, or beyond its head",
        };
        ApiError::new(ErrorCode::CursorLost, format!("{why}: read the lists anew and go on from `head`"))
    })
}

#[Object]
impl Events {
    /// Where the event log stands. It is read before every other field of the operation, so a subscription that
    /// follows from it misses nothing that the other fields do not show.
    async fn head(&self, ctx: &Context<'_>) -> Result<Cursor> {
        let scope = viewer(ctx)?.scope;
        let state = match ctx.data_opt::<Caller>().and_then(|caller| caller.head) {
            Some(state) => state,
            None => {
                let state = log::durable_state(&*reads(ctx).await, heads(ctx), scope).await;
                state?
            }
        };
        Ok(Cursor(state.cursor().to_string()))
    }

    /// The event log, oldest first: the same events in the same order as on the subscription and in webhooks. A page has fewer
    /// events than were asked for where their payloads have more than 4 MiB: `pageInfo` tells whether the log goes on.
    #[graphql(complexity = "page_cost(first, last, child_complexity)")]
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many from the beginning; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor; null is the log's beginning.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the end; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor; null is the log's end.")] before: Option<Cursor>,
    ) -> Result<Option<Connection<Event>>> {
        let scope = viewer(ctx)?.scope;
        let (size, from_end) = size(first, last)?;
        let step = i64::from(size).min(STEP);
        let database = reads(ctx).await;
        let pool = &database.pool;
        let state = log::durable_state(&database, heads(ctx), scope).await?;
        let lowest = after.as_ref().map_or(Ok(state.floor), |cursor| resume(&state, "after", cursor))?;
        let highest = match &before {
            Some(cursor) => (resume(&state, "before", cursor)? - 1).max(lowest),
            None => state.head,
        };
        let credential = &session(ctx)?.credential;
        let wanted = usize::try_from(size).unwrap_or_default();
        let (mut found, mut bytes, mut is_full) = (VecDeque::<Arc<LogEntry>>::new(), 0, false);
        let (mut start, mut end) = if from_end { (highest, highest) } else { (lowest, lowest) };
        // What the viewer may not see is passed over, and the page filled from what lies beyond.
        while !is_full && if from_end { start > lowest } else { end < highest } {
            let from = if from_end { lowest.max(start - step) } else { end };
            let to = if from_end { start } else { highest.min(end + step) };
            let entries = log::after(pool, scope, from, to - from).await?;
            let mut seen: Vec<_> = entries
                .into_iter()
                .filter(|entry| entry.seq <= to && may_see(credential, entry))
                .map(Arc::new)
                .collect();
            if from_end {
                seen.reverse();
            }
            for entry in seen {
                bytes += entry.weight();
                is_full = found.len() == wanted || (bytes > MOST_BYTES && !found.is_empty());
                if is_full {
                    break;
                }
                if from_end { found.push_front(entry) } else { found.push_back(entry) }
            }
            if from_end {
                start = from
            } else {
                end = to
            }
            is_full |= found.len() == wanted;
        }
        if is_full {
            (start, end) = if from_end {
                (found.front().map_or(start, |first| first.seq - 1), end)
            } else {
                (start, found.back().map_or(end, |last| last.seq))
            };
        }
        let edges = found.into_iter().map(|entry| {
            let event = Event::of_log(entry, state.epoch);
            Edge { cursor: event.cursor(), node: event }
        });
        Ok(Some(Connection::of_edges(edges.collect(), start > state.floor, end < state.head)))
    }

    /// The JSON Schema of the body that a webhook gets for an event type; null where there is no such type for webhooks.
    async fn event_schema(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "type", desc = "The type, such as `message.created`.")] kind: String,
    ) -> Result<Option<Json>> {
        viewer(ctx)?;
        Ok(kind.parse().ok().and_then(schema::of).map(Json::Value))
    }

    /// The types of events that there are: those that webhooks get, and with `live` those too that live subscriptions
    /// alone show.
    async fn event_types(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "True: those that no webhook gets, too.", default)] live: bool,
    ) -> Result<Option<Vec<&'static str>>> {
        viewer(ctx)?;
        let names = EventType::ALL.iter().map(|kind| kind.name());
        Ok(Some(names.filter(|name| live || is_sent(name)).collect()))
    }
}
