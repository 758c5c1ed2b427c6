//! Posts events at a rate over many connections, as providers do: each again and again until a 2xx arrives.

use std::{
    collections::HashMap,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};
use serde::Deserialize;
use tokio::sync::{mpsc, watch};

use crate::{
    chaos::{Fault, Post},
    doors::Doors,
    ledger::{Attempt, Ledger},
    wire::Wire,
};

/// How long a provider waits for an answer (MT-13).
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);
/// The shortest and the longest pause before a repeat; real providers wait longer.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// After this many posts were given up, the server counts as gone, and each further post is tried once.
const HOPELESS: usize = 32;

/// The settings of a load.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Posts a second; `None` means as fast as they are answered.
    pub rate: Option<f64>,
    /// Connections.
    pub connections: usize,
    /// How long one post is tried before it is given up.
    pub give_up: Duration,
}

/// A ledger that tasks write to.
#[derive(Debug, Clone, Default)]
pub struct Book(Arc<Mutex<Ledger>>);

impl Book {
    /// Locks the ledger.
    pub fn open(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock()
    }
}

#[derive(Deserialize)]
struct Answer {
    outcome: String,
}

/// The progress of a load, and whether it is paused.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Posts that are finished.
    pub done: watch::Sender<usize>,
    /// While true, no new post begins; posts in flight go on.
    pub held: watch::Sender<bool>,
}

impl Default for Progress {
    fn default() -> Self {
        Self { done: watch::Sender::new(0), held: watch::Sender::new(false) }
    }
}

/// Posts everything. Returns when all posts are done.
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
        if let Some(rate) = pace.rate {
            #[expect(clippy::cast_precision_loss, reason = "no run has so many events")]
            let due = start + Duration::from_secs_f64(number as f64 / rate.max(0.001));
            tokio::time::sleep_until(due).await;
        }
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
    let mut wires = HashMap::new();
    loop {
        let Some(post) = jobs.lock().await.recv().await else { return };
        deliver(&doors, &post, give_up, &book, &mut wires).await;
        done.send_modify(|done| *done += 1);
    }
}

/// Posts one event until it is acknowledged, refused for good or given up. A repeat goes to the next process, as a
/// balancer would send it.
async fn deliver(doors: &Doors, post: &Post, give_up: Duration, book: &Book, wires: &mut HashMap<String, Wire>) {
    let (process, source) = post.way;
    let Some(request) = doors.request(&post.event, source) else { return };
    let processes = request.addresses.iter().enumerate().cycle();
    let mut processes = processes.skip(process % request.addresses.len().max(1));
    let Some((mut process, mut address)) = processes.next() else { return };
    if post.fault != Fault::None {
        // The post is meant to fail.
        let _ = spoil(address, &request.bytes, post.fault).await;
    }
    let first = Instant::now();
    let mut pause = PAUSE.0;
    loop {
        let sent = Instant::now();
        let answer = tokio::time::timeout(PATIENCE, exchange(address, &request.bytes, wires)).await;
        let status = answer.as_ref().ok().and_then(|answer| answer.as_ref().ok()).map(|(status, _)| *status);
        book.open().attempts.push(Attempt { process, sent, took: sent.elapsed(), status });
        match answer {
            Ok(Ok((200, body))) => {
                let outcome =
                    serde_json::from_slice::<Answer>(&body).map_or("unreadable".into(), |answer| answer.outcome);
                return book.open().acknowledge(&post.event, &outcome, sent);
            }
            Ok(Ok((status @ 400..=499, body))) if ![408, 429].contains(&status) => {
                return book.open().refuse(&post.event, &format!("{status} {}", String::from_utf8_lossy(&body)));
            }
            Ok(Ok(_) | Err(_)) | Err(_) => {}
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
        (process, address) = processes.next().unwrap_or((process, address));
    }
}

/// One request over the kept connection to an address. A broken or abandoned connection is not kept.
async fn exchange(address: &str, request: &[u8], wires: &mut HashMap<String, Wire>) -> io::Result<(u16, bytes::Bytes)> {
    let mut wire = match wires.remove(address) {
        Some(open) => open,
        None => Wire::open(address).await?,
    };
    let answer = wire.exchange(request).await?;
    if !answer.closes() {
        wires.insert(address.to_owned(), wire);
    }
    Ok((answer.status(), answer.body))
}

async fn spoil(address: &str, request: &[u8], fault: Fault) -> io::Result<()> {
    let part = if fault == Fault::Torn { request.len() / 2 } else { request.len() };
    Wire::open(address).await?.send(request.get(..part).unwrap_or_default()).await
}

#[cfg(test)]
mod tests;
