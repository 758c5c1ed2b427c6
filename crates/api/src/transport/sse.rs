//! GraphQL over event streams: one operation for each connection, as the "distinct connections mode" of the npm package
//! graphql-sse defines (its PROTOCOL.md). Request errors are sent as events too, because a browser's `EventSource`
//! shows nothing of other responses.

use std::{sync::Arc, task::Poll, time::Duration};

use actix_web::{
    HttpResponse,
    http::header,
    web::{Bytes, BytesMut},
};
use async_graphql::{Response, parser::types::OperationType};
use futures::{Stream, StreamExt, stream};
use parking_lot::Mutex;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    access::credential::Credential,
    error::{ApiError, response_of},
    execution::{
        engine::{Engine, Prepared, Written, is_request_error},
        streaming::Answer,
    },
    transport::state::ApiState,
    transport::{
        connection::{SocketConfig, revoked},
        connection_limits::{ConnectionPermit, Full},
        outgoing::{Room, Way},
        spans::OperationSpan,
    },
};

const COMPLETE: &[u8] = b"event: complete\ndata:\n\n";
const HEARTBEAT: &[u8] = b":\n\n";

/// A stream with one event.
#[must_use]
pub fn one(written: &Written, request_id: &str) -> HttpResponse {
    let mut body = BytesMut::from(data(&written.body).as_ref());
    body.extend_from_slice(COMPLETE);
    head(request_id).body(body.freeze())
}

/// Runs an operation and streams its responses until it ends.
///
/// # Errors
/// `OVERLOADED` if the process or the credential has its maximum of streams, or the server is shutting down.
pub fn open(
    state: &ApiState,
    prepared: Prepared,
    credential: Credential,
    request_id: &str,
) -> Result<HttpResponse, ApiError> {
    let is_subscription = prepared.kind == OperationType::Subscription;
    if is_subscription && state.draining().is_cancelled() {
        return Err(ApiError::overloaded("the server is shutting down: connect again", 1));
    }
    let full = |whose| ApiError::overloaded(format!("{whose} has its maximum number of connections: close one"), 10);
    let place = state.limits().take(&credential.viewer).map_err(|taken| match taken {
        Full::All => full("this process"),
        Full::Holder => full("this credential"),
    })?;
    let config = state.config().socket.clone();
    let way = state.outgoing().way(Some(credential.viewer.scope.workspace()));
    let (frames, body) = frames(config.buffer, config.stall, way);
    let running = Running {
        engine: state.engine().clone(),
        config,
        // A query or mutation ends by itself: finish it before the shutdown (P13).
        draining: if is_subscription { state.draining().clone() } else { CancellationToken::new() },
        credential,
        request_id: request_id.to_owned(),
        frames,
        _place: place,
    };
    actix_web::rt::spawn(running.run(prepared));
    Ok(head(request_id).streaming(body))
}

