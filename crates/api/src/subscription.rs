//! What can be followed live.

use std::sync::Arc;

use async_graphql::{Context, Result, Subscription};
use futures::{Stream, StreamExt, stream};
use inlet_domain::{log::Cursor as LogCursor, scope::Actor};

use crate::{
    context::{Shared, until_forbidden, viewer},
    error::ApiError,
    live::Update,
    types::{
        event::{Event, LiveUpdate, Reset},
        presence::PresenceUpdate,
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
    ) -> Result<impl Stream<Item = Result<LiveUpdate>> + use<>> {
        let viewer = viewer(ctx)?;
        let cursor = after.map(|cursor| cursor.0.parse::<LogCursor>()).transpose().map_err(ApiError::from)?;
        let updates = ctx.data_unchecked::<Arc<Shared>>().live.follow(viewer.scope, cursor);
        let updates = updates.map(|update| match update {
            Update::Entry(epoch, entry) => LiveUpdate::Event(Event { entry, epoch }),
            Update::Reset(reason, cursor) => LiveUpdate::Reset(Reset { reason, cursor: Cursor(cursor.to_string()) }),
        });
        Ok(while_allowed(ctx, updates)?)
    }

    /// Who is there and who types: all that is known first, then each change. Of a member it also keeps alive what they
    /// said with `setAvailability`, for as long as it lasts.
    async fn presence(&self, ctx: &Context<'_>) -> Result<impl Stream<Item = Result<PresenceUpdate>> + use<>> {
        let viewer = viewer(ctx)?;
        let member = match viewer.actor {
            Actor::Member(member) => Some(member),
            Actor::ApiKey(_) | Actor::Provider | Actor::System => None,
        };
        let updates = ctx.data_unchecked::<Arc<Shared>>().presence.follow(viewer.scope, member);
        Ok(while_allowed(ctx, updates.map(PresenceUpdate::from))?)
    }
}

/// Ends with `FORBIDDEN` as soon as who asks may have the field no longer, whether or not anything comes.
fn while_allowed<T, S: Stream<Item = T>>(
    ctx: &Context<'_>,
    updates: S,
) -> Result<impl Stream<Item = Result<T>> + use<T, S>, ApiError> {
    let forbidden = until_forbidden(ctx)?;
    let both = Some((Box::pin(updates), Box::pin(forbidden)));
    Ok(stream::unfold(both, |both| async {
        let (mut updates, mut forbidden) = both?;
        tokio::select! {
            biased;
            error = &mut forbidden => Some((Err(error.into()), None)),
            update = updates.next() => Some((Ok(update?), Some((updates, forbidden)))),
        }
    }))
}
