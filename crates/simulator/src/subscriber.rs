//! A live subscriber: `graphql-transport-ws` as the contract, section 3, and the protocol's own text say.

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{self, client::IntoClientRequest, http::HeaderValue},
};

use crate::target::Target;

/// Why a subscription ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriberError {
    /// The socket failed or could not be opened.
    #[error("the socket failed")]
    Socket(#[source] Box<tungstenite::Error>),
    /// The server closed it.
    #[error("the server closed the socket with {code}: {reason}")]
    Closed {
        /// The close code.
        code: u16,
        /// What it said.
        reason: String,
    },
    /// A frame that the protocol does not allow here.
    #[error("unexpected frame: {0}")]
    Frame(String),
}

impl From<tungstenite::Error> for SubscriberError {
    fn from(error: tungstenite::Error) -> Self {
        Self::Socket(Box::new(error))
    }
}

/// An open subscription.
#[derive(Debug)]
pub struct Subscriber {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Subscriber {
    /// Connects with the server's API key and starts `subscription`.
    ///
    /// # Errors
    /// Where the server does not acknowledge the connection.
    pub async fn start(target: &Target, subscription: &str, variables: Value) -> Result<Self, SubscriberError> {
        let mut request = target.graphql_url.replacen("http", "ws", 1).into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("graphql-transport-ws"));
        let (socket, _) = tokio_tungstenite::connect_async(request).await?;
        let mut subscriber = Self { socket };
        let authorization = format!("Bearer {}", target.api_key);
        subscriber.send(json!({ "type": "connection_init", "payload": { "authorization": authorization } })).await?;
        match subscriber.frame().await? {
            frame if frame["type"] == "connection_ack" => {}
            other => return Err(SubscriberError::Frame(other.to_string())),
        }
        let payload = json!({ "query": subscription, "variables": variables });
        subscriber.send(json!({ "id": "1", "type": "subscribe", "payload": payload })).await?;
        Ok(subscriber)
    }

    /// The `data` of the next result.
    ///
    /// # Errors
    /// Where the subscription ends, or with errors.
    pub async fn next(&mut self) -> Result<Value, SubscriberError> {
        let mut frame = self.frame().await?;
        if frame["type"] == "next" && frame["payload"].get("errors").is_none() {
            return Ok(frame["payload"]["data"].take());
        }
        Err(SubscriberError::Frame(frame.to_string()))
    }

    async fn send(&mut self, frame: Value) -> Result<(), SubscriberError> {
        Ok(self.socket.send(tungstenite::Message::text(frame.to_string())).await?)
    }

    /// The next frame that is no ping.
    async fn frame(&mut self) -> Result<Value, SubscriberError> {
        loop {
            match self.socket.next().await {
                Some(Ok(tungstenite::Message::Text(text))) => {
                    let frame: Value =
                        serde_json::from_str(&text).map_err(|_| SubscriberError::Frame(text.to_string()))?;
                    if frame["type"] == "ping" {
                        self.send(json!({ "type": "pong" })).await?;
                    } else if frame["type"] != "pong" {
                        return Ok(frame);
                    }
                }
                Some(Ok(tungstenite::Message::Close(close))) => {
                    let (code, reason) =
                        close.map_or((1005, String::new()), |close| (close.code.into(), close.reason.to_string()));
                    return Err(SubscriberError::Closed { code, reason });
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Err(SubscriberError::Closed { code: 1006, reason: String::new() }),
            }
        }
    }
}
