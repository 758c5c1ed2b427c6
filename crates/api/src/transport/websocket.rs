//! WebSockets that speak [`crate::transport::graphql_ws`].

mod operation;

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, ProtocolError, Session as Socket};
use inlet_store::records::audit::Origin;
use serde_json::Value;
use tokio::{
    sync::mpsc,
    task::AbortHandle,
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use self::operation::Operation;
use crate::{
    access::credential::Credential,
    error::ErrorCode,
    execution::{engine::Engine, subscription_memory::Shelf},
    transport::{
        connection::{SocketConfig, revoked},
        connection_limits::{ConnectionLimits, ConnectionPermit, Full, Knock},
        graphql_ws::{Close, Protocol, Step},
        intake::Meter,
        outgoing::{Outgoing, Room, Tap, Way},
        request::{bearer, origin, request_id, token},
        state::ApiState,
    },
};

/// The subprotocol.
const PROTOCOL: &str = "graphql-transport-ws";
/// Maximum number of operations that a WebSocket runs at once.
pub const MAX_OPERATIONS: usize = 100;

/// Accepts a WebSocket.
pub async fn open(request: &HttpRequest, payload: web::Payload, state: &ApiState) -> HttpResponse {
    if state.draining().is_cancelled() {
        return HttpResponse::ServiceUnavailable().insert_header(("retry-after", "1")).finish();
    }
    let offered = request.headers().get_all("sec-websocket-protocol").filter_map(|value| value.to_str().ok());
    let offered: Vec<&str> = offered.flat_map(|list| list.split(',')).map(str::trim).collect();
    let speaks = offered.contains(&PROTOCOL);
    // Accept another subprotocol, then close with 4406: browsers hide the code of a refused handshake.
    let spoken = if speaks { Some(PROTOCOL) } else { offered.first().copied() };
    let origin = origin(request, state, &request_id(request, state));
    let meter = Meter::new(state.intake(), origin.client);
    let counted = meter.payload(request, payload);
    match counted.and_then(|payload| actix_ws::handle_with_protocols(request, payload, spoken.as_slice())) {
        Ok((response, socket, _)) if !speaks => {
            let close = Close::subprotocol();
            let reason = CloseReason { code: CloseCode::from(close.code), description: Some(close.reason) };
            actix_web::rt::spawn(timeout(state.config().socket.stall, socket.close(Some(reason))));
            response
        }
        Ok((response, socket, stream)) => {
            let tap = Tap::default();
            let response = response.map_body(|_, body| tap.of(body));
            let limit = state.config().max_body;
            let stream = stream.max_frame_size(limit).aggregate_continuations().max_continuation_size(limit);
            let (frames, handed) = mpsc::channel(state.config().socket.buffer);
            let connection = Connection {
                engine: state.engine().clone(),
                config: state.config().socket.clone(),
                draining: state.draining().clone(),
                standing: Standing::Waiting(state.limits().knock(origin.client)),
                limits: state.limits().clone(),
                meter,
                limit,
                origin,
                bearer: bearer(request),
                credential: None,
                outgoing: state.outgoing().clone(),
                way: state.outgoing().way(None),
                tap,
                protocol: Protocol::new(MAX_OPERATIONS),
                shelf: Shelf::default(),
                running: HashMap::new(),
                frames,
                socket,
            };
            actix_web::rt::spawn(connection.serve(stream, handed));
            response
        }
        Err(error) => HttpResponse::from_error(error),
    }
}

/// A frame from an operation to its WebSocket.
enum Handed {
    Frame(String, Room),
    /// The operation's last frame. It is sent unless the client has ended the operation.
    Last(String, String, Room),
    /// The client has not read for too long, so there is no room for another frame.
    Stalled,
}

/// Whether a client has sent its credential.
enum Standing {
    Waiting(Knock),
    Placed { _place: ConnectionPermit },
}

struct Connection {
    engine: Engine,
    config: SocketConfig,
    draining: CancellationToken,
    standing: Standing,
    limits: ConnectionLimits,
    /// The bytes of messages in hand.
    meter: Meter,
    /// Maximum bytes of a message with a credential.
    limit: usize,
    origin: Origin,
    bearer: Option<String>,
    credential: Option<Credential>,
    outgoing: Outgoing,
    way: Way,
    tap: Tap,
    protocol: Protocol,
    /// The bytes that its subscriptions keep.
    shelf: Shelf,
    running: HashMap<String, AbortHandle>,
    frames: mpsc::Sender<Handed>,
    socket: Socket,
}

impl Connection {
    async fn serve(mut self, mut stream: AggregatedMessageStream, mut handed: mpsc::Receiver<Handed>) {
        let end = self.run(&mut stream, &mut handed).await;
        for (_, operation) in self.running.drain() {
            operation.abort();
        }
        if let Err(Some(close)) = end {
            metrics::counter!("inlet_socket_closes_total", "code" => close.code.to_string()).increment(1);
            let reason = CloseReason { code: CloseCode::from(close.code), description: Some(close.reason) };
            // Wait for the close only for a limited time: a stalled client does not read it.
            let _ = timeout(self.config.stall, self.socket.close(Some(reason))).await;
        }
    }

    /// Runs until one side ends it; the error is the close to send, or `None` if no one listens.
    async fn run(
        &mut self,
        stream: &mut AggregatedMessageStream,
        handed: &mut mpsc::Receiver<Handed>,
    ) -> Result<std::convert::Infallible, Option<Close>> {
        let deadline = Instant::now() + self.config.init_timeout;
        let mut revocations = self.engine.shared.revocations.listen();
        let mut heartbeat = interval(self.config.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        heartbeat.reset();
        let (mut is_alive, mut was_in_hand) = (true, false);
        let draining = self.draining.clone();
        let turned_away = match &self.standing {
            Standing::Waiting(knock) => knock.turned_away(),
            Standing::Placed { .. } => return Err(None),
        };
        tokio::pin!(turned_away);
        loop {
            tokio::select! {
                () = draining.cancelled() => return Err(Some(Close::draining())),
                () = sleep_until(deadline), if !self.protocol.is_introduced() => {
                    return Err(Some(Close::init_timeout()));
                }
                () = &mut turned_away, if self.credential.is_none() => return Err(Some(Close::crowded())),
                () = revoked(&mut revocations, self.credential.as_ref()) => self.look_again().await?,
                _ = heartbeat.tick() => {
                    if !std::mem::replace(&mut is_alive, false) {
                        return Err(None);
                    }
                    // The message has been incomplete since the last heartbeat, so it will not be completed.
                    if self.meter.is_in_hand() && std::mem::replace(&mut was_in_hand, true) {
                        return Err(Some(Close::new(1008, "Message incomplete for too long")));
                    }
                    self.look_again().await?;
                    self.written(|mut socket| async move { socket.ping(b"").await }).await?;
                }
                Some(frame) = handed.recv() => {
                    self.hand_over(frame).await?;
                    for _ in 0..self.config.buffer {
                        let Ok(frame) = handed.try_recv() else { break };
                        self.hand_over(frame).await?;
                    }
                }
                message = stream.recv() => {
                    is_alive = true;
                    was_in_hand = false;
                    self.on_message(message).await?;
                }
            }
        }
    }

    async fn on_message(
        &mut self,
        message: Option<Result<AggregatedMessage, ProtocolError>>,
    ) -> Result<(), Option<Close>> {
        let is_over = self.meter.is_over();
        if matches!(message, Some(Ok(_))) {
            self.meter.delivered();
        }
        match message {
            Some(Ok(AggregatedMessage::Text(text))) => self.on_text(&text).await,
            Some(Ok(AggregatedMessage::Binary(_))) => Err(Some(Close::bad_request("Invalid message: expected text"))),
            Some(Ok(AggregatedMessage::Ping(bytes))) => {
                self.written(|mut socket| async move { socket.pong(&bytes).await }).await
            }
            Some(Ok(AggregatedMessage::Pong(_))) => Ok(()),
            Some(Ok(AggregatedMessage::Close(_))) => Err(Some(Close::new(1000, ""))),
            Some(Err(_)) if is_over => Err(Some(Close::new(1009, "Message too big"))),
            Some(Err(ProtocolError::Overflow)) => Err(Some(Close::new(1009, "Message too big"))),
            Some(Err(_)) | None => Err(None),
        }
    }

    async fn on_text(&mut self, text: &str) -> Result<(), Option<Close>> {
        match self.protocol.on_text(text) {
            Step::Nothing => Ok(()),
            Step::Send(frame) => self.reply(frame).await,
            Step::Close(close) => Err(Some(close)),
            Step::Authenticate(payload) => self.authenticate(&payload).await,
            Step::Start(id, payload) => {
                self.start(id, payload);
                Ok(())
            }
            Step::Stop(id) => {
                if let Some(operation) = self.running.remove(&id) {
                    operation.abort();
                }
                Ok(())
            }
        }
    }

    /// Uses the token of `connection_init`, else that of the upgrade request. A client without one is closed.
    async fn authenticate(&mut self, payload: &Value) -> Result<(), Option<Close>> {
        let members = payload.as_object().into_iter().flatten();
        let given =
            members.filter(|(name, _)| name.eq_ignore_ascii_case("authorization")).find_map(|(_, v)| v.as_str());
        if let Some(given) = given {
            self.bearer = Some(token(given).to_owned());
        }
        let Some(bearer) = &self.bearer else { return Err(Some(Close::forbidden())) };
        match self.engine.credential(bearer).await {
            Ok(credential) => {
                let place = self.limits.take(&credential.viewer).map_err(|full| match full {
                    Full::All => Some(Close::crowded()),
                    Full::Holder => Some(Close::too_many()),
                })?;
                self.way = self.outgoing.way(Some(credential.viewer.scope.workspace()));
                self.meter.admit(credential.viewer.scope.workspace(), self.limit);
                self.standing = Standing::Placed { _place: place };
                self.credential = Some(credential);
            }
            Err(error) if error.code() == ErrorCode::Unauthenticated => return Err(Some(Close::forbidden())),
            Err(_) => return Err(Some(Close::new(1013, "Try again later"))),
        }
        let acknowledgement = self.protocol.acknowledge();
        self.reply(acknowledgement).await
    }

    /// A credential that has ended closes the socket. With other rights the socket continues; operations that need more
    /// end.
    async fn look_again(&mut self) -> Result<(), Option<Close>> {
        let Some(credential) = &self.credential else { return Ok(()) };
        self.engine.look_again(credential).await.map_err(|_| Some(Close::unauthorized()))
    }

    fn start(&mut self, id: String, payload: Value) {
        let operation = Operation {
            engine: self.engine.clone(),
            credential: self.credential.clone(),
            origin: self.origin.clone(),
            frames: self.frames.clone(),
            way: self.way.clone(),
            tap: self.tap.clone(),
            stall: self.config.stall,
            shelf: self.shelf.clone(),
            id: id.clone(),
        };
        let task = actix_web::rt::spawn(operation.run(payload));
        self.running.insert(id, task.abort_handle());
    }

    async fn hand_over(&mut self, handed: Handed) -> Result<(), Option<Close>> {
        match handed {
            Handed::Frame(frame, room) => self.write(frame, room).await,
            Handed::Stalled => Err(Some(Close::slow_consumer())),
            Handed::Last(id, frame, room) => {
                self.running.remove(&id);
                if self.protocol.ended(&id) { self.write(frame, room).await } else { Ok(()) }
            }
        }
    }

    /// Writes a short frame of the protocol. It needs no room, because frames with room may wait for this task.
    async fn reply(&mut self, frame: String) -> Result<(), Option<Close>> {
        self.write(frame, Room::none()).await
    }

    async fn write(&mut self, frame: String, room: Room) -> Result<(), Option<Close>> {
        let tap = self.tap.clone();
        self.written(|mut socket| async move {
            tap.hand_over(frame.len(), room).await;
            socket.text(frame).await
        })
        .await
    }

    async fn written<F>(&mut self, send: impl FnOnce(Socket) -> F) -> Result<(), Option<Close>>
    where
        F: Future<Output = Result<(), actix_ws::Closed>>,
    {
        match timeout(self.config.stall, send(self.socket.clone())).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(None),
            Err(_) => Err(Some(Close::slow_consumer())),
        }
    }
}
