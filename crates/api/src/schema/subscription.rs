//! What can be followed live.

use std::sync::Arc;

use async_graphql::{Context, Subscription};
use futures::{
    Stream, StreamExt,
    future::ready,
    stream::{self, BoxStream},
};
use inlet_domain::scope::Actor;
use inlet_store::log::Cursor as LogCursor;

use crate::{
    error::{ApiError, Result},
    execution::context::{Injected, Opening, Shared, session, until_forbidden, viewer},
    follow::feed::{Feed, FeedItem, Wanted},
    schema::types::{
        conversation_filter::EventFilter,
        event::{Checkpoint, Event, LiveUpdate, Reset},
        inbox_counts::InboxCounts,
        presence::PresenceUpdate,
        scalars::Cursor,
    },
};

/// All subscriptions.
pub struct Subscription;

/// All subscriptions, over a WebSocket with `graphql-transport-ws` or as an event stream (`accept:
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
    ) -> Result<BoxStream<'static, Result<LiveUpdate>>> {
        let actor = viewer(ctx)?.actor;
        if let Some(Injected(told)) = ctx.data_opt::<Injected>() {
            return Ok(stream::once(ready(Ok(update(told.clone(), actor)))).boxed());
        }
        let wanted = Wanted {
            after: after.map(|cursor| cursor.0.parse::<LogCursor>()).transpose()?,
            filter: filter.unwrap_or_default().into_matcher()?,
            checkpoints,
        };
        if let Some(opening) = ctx.data_opt::<Opening>() {
            opening.0.lock().replace(wanted);
            return Ok(stream::empty().boxed());
        }
        let feed = ctx.data_unchecked::<Arc<Shared>>().live.feed(session(ctx)?.credential.clone(), wanted);
        Ok(while_allowed(ctx, updates(feed, actor))?.boxed())
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
        while_allowed(ctx, updates.map(PresenceUpdate::from))
    }
}

fn updates(feed: Feed, viewer: Actor) -> BoxStream<'static, LiveUpdate> {
    let updates = stream::unfold(feed, move |mut feed| async move {
        let told = feed.next().await?;
        Some((update(told, viewer), feed))
    });
    updates.boxed()
}

fn update(told: FeedItem, viewer: Actor) -> LiveUpdate {
    let cursor = |cursor: LogCursor| Cursor(cursor.to_string());
    match told {
        FeedItem::Event(entry, membership) => {
            LiveUpdate::Event(Event { entry: Arc::clone(&entry.log), epoch: entry.epoch, membership })
        }
        FeedItem::Reset(reason, at) => LiveUpdate::Reset(Reset { reason, cursor: cursor(at) }),
        FeedItem::Checkpoint(checkpoint) => LiveUpdate::Checkpoint(Checkpoint {
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
            error = &mut forbidden => Some((Err(error), None)),
            update = updates.next() => Some((Ok(update?), Some((updates, forbidden)))),
        }
    }))
}
