//! One operation of a WebSocket.

use std::{pin::pin, time::Duration};

use async_graphql::{Response, parser::types::OperationType};
use futures::StreamExt;
use inlet_store::records::audit::Origin;
use serde_json::Value;
use tokio::{sync::mpsc, time::timeout};

use super::Handed;

use crate::{
    access::credential::Credential,
    error::{ApiError, ErrorCode, response_of},
    execution::{
        engine::{Engine, Written, errors, finish, is_request_error},
        parameters::Parameters,
        streaming::Answer,
        subscription_memory::Shelf,
    },
    transport::{
        outgoing::{Room, Tap, Way},
        spans::OperationSpan,
    },
};

/// One operation of a WebSocket.
pub(super) struct Operation {
    pub(super) engine: Engine,
    pub(super) credential: Option<Credential>,
    pub(super) origin: Origin,
    pub(super) frames: mpsc::Sender<Handed>,
    pub(super) way: Way,
    pub(super) tap: Tap,
    /// How long the client may read nothing while a frame waits for room.
    pub(super) stall: Duration,
    pub(super) shelf: Shelf,
    pub(super) id: String,
}

impl Operation {
    pub(super) async fn run(self, payload: Value) {
        let parameters = match Parameters::from_json(payload) {
            Ok(parameters) => parameters,
            Err(bad) => {
                return self.fail(response_of(ApiError::new(ErrorCode::BadUserInput, bad.to_string()))).await;
            }
        };
        let prepared = self.engine.prepared(parameters, self.credential.clone(), self.origin.clone()).await;
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(refused) => return self.fail(*refused).await,
        };
        let mut span = OperationSpan::new(prepared.kind, self.credential.as_ref(), self.request_id());
        let is_subscription = prepared.kind == OperationType::Subscription;
        let _kept = match is_subscription.then(|| self.shelf.keep(prepared.weight)).transpose() {
            Ok(kept) => kept,
            Err(error) => return self.fail(response_of(error)).await,
        };
        let mut answers = self.engine.stream(prepared);
        let mut is_first = true;
        while let Some(answer) = answers.next().await {
            span.answered();
            let answer = match answer {
                Answer::Own(answer) => *answer,
                Answer::End(answer) => return self.fail(*answer).await,
                Answer::Rendered(payload) => {
                    is_first = false;
                    if self.hand(&payload).await.is_err() {
                        return;
                    }
                    continue;
                }
            };
            // A subscription that cannot start or continue is a request error, whatever its path.
            let is_over = is_subscription && answer.is_err() && never(&answer.data);
            if is_request_error(&answer) || (is_over && (is_first || is_forbidden(&answer))) {
                return self.fail(answer).await;
            }
            is_first = false;
            let written = Written::of(answer, self.request_id());
            if self.hand(&written.body).await.is_err() {
                return;
            }
        }
        let frame = format!("{{\"id\":{},\"type\":\"complete\"}}", quoted(&self.id));
        self.last(frame).await;
    }

    /// Hands a response to the socket. It becomes a frame only when there is room: until then, all members of a group
    /// share it.
    async fn hand(&self, payload: &str) -> Result<(), mpsc::error::SendError<Handed>> {
        let Some(room) = self.room(payload.len()).await else {
            return self.frames.send(Handed::Stalled).await;
        };
        self.frames.send(Handed::Frame(self.frame(payload), room)).await
    }

    async fn last(self, frame: String) {
        let last = match self.room(frame.len()).await {
            Some(room) => Handed::Last(self.id, frame, room),
            None => Handed::Stalled,
        };
        let _ = self.frames.send(last).await;
    }

    /// Waits for room for a frame. `None` if the client reads nothing of the frames before it for too long.
    async fn room(&self, bytes: usize) -> Option<Room> {
        let mut room = pin!(self.way.room(bytes));
        loop {
            let before = self.tap.total();
            match timeout(self.stall, &mut room).await {
                Ok(room) => return Some(room),
                // An empty tap waits for other connections of the workspace.
                Err(_) if self.tap.total() != before || self.tap.is_empty() => {}
                Err(_) => return None,
            }
        }
    }

    fn frame(&self, payload: &str) -> String {
        format!("{{\"id\":{},\"type\":\"next\",\"payload\":{payload}}}", quoted(&self.id))
    }

    fn request_id(&self) -> &str {
        self.origin.request_id.as_deref().unwrap_or_default()
    }

    async fn fail(self, mut response: Response) {
        finish(&mut response, self.request_id());
        let errors = serde_json::to_string(&errors(&response)).unwrap_or_else(|_| "[]".to_owned());
        let frame = format!("{{\"id\":{},\"type\":\"error\",\"payload\":{errors}}}", quoted(&self.id));
        self.last(frame).await;
    }
}

fn is_forbidden(answer: &Response) -> bool {
    let code = |error: &async_graphql::ServerError| error.extensions.as_ref()?.get("code").cloned();
    answer.errors.iter().any(|error| code(error) == Some(ErrorCode::Forbidden.name()))
}

/// Whether a subscription's response is null, or its only field is.
fn never(data: &async_graphql::Value) -> bool {
    match data {
        async_graphql::Value::Object(members) => members.values().all(|value| *value == async_graphql::Value::Null),
        data => *data == async_graphql::Value::Null,
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
