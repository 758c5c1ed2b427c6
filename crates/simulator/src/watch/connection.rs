//! A watcher's connection: a socket of `graphql-transport-ws`, or an event stream.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use tokio::{net::TcpSocket, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, client::IntoClientRequest, http::HeaderValue, protocol::CloseFrame},
};

/// The timeout of connecting.
const PATIENCE: Duration = Duration::from_secs(5);

/// The receive buffer of a socket, in bytes: so small that the server notices a slow reader soon.
const NARROW: u32 = 8 << 10;

/// The next input.
#[derive(Debug)]
pub enum Heard {
    /// A result of the operation of this number.
    Next(usize, String),
    /// The server ended the operation of this number, with this reason.
    Over(usize, String),
    /// The connection has ended: the close code, or a word.
    Ended(String),
}

/// An open connection.
#[derive(Debug)]
pub enum Connection {
    /// A socket, with any number of operations.
    Socket(Box<WebSocketStream<tokio::net::TcpStream>>),
    /// An event stream, with one operation.
    Stream(Box<reqwest::Response>, Vec<u8>),
}

#[derive(Deserialize)]
struct Frame<'a> {
    r#type: &'a str,
    id: Option<&'a str>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

impl Connection {
    /// Opens a socket at `address` and starts the operations, numbered in their order. `narrow` makes its receive
    /// buffer small.
    ///
    /// # Errors
    /// A word for the failure.
    pub async fn socket(address: &str, key: &str, operations: &[Value], narrow: bool) -> Result<Self, String> {
        let open = async {
            let socket = TcpSocket::new_v4().map_err(|error| error.kind().to_string())?;
            if narrow {
                socket.set_recv_buffer_size(NARROW).map_err(|error| error.kind().to_string())?;
            }
            let place = address.parse().map_err(|_| "address".to_owned())?;
            let stream = socket.connect(place).await.map_err(|error| error.kind().to_string())?;
            let mut request = format!("ws://{address}/graphql").into_client_request().map_err(word)?;
            request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("graphql-transport-ws"));
            let (mut socket, _) = client_async(request, stream).await.map_err(word)?;
            let authorization = format!("Bearer {key}");
            let hello = json!({ "type": "connection_init", "payload": { "authorization": authorization } });
            socket.send(tungstenite::Message::text(hello.to_string())).await.map_err(word)?;
            match socket.next().await {
                Some(Ok(tungstenite::Message::Text(text))) if text.contains("connection_ack") => {}
                Some(Ok(tungstenite::Message::Close(close))) => return Err(code(close.as_ref())),
                Some(Err(error)) => return Err(word(error)),
                _ => return Err("no acknowledgement".to_owned()),
            }
            for (number, operation) in operations.iter().enumerate() {
                let subscribe = json!({ "id": number.to_string(), "type": "subscribe", "payload": operation });
                socket.send(tungstenite::Message::text(subscribe.to_string())).await.map_err(word)?;
            }
            Ok(Self::Socket(Box::new(socket)))
        };
        timeout(PATIENCE, open).await.unwrap_or_else(|_| Err("no answer".to_owned()))
    }

    /// Opens an event stream of one operation.
    ///
    /// # Errors
    /// A word for the failure.
    pub async fn stream(http: &reqwest::Client, address: &str, key: &str, operation: &Value) -> Result<Self, String> {
        let request = http.post(format!("http://{address}/graphql")).bearer_auth(key).json(operation);
        let sent = timeout(PATIENCE, request.header("accept", "text/event-stream").send()).await;
        match sent {
            Ok(Ok(answer)) if answer.status() == 200 => Ok(Self::Stream(Box::new(answer), Vec::new())),
            Ok(Ok(answer)) => Err(answer.status().as_u16().to_string()),
            Ok(Err(_)) => Err("unreachable".to_owned()),
            Err(_) => Err("no answer".to_owned()),
        }
    }

    /// The next input.
    pub async fn next(&mut self) -> Heard {
        match self {
            Self::Socket(socket) => loop {
                match socket.next().await {
                    Some(Ok(tungstenite::Message::Text(text))) => {
                        if let Some(heard) = read(&text) {
                            return heard;
                        }
                        if text.contains("\"ping\"") {
                            // If sending fails, the socket has ended, and the next read reports it.
                            let pong = json!({ "type": "pong" }).to_string();
                            let _ = socket.send(tungstenite::Message::text(pong)).await;
                        }
                    }
                    Some(Ok(tungstenite::Message::Close(close))) => return Heard::Ended(code(close.as_ref())),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Heard::Ended("1006".to_owned()),
                }
            },
            Self::Stream(answer, buffer) => loop {
                if let Some(at) = buffer.windows(2).position(|two| two == b"\n\n") {
                    let event: Vec<u8> = buffer.drain(..at + 2).collect();
                    let event = String::from_utf8_lossy(&event);
                    if let Some(data) = event.strip_prefix("event: next\ndata: ") {
                        return Heard::Next(0, data.trim_end().to_owned());
                    }
                    if event.starts_with("event: complete") {
                        return Heard::Over(0, "complete".to_owned());
                    }
                    continue;
                }
                match answer.chunk().await {
                    Ok(Some(bytes)) => buffer.extend_from_slice(&bytes),
                    Ok(None) => return Heard::Ended("end of stream".to_owned()),
                    Err(_) => return Heard::Ended("broken stream".to_owned()),
                }
            },
        }
    }

    /// Closes the connection, and drops waiting input.
    pub async fn close(self) {
        if let Self::Socket(mut socket) = self {
            let _ = timeout(PATIENCE, socket.close()).await;
        }
    }
}

fn read(text: &str) -> Option<Heard> {
    let frame: Frame<'_> = serde_json::from_str(text).ok()?;
    let number = frame.id?.parse().ok()?;
    let payload = frame.payload.map(|payload| payload.get().to_owned()).unwrap_or_default();
    match frame.r#type {
        "next" => Some(Heard::Next(number, payload)),
        "error" => Some(Heard::Over(number, payload)),
        "complete" => Some(Heard::Over(number, "complete".to_owned())),
        _ => None,
    }
}

fn code(close: Option<&CloseFrame>) -> String {
    close.map_or_else(|| "1005".to_owned(), |close| u16::from(close.code).to_string())
}

fn word(error: tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Http(answer) => answer.status().as_u16().to_string(),
        tungstenite::Error::Io(error) => error.kind().to_string(),
        _ => "handshake".to_owned(),
    }
}
