//! The event log, read by pages.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};
use inlet_domain::{
    event::{EventType, schema},
    log::{self, Cursor as LogCursor, LogState, Lost},
};

use crate::{
    context::{Caller, viewer},
    error::{ApiError, ErrorCode},
    gate::reads,
    types::{
        connection::{Connection, Edge, page_cost, size},
        event::Event,
        scalars::{Cursor, Json},
    },
};

/// The part of the query root that reads the log.
#[derive(Default)]
pub(super) struct Events;

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
            None => log::state(&reads(ctx).await.pool, scope).await.map_err(ApiError::from)?,
        };
        Ok(Cursor(state.cursor().to_string()))
    }

    /// The event log, oldest first: the same events in the same order as on the subscription and in webhooks.
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
        let size = i64::from(size);
        let database = reads(ctx).await;
        let pool = &database.pool;
        let state = log::state(pool, scope).await.map_err(ApiError::from)?;
        let lowest = after.as_ref().map_or(Ok(state.floor), |cursor| resume(&state, "after", cursor))?;
        let highest = match &before {
            Some(cursor) => (resume(&state, "before", cursor)? - 1).max(lowest),
            None => state.head,
        };
        // Numbers have no gaps, so a page from the end is a page after a number, too.
        let start = if from_end { lowest.max(highest - size) } else { lowest };
        let end = highest.min(start + size);
        let entries = match end - start {
            0 => Vec::new(),
            count => log::after(pool, scope, start, count).await.map_err(ApiError::from)?,
        };
        let edges = entries.into_iter().map(|entry| {
            let event = Event { entry: Arc::new(entry), epoch: state.epoch };
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

    /// The types of events that there are.
    async fn event_types(&self, ctx: &Context<'_>) -> Result<Option<Vec<&'static str>>> {
        viewer(ctx)?;
        Ok(Some(EventType::ALL.iter().map(|kind| kind.name()).collect()))
    }
}
