//! What can be followed live.

use std::sync::Arc;

use async_graphql::{Context, Result, Subscription};
use futures::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use inlet_domain::{log::Cursor as LogCursor, scope::Actor};

use crate::{
    context::{Caller, Shared, until_forbidden, viewer},
    error::ApiError,
    live::feed::{Feed, Told, Wanted},
    types::{
        conversation_filter::EventFilter,
        event::{Checkpoint, Event, LiveUpdate, Reset},
        inbox_counts::InboxCounts,
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
    /// follow from that `head`; after a break follow from the last `cursor` that came.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Where to go on: the cursor of an event, of a `Checkpoint` or `Reset`, or `head`. Null begins \
                          now."
        )]
        after: Option<Cursor>,
        #[graphql(desc = "Which events; null means all.")] filter: Option<EventFilter>,
        #[graphql(desc = "Whether to tell by `Checkpoint` how far the stream has come.", default)] checkpoints: bool,
    ) -> Result<impl Stream<Item = Result<LiveUpdate>> + use<>> {
        let viewer = viewer(ctx)?;
        let actor = viewer.actor;
        let wanted = Wanted {
            after: after.map(|cursor| cursor.0.parse::<LogCursor>()).transpose().map_err(ApiError::from)?,
            filter: filter.unwrap_or_default().into_matcher()?,
            checkpoints,
        };
        let session = ctx.data_opt::<Caller>().and_then(|caller| caller.session.clone());
        let feed = session.map(|session| ctx.data_unchecked::<Arc<Shared>>().live.feed(session, wanted));
        Ok(while_allowed(ctx, updates(feed, actor))?)
    }
}

fn updates(feed: Option<Feed>, viewer: Actor) -> BoxStream<'static, LiveUpdate> {
    let updates = stream::unfold(feed, move |feed| async move {
        let mut feed = feed?;
        let told = feed.next().await?;
        Some((update(told, viewer), Some(feed)))
    });
    updates.boxed()
}

fn update(told: Told, viewer: Actor) -> LiveUpdate {
    let cursor = |cursor: LogCursor| Cursor(cursor.to_string());
    match told {
        Told::Event(entry, membership) => {
            LiveUpdate::Event(Event { entry: Arc::clone(&entry.log), epoch: entry.epoch, membership })
        }
        Told::Reset(reason, at) => LiveUpdate::Reset(Reset { reason, cursor: cursor(at) }),
        Told::Checkpoint(checkpoint) => LiveUpdate::Checkpoint(Checkpoint {
            cursor: cursor(checkpoint.cursor),
            caught_up: checkpoint.is_caught_up,
            counts: InboxCounts::of(Arc::clone(&checkpoint.counted.counts), viewer),
        }),
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
