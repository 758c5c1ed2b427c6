//! What can be followed live.

use std::sync::Arc;

use async_graphql::{Context, Result, Subscription};
use futures::{Stream, StreamExt};
use inlet_domain::{log::Cursor as LogCursor, model::right::Right};

use crate::{
    context::{Shared, viewer},
    error::ApiError,
    live::Update,
    types::{
        event::{Event, LiveUpdate, Reset},
        scalars::Cursor,
    },
};

/// What can be followed live.
pub struct Subscription;

/// What can be followed live, over a WebSocket with `graphql-transport-ws` or as an event stream (`accept:
/// text/event-stream`, by POST or GET).
#[Subscription]
impl Subscription {
    /// Every event after the cursor, in the log's order, each once. Take `head` and the lists in one query, then
    /// follow from that `head`; after a break follow from the last event's `cursor`.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Where to go on: the cursor of an event, of a `Reset`, or `head`. Null begins now.")]
        after: Option<Cursor>,
    ) -> Result<impl Stream<Item = LiveUpdate> + use<>> {
        let viewer = viewer(ctx, Right::ReadInbox)?;
        let cursor = after.map(|cursor| cursor.0.parse::<LogCursor>()).transpose().map_err(ApiError::from)?;
        let updates = ctx.data_unchecked::<Arc<Shared>>().live.follow(viewer.scope, cursor);
        Ok(updates.map(|update| match update {
            Update::Entry(epoch, entry) => LiveUpdate::Event(Event { entry, epoch }),
            Update::Reset(reason, cursor) => LiveUpdate::Reset(Reset { reason, cursor: Cursor(cursor.to_string()) }),
        }))
    }
}
