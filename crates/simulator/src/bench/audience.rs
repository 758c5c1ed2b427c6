//! The subscribers of T5: many sockets in a process of their own that only counts frames, so that the figure is the
//! server's.

use std::{
    io,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::{SimulatorError, output::say, target::Target, wire::Endpoint};

/// How many sockets are opened at once.
const AT_ONCE: usize = 64;

/// The pause before a subscription that was refused is begun again.
const AGAIN: Duration = Duration::from_millis(100);

/// The pause between two questions to the process.
const LOOK: Duration = Duration::from_millis(10);

/// The subscribers of T5, in a process of their own. It prints `ready`; then for each line of input it prints the
/// number of results so far and the number of open sockets. `inlet-bench` starts it by itself.
#[derive(Debug, Clone, clap::Args)]
pub struct AudienceArgs {
    /// The address of the server.
    #[arg(long, env = "INLET_AUDIENCE_ADDRESS")]
    pub address: String,
    /// The API key.
    #[arg(long, env = "INLET_AUDIENCE_KEY", hide_env_values = true)]
    pub key: String,
    /// The number of sockets.
    #[arg(long, env = "INLET_AUDIENCE_SOCKETS")]
    pub sockets: usize,
    /// The subscription.
    #[arg(long, env = "INLET_AUDIENCE_QUERY")]
    pub query: String,
    /// The cursor at which the subscription begins.
    #[arg(long, env = "INLET_AUDIENCE_AFTER")]
    pub after: String,
}

/// Opens the sockets and counts until its input ends.
///
/// # Errors
/// A socket cannot be opened.
pub async fn audience(args: AudienceArgs) -> Result<(), SimulatorError> {
    let (came, standing) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut opened = 0;
    while opened < args.sockets {
        let some = (args.sockets - opened).min(AT_ONCE);
        let opening = (0..some).map(|_| Socket::open(&args));
        for socket in futures::future::try_join_all(opening).await.map_err(SimulatorError::io("opening sockets"))? {
            let (came, standing) = (came.clone(), standing.clone());
            standing.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let _ = socket.count(&came).await;
                standing.fetch_sub(1, Ordering::Relaxed);
            });
        }
        opened += some;
    }
    say("ready");
    let answer = move || {
        for _ in io::stdin().lines().map_while(Result::ok) {
            say(format!("{} {}", came.load(Ordering::Relaxed), standing.load(Ordering::Relaxed)));
        }
    };
    let asked = tokio::task::spawn_blocking(answer).await;
    asked.map_err(io::Error::other).map_err(SimulatorError::io("answering"))
}

/// One WebSocket, without a library.
struct Socket {
    stream: TcpStream,
    buffer: BytesMut,
    subscribe: String,
}

