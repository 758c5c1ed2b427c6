//! The responses of a subscription to the log, while the requester has the rights.

use std::{collections::VecDeque, pin::Pin, sync::Arc};

use async_graphql::Response;
use futures::{
    Stream, StreamExt,
    future::BoxFuture,
    stream::{self, FuturesOrdered},
};

use super::render::{Group, Operation, Update};
use crate::{
    access::credential::Credential,
    error::{ApiError, response_of},
    execution::engine::Engine,
    follow::feed::{Feed, FeedItem, Wanted},
};

/// Updates that are rendered at once, so that the duration of one does not bound the stream.
const AHEAD: usize = 8;
/// Maximum bytes of payload in these updates, beside the update that is due.
const AHEAD_BYTES: usize = 256 << 10;

/// An item of a stream.
pub enum Answer {
    /// A response that was rendered for a group.
    Rendered(Arc<str>),
    /// A response of its own.
    Own(Box<Response>),
    /// The errors that end the stream.
    End(Box<Response>),
}

struct Following {
    engine: Engine,
    credential: Credential,
    group: Arc<Group>,
    feed: Feed,
    /// The renderings in order, and their updates.
    rendering: FuturesOrdered<BoxFuture<'static, Update>>,
    of: VecDeque<FeedItem>,
    forbidden: Pin<Box<dyn Future<Output = ApiError> + Send>>,
}

/// Follows the log: each wanted update once.
pub fn follow(
    engine: &Engine,
    credential: Credential,
    operation: Operation,
    wanted: Wanted,
) -> impl Stream<Item = Answer> + Send + use<> {
    let need = inlet_domain::model::right::field("Subscription.events").map(|(_, need)| need);
    let following = Following {
        feed: engine.shared.live.feed(credential.clone(), wanted),
        forbidden: Box::pin(credential.until_forbidden(need)),
        group: engine.groups.join(&engine.schema, &engine.shared, &engine.executor, &credential, &Arc::new(operation)),
        engine: engine.clone(),
        credential,
        rendering: FuturesOrdered::new(),
        of: VecDeque::new(),
    };
    stream::unfold(Some(following), |following| async {
        let mut following = following?;
        match following.next().await? {
            Ok(rendered) => Some((Answer::Rendered(rendered), Some(following))),
            Err(errors) => Some((Answer::End(Box::new(Response::from_errors(errors.to_vec()))), None)),
        }
    })
}

impl Following {
    async fn next(&mut self) -> Option<Update> {
        loop {
            tokio::select! {
                biased;
                error = &mut self.forbidden => return Some(Err(response_of(error).errors.into())),
                Some(rendered) = self.rendering.next() => {
                    if *self.group.grant() != self.credential.grant() {
                        self.begin_anew();
                        continue;
                    }
                    self.of.pop_front();
                    return Some(rendered);
                }
                told = self.feed.next(), if self.has_room() => self.begin(told?),
            }
        }
    }

    /// Whether one more update may be rendered ahead.
    fn has_room(&self) -> bool {
        self.of.len() < AHEAD && self.of.iter().map(FeedItem::size).sum::<usize>() < AHEAD_BYTES
    }

    fn begin(&mut self, told: FeedItem) {
        if self.of.is_empty() && *self.group.grant() != self.credential.grant() {
            self.regroup();
        }
        self.rendering.push_back(self.group.render(&told));
        self.of.push_back(told);
    }

    /// Renders again what has not been sent: the rights have changed since.
    fn begin_anew(&mut self) {
        self.regroup();
        self.rendering = FuturesOrdered::new();
        self.of.retain(|told| self.feed.may_be_told(told));
        for told in &self.of {
            self.rendering.push_back(self.group.render(told));
        }
    }

    fn regroup(&mut self) {
        let operation = Arc::clone(self.group.operation());
        let Engine { schema, shared, groups, executor, .. } = &self.engine;
        self.group = groups.join(schema, shared, executor, &self.credential, &operation);
    }
}
