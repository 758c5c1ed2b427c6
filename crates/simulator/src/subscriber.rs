//! A live subscriber over `graphql-transport-ws`, written from the contract, section 3, and the protocol.

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{self, client::IntoClientRequest, http::HeaderValue},
};

use crate::target::Target;

/// The reason why a subscription ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriberError {
    /// The socket failed or could not be opened.
    #[error("the socket failed")]
    Socket(#[source] Box<tungstenite::Error>),
    /// The server closed the socket.
    #[error("the server closed the socket with {code}: {reason}")]
    Closed {
        /// The close code.
        code: u16,
        /// The reason of the close.
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
    /// The server does not acknowledge the connection.
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
    /// The subscription ends, or has errors.
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

    /// The next frame other than a ping.
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

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tungstenite::{
        Message,
        handshake::server::{ErrorResponse, Request, Response},
        protocol::{CloseFrame, frame::coding::CloseCode},
    };

    use super::*;

    #[expect(clippy::unnecessary_wraps, clippy::result_large_err, reason = "the callback's signature")]
    fn agree(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
        let asked = request.headers()["sec-websocket-protocol"].clone();
        assert_eq!(asked, "graphql-transport-ws");
        response.headers_mut().insert("sec-websocket-protocol", asked);
        Ok(response)
    }

    #[tokio::test]
    async fn introduces_itself_answers_pings_and_tells_why_it_was_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let graphql_url = format!("http://{}/graphql", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = tokio_tungstenite::accept_hdr_async(stream, agree).await.unwrap();
            let mut heard = Vec::new();
            for answers in [
                vec![json!({ "type": "connection_ack" })],
                vec![
                    json!({ "type": "ping" }),
                    json!({ "id": "1", "type": "next", "payload": { "data": { "n": 1 } } }),
                ],
                vec![],
            ] {
                let said = socket.next().await.unwrap().unwrap();
                heard.push(serde_json::from_str::<Value>(said.to_text().unwrap()).unwrap());
                for answer in answers {
                    socket.send(Message::text(answer.to_string())).await.unwrap();
                }
            }
            let close = CloseFrame { code: CloseCode::from(4401), reason: "revoked".into() };
            socket.close(Some(close)).await.unwrap();
            heard
        });
        let target =
            json!({ "url": "", "graphql_url": graphql_url, "database_url": "", "api_key": "ik_1", "sources": {} });
        let target: Target = serde_json::from_value(target).unwrap();
        let mut subscriber = Subscriber::start(&target, "subscription { n }", json!({})).await.unwrap();
        assert_eq!(subscriber.next().await.unwrap(), json!({ "n": 1 }));
        let ended = subscriber.next().await.unwrap_err();
        assert!(matches!(&ended, SubscriberError::Closed { code: 4401, reason } if reason == "revoked"), "{ended:?}");
        let heard = server.await.unwrap();
        assert_eq!(heard[0]["payload"]["authorization"], "Bearer ik_1");
        assert_eq!(heard[1]["payload"]["query"], "subscription { n }");
        assert_eq!(heard[2], json!({ "type": "pong" }));
    }
}