impl Socket {
    async fn open(args: &AudienceArgs) -> io::Result<Self> {
        let mut stream = TcpStream::connect(&args.address).await?;
        stream.set_nodelay(true)?;
        let upgrade = format!(
            "GET /graphql HTTP/1.1\r\nhost: {}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n",
            args.address
        );
        stream.write_all(upgrade.as_bytes()).await?;
        let payload = json!({ "query": args.query, "variables": { "after": args.after } });
        let subscribe = json!({ "id": "1", "type": "subscribe", "payload": payload }).to_string();
        let mut socket = Self { stream, buffer: BytesMut::new(), subscribe };
        loop {
            if let Some(end) = socket.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                if !socket.buffer.starts_with(b"HTTP/1.1 101 ") {
                    return Err(io::Error::other(String::from_utf8_lossy(&socket.buffer).into_owned()));
                }
                socket.buffer.advance(end + 4);
                break;
            }
            socket.more().await?;
        }
        let hello =
            json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {}", args.key) } });
        socket.send(0x1, hello.to_string().as_bytes()).await?;
        let (_, answer) = socket.next().await?;
        if !answer.windows(14).any(|part| part == b"connection_ack") {
            return Err(io::Error::other(String::from_utf8_lossy(&answer).into_owned()));
        }
        socket.begin().await?;
        Ok(socket)
    }

    async fn begin(&mut self) -> io::Result<()> {
        let subscribe = self.subscribe.clone();
        self.send(0x1, subscribe.as_bytes()).await
    }

    /// Counts the results until the socket ends.
    async fn count(mut self, came: &AtomicUsize) -> io::Result<()> {
        loop {
            match self.next().await? {
                (0x1, frame)
                    if frame.get(..40).unwrap_or(&frame).windows(13).any(|part| part == b"\"type\":\"next\"") =>
                {
                    came.fetch_add(1, Ordering::Relaxed);
                }
                // Too many of one key begin at once: the server takes the others a little later.
                (0x1, frame) if frame.windows(10).any(|part| part == b"OVERLOADED") => {
                    tokio::time::sleep(AGAIN).await;
                    self.begin().await?;
                }
                (0x9, ping) => self.send(0xa, &ping).await?,
                (0x8, _) => return Ok(()),
                (_, frame) => {
                    let text = String::from_utf8_lossy(&frame).into_owned();
                    tracing::warn!(text, "a frame that is no result");
                }
            }
        }
    }

    /// The kind and the content of the next frame. The server's frames are neither masked nor fragmented.
    async fn next(&mut self) -> io::Result<(u8, BytesMut)> {
        loop {
            if let &[first, length, ..] = &self.buffer[..] {
                let (head, length) = match (length & 0x7f, &self.buffer[2..]) {
                    (126, &[a, b, ..]) => (4, usize::from(u16::from_be_bytes([a, b]))),
                    (127, &[0, 0, 0, 0, a, b, c, d, ..]) => (10, u32::from_be_bytes([a, b, c, d]) as usize),
                    (length @ 0..126, _) => (2, usize::from(length)),
                    _ => (2, usize::MAX - 2),
                };
                if self.buffer.len() >= head + length {
                    self.buffer.advance(head);
                    return Ok((first & 0xf, self.buffer.split_to(length)));
                }
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> io::Result<()> {
        self.buffer.reserve(4 << 10);
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// Sends a frame with a zero mask, which changes nothing.
    async fn send(&mut self, kind: u8, content: &[u8]) -> io::Result<()> {
        let length = content.len();
        let mut frame = vec![0x80 | kind];
        match u8::try_from(length) {
            Ok(short) if short < 126 => frame.push(0x80 | short),
            _ => {
                frame.push(0x80 | 126);
                let length = u16::try_from(length).map_err(|_| io::ErrorKind::InvalidInput)?;
                frame.extend_from_slice(&length.to_be_bytes());
            }
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(content);
        self.stream.write_all(&frame).await
    }
}

/// A process of subscribers.
pub(super) struct Audience {
    _child: Child,
    ask: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Audience {
    /// Starts the process. Returns when all its sockets have subscribed to `query` from `after` on.
    ///
    /// # Errors
    /// The process cannot be started, or a socket is refused.
    pub async fn gather(target: &Target, sockets: usize, query: &str, after: &str) -> Result<Self, SimulatorError> {
        let own = std::env::current_exe().map_err(SimulatorError::io("the path of this program"))?;
        let address = Endpoint::parse(&target.graphql_url).map(|endpoint| endpoint.address).unwrap_or_default();
        let mut child = Command::new(&own)
            .args(["audience", "--address", &address, "--sockets", &sockets.to_string(), "--query", query])
            .args(["--after", after])
            .env("INLET_AUDIENCE_KEY", &target.api_key)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(SimulatorError::io("the subscribers' process"))?;
        let (Some(ask), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(gone("no pipes"));
        };
        let mut audience = Self { _child: child, ask, answers: BufReader::new(answers).lines() };
        match audience.line().await?.as_str() {
            "ready" => Ok(audience),
            other => Err(gone(other)),
        }
    }

    /// The number of results so far, and of open sockets.
    ///
    /// # Errors
    /// The process has ended.
    pub async fn came(&mut self) -> Result<(usize, usize), SimulatorError> {
        self.ask.write_all(b"\n").await.map_err(SimulatorError::io("the subscribers' process"))?;
        let line = self.line().await?;
        let figures =
            line.split_once(' ').and_then(|(came, standing)| Some((came.parse().ok()?, standing.parse().ok()?)));
        figures.ok_or_else(|| gone(&line))
    }

    /// Waits until `count` results have arrived, and returns the time at which it saw that.
    ///
    /// # Errors
    /// They do not arrive within `patience`.
    pub async fn until(&mut self, count: usize, patience: Duration) -> Result<Instant, SimulatorError> {
        let begun = Instant::now();
        loop {
            let (came, standing) = self.came().await?;
            if came >= count {
                return Ok(Instant::now());
            }
            if begun.elapsed() > patience {
                return Err(gone(&format!("{came} of {count} results came; {standing} sockets stand")));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn line(&mut self) -> Result<String, SimulatorError> {
        let line = self.answers.next_line().await.map_err(SimulatorError::io("the subscribers' process"))?;
        line.ok_or_else(|| gone("it ended"))
    }
}

fn gone(said: &str) -> SimulatorError {
    SimulatorError::Program { program: "the subscribers' process".into(), said: said.to_owned() }
}
