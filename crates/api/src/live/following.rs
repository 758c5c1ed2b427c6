//! The answers of a subscription to the log, for as long as who asked may have them.

use std::{pin::Pin, sync::Arc};

use async_graphql::Response;
use futures::{Stream, stream};

use super::{
    feed::{Feed, Wanted},
    render::{Group, Operation},
};
use crate::{
    context::Credential,
    error::ApiError,
    operation::{Engine, response_of},
};

/// What a stream is made of.
pub enum Answer {
    /// An answer that was rendered for several.
    Rendered(Arc<str>),
    /// An answer of its own.
    Own(Box<Response>),
}

struct Following {
    engine: Engine,
    credential: Credential,
    group: Arc<Group>,
    feed: Feed,
    forbidden: Pin<Box<dyn Future<Output = ApiError> + Send>>,
}

/// Everything that is wanted, each update once.
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
        group: engine.groups.join(&engine.schema, &engine.shared, &credential, &Arc::new(operation)),
        engine: engine.clone(),
        credential,
    };
    stream::unfold(Some(following), |following| async {
        let mut following = following?;
        match following.next().await? {
            Ok(rendered) => Some((Answer::Rendered(rendered), Some(following))),
            Err(error) => Some((Answer::Own(Box::new(response_of(error))), None)),
        }
    })
}

impl Following {
    async fn next(&mut self) -> Option<Result<Arc<str>, ApiError>> {
        let told = tokio::select! {
            biased;
            error = &mut self.forbidden => return Some(Err(error)),
            told = self.feed.next() => told?,
        };
        if *self.group.grant() != self.credential.grant() {
            let operation = Arc::clone(self.group.operation());
            let Engine { schema, shared, groups, .. } = &self.engine;
            self.group = groups.join(schema, shared, &self.credential, &operation);
        }
        Some(Ok(self.group.render(&told).await))
    }
}
