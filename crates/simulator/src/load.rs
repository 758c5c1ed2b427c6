//! Posting events at a rate, over many connections, as providers do: again and again until a 2xx comes.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::Deserialize;
use tokio::sync::{mpsc, watch};

use crate::{
    SimulatorError,
    chaos::{Fault, Post},
    ledger::Ledger,
    provider::{Provider, crowd::Event},
    target::Target,
    wire::{Endpoint, Wire},
};

/// How long a provider waits for an answer (MT-13).
const PATIENCE: Duration = Duration::from_secs(3);
/// The first and the longest pause before a post is made again; real providers wait longer.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// After so many posts were given up the server is taken for gone, and the rest is tried once.
const HOPELESS: usize = 32;

/// How a load is put on.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Posts a second.
    pub rate: f64,
    /// Connections.
    pub connections: usize,
    /// How long one post is tried before it is given up.
    pub give_up: Duration,
}

/// A ledger that is being written.
#[derive(Debug, Clone, Default)]
pub struct Book(Arc<Mutex<Ledger>>);

impl Book {
    /// The ledger, for a moment.
    pub fn open(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The ways into a server, each with its secret.
#[derive(Debug, Clone)]
pub struct Doors(HashMap<Provider, (Endpoint, String)>);

#[derive(Deserialize)]
struct Answer {
    outcome: String,
}

impl Doors {
    /// Those of `dev.json`.
    ///
    /// # Errors
    /// Where a provider has none, or one that is not plain HTTP.
    pub fn of(target: &Target) -> Result<Self, SimulatorError> {
        let door = |provider| {
            let source = target.source(provider)?;
            let endpoint = Endpoint::parse(&source.url).ok_or_else(|| SimulatorError::Refused {
                what: "dev.json".into(),
                answer: format!("{} is no plain http URL", source.url),
            })?;
            Ok((provider, (endpoint, source.secret.clone())))
        };
        Provider::ALL.into_iter().map(door).collect::<Result<_, _>>().map(Self)
    }

    /// Where to connect for a provider, and the signed request for an event of it.
    #[must_use]
    pub fn request(&self, event: &Event) -> Option<(&str, Vec<u8>)> {
        let body = event.body.to_string();
        let name = event.named_by_url.then_some(event.name.as_str());
        self.request_of(event.provider, name, body.as_bytes())
    }

    /// The same for a body as it stands.
    #[must_use]
    pub fn request_of(&self, provider: Provider, name: Option<&str>, body: &[u8]) -> Option<(&str, Vec<u8>)> {
        let (endpoint, secret) = self.0.get(&provider)?;
        let path = name.map_or_else(|| endpoint.path.clone(), |name| format!("{}/{name}", endpoint.path));
        let named = Endpoint { address: endpoint.address.clone(), path };
        let signature = provider.sign(secret, body);
        Some((&endpoint.address, named.post((provider.signature_header(), &signature), body)))
    }
}

/// How far a load is, and whether it is held up.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Posts that are finished.
    pub done: watch::Sender<usize>,
    /// While true, no new post is begun; those under way go on.
    pub held: watch::Sender<bool>,
}

impl Default for Progress {
    fn default() -> Self {
        Self { done: watch::Sender::new(0), held: watch::Sender::new(false) }
    }
}

/// Posts everything. Returns when all is done.
pub async fn run(
    doors: &Doors,
    posts: impl Iterator<Item = Post> + Send,
    pace: Pace,
    book: &Book,
    progress: &Progress,
) {
    let (queue, jobs) = mpsc::channel(pace.connections.max(1) * 4);
    let jobs = Arc::new(tokio::sync::Mutex::new(jobs));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..pace.connections.max(1) {
        workers.spawn(work(doors.clone(), jobs.clone(), pace.give_up, book.clone(), progress.done.clone()));
    }
    let mut start = tokio::time::Instant::now();
    let mut held = progress.held.subscribe();
    for (number, post) in posts.enumerate() {
        let waiting = tokio::time::Instant::now();
        if *held.borrow_and_update() && held.wait_for(|held| !held).await.is_ok() {
            start += waiting.elapsed();
        }
        #[expect(clippy::cast_precision_loss, reason = "no run has so many events")]
        let due = start + Duration::from_secs_f64(number as f64 / pace.rate.max(0.001));
        tokio::time::sleep_until(due).await;
        if queue.send(post).await.is_err() {
            break;
        }
    }
    drop(queue);
    workers.join_all().await;
}

async fn work(
    doors: Doors,
    jobs: Arc<tokio::sync::Mutex<mpsc::Receiver<Post>>>,
    give_up: Duration,
    book: Book,
    done: watch::Sender<usize>,
) {
    let mut wire = None;
    loop {
        let Some(post) = jobs.lock().await.recv().await else { return };
        deliver(&doors, &post, give_up, &book, &mut wire).await;
        done.send_modify(|done| *done += 1);
    }
}

/// Posts one event until it is acknowledged, refused for good or given up.
async fn deliver(doors: &Doors, post: &Post, give_up: Duration, book: &Book, wire: &mut Option<Wire>) {
    let Some((address, request)) = doors.request(&post.event) else { return };
    if post.fault != Fault::None {
        *wire = None;
        // That it goes wrong is the purpose.
        let _ = spoil(address, &request, post.fault).await;
    }
    let first = Instant::now();
    let mut pause = PAUSE.0;
    loop {
        let sent = Instant::now();
        match tokio::time::timeout(PATIENCE, exchange(address, &request, wire)).await {
            Ok(Ok((200, body))) => {
                let outcome =
                    serde_json::from_slice::<Answer>(&body).map_or("unreadable".into(), |answer| answer.outcome);
                return book.open().acknowledge(&post.event, &outcome, sent);
            }
            Ok(Ok((status @ 400..=499, body))) if status != 429 => {
                return book.open().refuse(&post.event, &format!("{status} {}", String::from_utf8_lossy(&body)));
            }
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => *wire = None,
        }
        {
            let mut ledger = book.open();
            if first.elapsed() > give_up || ledger.given_up >= HOPELESS {
                ledger.given_up += 1;
                return;
            }
            ledger.retries += 1;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}

async fn exchange(address: &str, request: &[u8], wire: &mut Option<Wire>) -> io::Result<(u16, bytes::Bytes)> {
    let open = match wire.take() {
        Some(open) => wire.insert(open),
        None => wire.insert(Wire::open(address).await?),
    };
    let answer = open.exchange(request).await?;
    if answer.closes() {
        *wire = None;
    }
    Ok((answer.status(), answer.body))
}

async fn spoil(address: &str, request: &[u8], fault: Fault) -> io::Result<()> {
    let part = if fault == Fault::Torn { request.len() / 2 } else { request.len() };
    Wire::open(address).await?.send(request.get(..part).unwrap_or_default()).await
}

#[cfg(test)]
mod tests;
