//! A GraphQL WebSocket as a front end's client opens it (graphql-transport-ws).

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::TestServer;

/// How long a test waits for a frame before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// An open and acknowledged socket.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    /// Opens one with the API key.
    pub async fn connect(server: &TestServer) -> Self {
        let mut request = server.graphql_url.replacen("http", "ws", 1).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("graphql-transport-ws"));
        let (stream, _) = connect_async(request).await.expect("the socket opens");
        let mut socket = Self { stream };
        let authorization = format!("Bearer {}", server.api_key);
        socket.send(json!({"type": "connection_init", "payload": {"authorization": authorization}})).await;
        assert_eq!(socket.receive().await["type"], "connection_ack");
        socket
    }

    /// Starts a subscription.
    pub async fn subscribe(&mut self, query: &str) {
        self.send(json!({"id": "1", "type": "subscribe", "payload": {"query": query}})).await;
    }

    /// The data of its next frame.
    pub async fn next(&mut self) -> Value {
        let message = self.receive().await;
        assert_eq!(message["type"], "next", "{message}");
        assert!(message["payload"]["errors"].is_null(), "{message}");
        message["payload"]["data"].clone()
    }

    async fn send(&mut self, message: Value) {
        self.stream.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message but for pings.
    async fn receive(&mut self) -> Value {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.stream.next()).await.expect("a frame comes");
            match message.expect("the socket is open").unwrap() {
                Message::Text(text) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    if message["type"] == "ping" {
                        self.send(json!({"type": "pong"})).await;
                    } else {
                        return message;
                    }
                }
                Message::Close(frame) => panic!("the server closed the socket: {frame:?}"),
                _ => {}
            }
        }
    }
}
