//! The subscription root.

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

/// Subscriptions. Transport: WebSocket with the subprotocol `graphql-transport-ws`, or server-sent events (`accept:
/// text/event-stream`, POST or GET).
pub struct Subscription;

/// Subscriptions. Transport: WebSocket with the subprotocol `graphql-transport-ws`, or server-sent events (`accept:
/// text/event-stream`, POST or GET).
#[Subscription]
impl Subscription {
    /// Every event after `after`, in log order, each once. To start, query `head` together with your lists, then
    /// subscribe with `after: head`. After a disconnect, subscribe with the last `cursor` that you received.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Follow the log after this cursor: that of an event, a `Checkpoint` or a `Reset`, or `head`. Null \
                          follows from now on."
        )]
        after: Option<Cursor>,
        #[graphql(desc = "Send only events that match this filter. Null matches every event.")] filter: Option<
            EventFilter,
        >,
        #[graphql(desc = "Whether to send `Checkpoint` updates.", default)] checkpoints: bool,
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

    /// Presence of the members: first a `PresenceSnapshot`, then each change. While a member has this subscription, the
    /// member's last `setAvailability` does not expire.
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

/// Ends the stream with `FORBIDDEN` as soon as the requester loses the right to the field, even if no update comes.
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