fn head(request_id: &str) -> actix_web::HttpResponseBuilder {
    let mut builder = HttpResponse::Ok();
    builder
        .insert_header((header::CONTENT_TYPE, "text/event-stream; charset=utf-8"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Keep proxies from buffering live events.
        .insert_header(("x-accel-buffering", "no"))
        .insert_header(("x-request-id", request_id));
    builder
}

/// JSON escapes line ends inside strings, so it is one line of data.
fn data(payload: &str) -> Bytes {
    Bytes::from(format!("event: next\ndata: {payload}\n\n"))
}

/// The frames that a client has not read.
type Unread = mpsc::Receiver<(Bytes, Room)>;

/// Frames on their way to a client: bounded, and emptied if the client does not read.
struct Frames {
    sender: mpsc::Sender<(Bytes, Room)>,
    receiver: Arc<Mutex<Option<Unread>>>,
    way: Way,
    stall: Duration,
}

fn frames(
    buffer: usize,
    stall: Duration,
    way: Way,
) -> (Frames, impl Stream<Item = Result<Bytes, actix_web::Error>> + use<>) {
    let (sender, receiver) = mpsc::channel(buffer);
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let frames = Frames { sender, receiver: Arc::clone(&receiver), way, stall };
    let guard = Closing(receiver);
    let body = stream::poll_fn(move |cx| match guard.0.lock().as_mut() {
        Some(receiver) => receiver.poll_recv(cx).map(|frame| frame.map(|(frame, _)| Ok(frame))),
        None => Poll::Ready(None),
    });
    (frames, body)
}

/// The client's end: the receiver ends with it, although the other end knows of it too.
struct Closing(Arc<Mutex<Option<Unread>>>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.lock().take();
    }
}

impl Frames {
    /// False if no one reads: the stream is over.
    async fn send(&self, frame: Bytes) -> bool {
        let sending = async {
            let room = self.way.room(frame.len()).await;
            self.sender.send((frame, room)).await
        };
        match timeout(self.stall, sending).await {
            Ok(sent) => sent.is_ok(),
            Err(_) => {
                tracing::debug!("an event stream was cut off: its client does not read");
                self.receiver.lock().take();
                false
            }
        }
    }
}

/// One operation and its stream.
struct Running {
    engine: Engine,
    config: SocketConfig,
    draining: CancellationToken,
    credential: Credential,
    request_id: String,
    frames: Frames,
    _place: ConnectionPermit,
}

impl Running {
    /// A client reconnects to a stream that ends without `complete`.
    async fn run(self, prepared: Prepared) {
        let mut span = OperationSpan::new(prepared.kind, Some(&self.credential), &self.request_id);
        let mut answers = self.engine.stream(prepared);
        let mut revocations = self.engine.shared.revocations.listen();
        let mut heartbeat = interval(self.config.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let answer = tokio::select! {
                () = self.frames.sender.closed() => return,
                () = self.draining.cancelled() => return,
                () = revoked(&mut revocations, Some(&self.credential)) => {
                    match self.look_again().await {
                        Ok(()) => continue,
                        Err(error) => return self.end(response_of(error)).await,
                    }
                }
                _ = heartbeat.tick() => {
                    if let Err(error) = self.look_again().await {
                        return self.end(response_of(error)).await;
                    }
                    if self.frames.send(Bytes::from_static(HEARTBEAT)).await { continue } else { return }
                }
                answer = answers.next() => answer,
            };
            if answer.is_some() {
                span.answered();
            }
            match answer {
                Some(Answer::Rendered(payload)) => {
                    if !self.frames.send(data(&payload)).await {
                        return;
                    }
                }
                Some(Answer::End(answer)) => return self.end(*answer).await,
                Some(Answer::Own(answer)) if is_request_error(&answer) => return self.end(*answer).await,
                Some(Answer::Own(answer)) => {
                    if !self.send(*answer).await {
                        return;
                    }
                }
                None => {
                    self.frames.send(Bytes::from_static(COMPLETE)).await;
                    return;
                }
            }
        }
    }

    async fn send(&self, answer: Response) -> bool {
        self.frames.send(data(&Written::of(answer, &self.request_id).body)).await
    }

    async fn end(&self, answer: Response) {
        if self.send(answer).await {
            self.frames.send(Bytes::from_static(COMPLETE)).await;
        }
    }

    async fn look_again(&self) -> Result<(), ApiError> {
        self.engine.look_again(&self.credential).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::outgoing::Outgoing;

    #[tokio::test]
    async fn p8_who_does_not_read_is_cut_off_and_holds_nothing() {
        let (frames, body) = frames(2, Duration::from_millis(20), Outgoing::default().way(None));
        for _ in 0..2 {
            assert!(frames.send(Bytes::from_static(HEARTBEAT)).await);
        }
        assert!(!frames.send(Bytes::from_static(HEARTBEAT)).await, "nothing is dropped and nothing waits for ever");
        assert_eq!(body.collect::<Vec<_>>().await.len(), 0, "what waited is gone");
    }

    #[tokio::test]
    async fn the_stream_ends_with_its_client() {
        let (frames, body) = frames(2, Duration::from_secs(10), Outgoing::default().way(None));
        drop(body);
        frames.sender.closed().await;
        assert!(!frames.send(Bytes::from_static(HEARTBEAT)).await);
    }
}
