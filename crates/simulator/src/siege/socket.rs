//! A WebSocket without a library: it can leave frames unfinished and answers unread.

use std::{io, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::caller::Caller;

/// The timeout for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The end of a connection that was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The server has closed it.
    CutOff,
    /// It is still open.
    Stands,
}

/// An upgraded connection.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
}

impl Socket {
    /// Opens a socket. `narrow` makes its receive buffer small.
    ///
    /// # Errors
    /// The answer in a word, if the upgrade is refused.
    pub async fn open(caller: &Caller, narrow: bool) -> Result<Self, String> {
        let stream = caller.connect(narrow).await.map_err(|_| "no connection".to_owned())?;
        let mut socket = Self { stream };
        let server = &caller.server;
        let upgrade = format!(
            "GET /graphql HTTP/1.1\r\nhost: {server}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n"
        );
        socket.send(upgrade.as_bytes()).await.map_err(|_| "cut off".to_owned())?;
        let head = socket.read_until("\r\n\r\n").await;
        match head.split(' ').nth(1) {
            Some("101") => Ok(socket),
            Some(status) => Err(status.to_owned()),
            None => Err("cut off".to_owned()),
        }
    }

    /// Opens a socket and sends the credential.
    ///
    /// # Errors
    /// As [`Socket::open`], or the key is refused.
    pub async fn of(caller: &Caller, key: &str, narrow: bool) -> Result<Self, String> {
        let mut socket = Self::open(caller, narrow).await?;
        let payload = json!({ "authorization": format!("Bearer {key}") });
        let sent = socket.text(&json!({ "type": "connection_init", "payload": payload })).await;
        sent.map_err(|_| "cut off".to_owned())?;
        let said = socket.read_until("connection_ack").await;
        if said.contains("connection_ack") { Ok(socket) } else { Err("not acknowledged".to_owned()) }
    }

    /// Sends raw bytes.
    ///
    /// # Errors
    /// The connection is closed.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The connection is closed.
    pub async fn text(&mut self, message: &Value) -> io::Result<()> {
        let text = message.to_string();
        self.begin(text.len(), text.as_bytes()).await
    }

    /// Sends the beginning of a message of `length` bytes.
    ///
    /// # Errors
    /// The connection is closed.
    pub async fn begin(&mut self, length: usize, beginning: &[u8]) -> io::Result<()> {
        // A text in one frame with an 8-byte length and a zero mask.
        let mut frame = vec![0x81, 0xff];
        frame.extend_from_slice(&(length as u64).to_be_bytes());
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(beginning);
        self.send(&frame).await
    }

    /// Reads until the input contains a text, or ends. Returns the input.
    async fn read_until(&mut self, text: &str) -> String {
        let mut heard = Vec::new();
        let reading = async {
            while !String::from_utf8_lossy(&heard).contains(text) {
                if self.stream.read_buf(&mut heard).await.unwrap_or(0) == 0 {
                    break;
                }
            }
        };
        // The input counts, complete or not.
        let _ = timeout(PATIENCE, reading).await;
        String::from_utf8_lossy(&heard).into_owned()
    }

    /// Reads the input that has arrived.
    pub async fn heard(&mut self, patience: Duration) -> String {
        let mut heard = Vec::new();
        let reading = async { while self.stream.read_buf(&mut heard).await.unwrap_or(0) > 0 {} };
        // Reads until nothing more arrives in time.
        let _ = timeout(patience, reading).await;
        String::from_utf8_lossy(&heard).into_owned()
    }

    /// Reads at most `most` bytes, which the kernel may have buffered, and returns whether the server has closed the
    /// socket.
    pub async fn end(&mut self, most: usize, patience: Duration) -> End {
        drained(&mut self.stream, most, patience).await
    }
}

/// Reads at most `most` bytes of a connection, and returns whether the server has closed it.
pub async fn drained(stream: &mut TcpStream, most: usize, patience: Duration) -> End {
    let (mut buffer, mut left) = (vec![0; 64 << 10], most);
    let reading = async {
        while left > 0 {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return End::CutOff,
                Ok(count) => left = left.saturating_sub(count),
            }
        }
        End::Stands
    };
    timeout(patience, reading).await.unwrap_or(End::Stands)
}
