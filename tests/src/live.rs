//! A client of `graphql-transport-ws`, frame by frame, so that a test sees what a library would hide.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, client_async, connect_async,
    tungstenite::{Message, client::IntoClientRequest, handshake::client::Request, http::HeaderValue},
};

/// How long a frame may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// One socket.
pub struct LiveClient {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// What came.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// A message of the protocol.
    Message(Value),
    /// The server closed the socket: code and reason.
    Closed(u16, String),
}

impl Frame {
    /// The message; panics where the socket was closed.
    #[must_use]
    pub fn message(self) -> Value {
        match self {
            Self::Message(message) => message,
            Self::Closed(code, reason) => panic!("closed: {code} {reason}"),
        }
    }

    /// The code of the close; panics where a message came.
    #[must_use]
    pub fn closed(self) -> u16 {
        match self {
            Self::Closed(code, _) => code,
            Self::Message(message) => panic!("not closed: {message}"),
        }
    }
}

fn upgrade(graphql_url: &str) -> Request {
    let mut request = graphql_url.replacen("http", "ws", 1).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("graphql-transport-ws"));
    request
}

impl LiveClient {
    /// Opens a socket at the URL of `/graphql` and says nothing yet.
    pub async fn open(graphql_url: &str) -> Self {
        let (socket, _) = connect_async(upgrade(graphql_url)).await.expect("the socket opens");
        Self { socket }
    }

    /// Opens a socket and introduces itself with this token.
    pub async fn connect(graphql_url: &str, token: &str) -> Self {
        Self::open(graphql_url).await.introduced(token).await
    }

    /// The same with little room for what it has not read.
    pub async fn connect_narrow(graphql_url: &str, token: &str) -> Self {
        let request = upgrade(graphql_url);
        let address = request.uri().authority().unwrap().as_str().parse().expect("an address");
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 << 10).unwrap();
        let stream = socket.connect(address).await.expect("the server listens");
        let (socket, _) = client_async(request, MaybeTlsStream::Plain(stream)).await.expect("the socket opens");
        Self { socket }.introduced(token).await
    }

    async fn introduced(mut self, token: &str) -> Self {
        let payload = json!({"authorization": format!("Bearer {token}")});
        self.send(&json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(self.next().await.message(), json!({"type": "connection_ack"}));
        self
    }

    /// Sends a message of the protocol.
    pub async fn send(&mut self, message: &Value) {
        self.send_text(&message.to_string()).await;
    }

    /// Sends any text.
    pub async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.expect("the socket takes it");
    }

    /// Starts an operation.
    pub async fn subscribe(&mut self, id: &str, query: &str) {
        self.send(&json!({"id": id, "type": "subscribe", "payload": {"query": query}})).await;
    }

    /// The next message or the close.
    pub async fn next(&mut self) -> Frame {
        loop {
            let message = timeout(PATIENCE, self.socket.next()).await.expect("a frame comes in time");
            match message.expect("the socket is closed with a code").expect("the socket works") {
                Message::Text(text) => return Frame::Message(serde_json::from_str(&text).expect("JSON")),
                Message::Close(Some(frame)) => return Frame::Closed(frame.code.into(), frame.reason.to_string()),
                Message::Close(None) => return Frame::Closed(1005, String::new()),
                _ => {}
            }
        }
    }

    /// The `data` of the next answer to operation `id`.
    pub async fn data(&mut self, id: &str) -> Value {
        let message = self.next().await.message();
        assert_eq!((&message["id"], &message["type"]), (&json!(id), &json!("next")), "{message}");
        assert!(message["payload"]["errors"].is_null(), "{message}");
        message["payload"]["data"].clone()
    }
}
