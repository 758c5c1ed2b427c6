//! The attackers' client: plain requests from an address of its choice, and many at once.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::{Instant, timeout},
};

use super::attack::{Counts, add};
use crate::wire::{Message, Wire};

/// The attacker's timeout for an answer.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The timeout of connecting.
const CONNECT: Duration = Duration::from_secs(5);
/// The most bytes of an answer: `--max-answer`, and the framing of HTTP and GraphQL.
const MAX_ANSWER: usize = (8 << 20) + (64 << 10);
/// The count of a longer answer.
pub const TOO_LONG: &str = "longer than --max-answer";
/// The receive buffer of a slow reader, in bytes: the server must soon wait.
const NARROW: u32 = 8 << 10;

/// A caller with an address.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The address of the server.
    pub server: String,
    /// The caller's own address.
    pub from: Ipv4Addr,
}

impl Caller {
    /// Calls from this address of the machine.
    #[must_use]
    pub fn new(server: &str, from: [u8; 4]) -> Self {
        Self { server: server.to_owned(), from: Ipv4Addr::from(from) }
    }

    /// A connection. `narrow` makes its receive buffer small.
    ///
    /// # Errors
    /// The connection fails.
    pub async fn connect(&self, narrow: bool) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        if narrow {
            socket.set_recv_buffer_size(NARROW)?;
        }
        socket.bind(SocketAddr::new(IpAddr::V4(self.from), 0))?;
        let server = self.server.parse().map_err(io::Error::other)?;
        timeout(CONNECT, socket.connect(server)).await.map_err(io::Error::other)?
    }

    /// The head of a GraphQL POST with a body of `length` bytes.
    #[must_use]
    pub fn head(&self, token: Option<&str>, length: usize) -> String {
        let server = &self.server;
        let bearer = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        format!(
            "POST /graphql HTTP/1.1\r\nhost: {server}\r\ncontent-type: application/json\r\n{bearer}content-length: {length}\r\n\r\n"
        )
    }

    /// Posts raw bytes. Returns the answer in a word, and its data.
    pub async fn send(&self, wire: &mut Option<Wire>, request: &[u8]) -> (String, Value) {
        let asking = async {
            let mut open = match wire.take() {
                Some(open) => open,
                None => match self.connect(false).await.and_then(Wire::over) {
                    Ok(open) => open,
                    Err(_) => return ("no connection".to_owned(), Value::Null),
                },
            };
            // The server may answer before it has read everything; the answer is read anyway.
            let sent = open.send(request).await;
            match open.receive().await {
                Ok(Some(answer)) => {
                    let told = (word(&answer), data(&answer));
                    if sent.is_ok() && !answer.closes() {
                        *wire = Some(open);
                    }
                    told
                }
                Ok(None) | Err(_) => ("cut off".to_owned(), Value::Null),
            }
        };
        let waited = timeout(PATIENCE, asking).await;
        waited.unwrap_or_else(|_| (format!("no answer in {} s", PATIENCE.as_secs()), Value::Null))
    }

    /// Runs an operation.
    pub async fn ask(&self, wire: &mut Option<Wire>, token: Option<&str>, body: &[u8]) -> (String, Value) {
        let mut request = self.head(token, body.len()).into_bytes();
        request.extend_from_slice(body);
        self.send(wire, &request).await
    }
}

/// The status and the code of an answer, or that it is too long.
fn word(answer: &Message) -> String {
    if answer.body.len() > MAX_ANSWER {
        return format!("{} {TOO_LONG}", answer.status());
    }
    // The errors are at the beginning of an answer.
    let beginning = String::from_utf8_lossy(answer.body.get(..4_096).unwrap_or(&answer.body)).into_owned();
    let error = beginning.split_once("\"error").map(|(_, error)| error);
    match error.and_then(|error| error.split("\"code\":\"").nth(1)?.split('"').next()) {
        Some(code) => format!("{} {code}", answer.status()),
        None => answer.status().to_string(),
    }
}

/// The `data` of a short answer.
fn data(answer: &Message) -> Value {
    let short = (answer.body.len() < 64 << 10).then_some(&answer.body);
    let parsed = short.and_then(|body| serde_json::from_slice::<Value>(body).ok());
    parsed.map_or(Value::Null, |mut parsed| parsed["data"].take())
}

/// The body of an operation.
#[must_use]
pub fn operation(query: &str, variables: Value) -> Vec<u8> {
    json!({ "query": query, "variables": variables }).to_string().into_bytes()
}

/// Runs `one` many times at once, and counts the answers.
pub async fn crowd<F>(size: usize, one: impl Fn(usize) -> F) -> Counts
where
    F: Future<Output = Counts> + Send + 'static,
{
    let mut all = JoinSet::new();
    for number in 0..size {
        all.spawn(one(number));
    }
    let mut got = Counts::new();
    while let Some(one) = all.join_next().await {
        match one {
            Ok(counts) => add(&mut got, counts),
            Err(_) => *got.entry("attacker failed".to_owned()).or_default() += 1,
        }
    }
    got
}

/// Sends requests one after the other over one connection until the time is over; `next` makes the request of each
/// number.
pub async fn hammer(caller: Caller, until: Instant, mut next: impl FnMut(usize) -> Vec<u8>) -> Counts {
    let (mut got, mut wire, mut number) = (Counts::new(), None, 0);
    while Instant::now() < until {
        let (word, _) = caller.send(&mut wire, &next(number)).await;
        *got.entry(word).or_default() += 1;
        number += 1;
    }
    got
}
