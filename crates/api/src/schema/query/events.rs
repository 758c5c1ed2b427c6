//! Pages of the event log.

use std::{collections::VecDeque, sync::Arc};

use async_graphql::{Context, Object};
use inlet_domain::event::{EventType, pattern::is_sent, schema};
use inlet_store::log::{self, Cursor as LogCursor, Heads, LogEntry, LogState, Lost};

use crate::{
    access::visible::may_see,
    error::{ApiError, ErrorCode, Result},
    execution::context::{Caller, Shared, reads, session, viewer},
    schema::types::{
        connection::{Connection, Edge, root_cost, size},
        event::Event,
        scalars::{Cursor, Json},
    },
};

/// Entries that one read returns. The largest entries are as large as a provider's request.
const STEP: i64 = 25;
/// The maximum size of a page in bytes of payload, one entry at least: half of what an answer may have where nothing else is set
/// (`--max-answer`).
const MOST_BYTES: usize = 4 << 20;

/// The part of the query root that reads the event log.
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
            Lost::Foreign => "this cursor belongs to another epoch of the log, or lies beyond its head",
        };
        ApiError::new(ErrorCode::CursorLost, format!("{why}: read your lists again, then follow from `head`"))
    })
}

#[Object]
impl Events {
    /// Position of the end of the event log. Inlet reads it before all other fields of the operation, so a subscription
    /// after `head` misses nothing that the other fields do not show.
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

    /// The event log, oldest first. It has the events of the subscription and of webhooks, in the same order. A page
    /// ends before its payloads exceed 4 MiB; `pageInfo` tells whether the log goes on.
    #[graphql(complexity = "root_cost(first, last, child_complexity)")]
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the start of the list: 1 to 100. Default: 20. Do not combine with `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Return only events after this cursor. Null is the start of the log.")] after: Option<Cursor>,
        #[graphql(desc = "Page size from the end of the list: 1 to 100. Do not combine with `first`.")] last: Option<
            i32,
        >,
        #[graphql(desc = "Return only events before this cursor. Null is the end of the log.")] before: Option<Cursor>,
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
        // Skip entries that the viewer may not see, and fill the page with the next ones.
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

    /// JSON Schema of the webhook body for an event type. Null for a type that webhooks do not get.
    async fn event_schema(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "type", desc = "Event type, such as `message.created`.")] kind: String,
    ) -> Result<Option<Json>> {
        viewer(ctx)?;
        Ok(kind.parse().ok().and_then(schema::of).map(Json::Value))
    }

    /// Event types that webhooks get.
    async fn event_types(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whether to include types that only live subscriptions get.", default)] live: bool,
    ) -> Result<Option<Vec<&'static str>>> {
        viewer(ctx)?;
        let names = EventType::ALL.iter().map(|kind| kind.name());
        Ok(Some(names.filter(|name| live || is_sent(name)).collect()))
    }
}
