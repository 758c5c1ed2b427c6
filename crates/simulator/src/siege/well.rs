//! The well-behaved client beside every attack: a provider that posts at a steady rate, each event until the server
//! takes it, and a dashboard that reads. It runs on a thread of its own, so that the attackers in this program do not
//! slow it down.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::json;
use tokio::{
    runtime,
    sync::oneshot,
    time::{MissedTickBehavior, interval, sleep},
};

use super::attack::Counts;
use crate::{
    SimulatorError,
    chaos::Post,
    doors::Doors,
    graphql::Client,
    ledger::{Attempt, quantile},
    load::{self, Book, Pace, Progress},
    provider::crowd::Crowd,
};

/// The pause between two reads of the dashboard.
const READS: Duration = Duration::from_millis(250);
/// How long everything must be well before the next attack.
const SETTLED: Duration = Duration::from_secs(1);
/// The dashboard's query.
const PAGE: &str =
    "{ conversations(first: 20) { nodes { id status unread contact { name } lastMessage { content } } } }";
/// Connections: enough to leave some for the other process if one is frozen.
const CONNECTIONS: usize = 64;

/// The process that events go to first. If it does not take an event, the event goes to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Way {
    /// The attacked process.
    First,
    /// Both in turn.
    Both,
    /// The process behind the relay.
    Second,
}

/// The running client.
#[derive(Debug)]
pub struct Well {
    book: Book,
    reads: Arc<Mutex<Reads>>,
    way: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    ended: oneshot::Receiver<()>,
}

/// The reads of the dashboard.
#[derive(Debug, Default)]
struct Reads {
    done: Vec<Read>,
    under_way: Option<Instant>,
}

#[derive(Debug)]
struct Read {
    sent: Instant,
    took: Duration,
    failure: Option<String>,
}

/// The answers to a client in a span of time, in milliseconds.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Answers {
    /// The number of requests.
    pub asked: usize,
    /// The number of wrong or missing answers.
    pub failed: usize,
    /// The wrong answers, counted.
    pub failures: Counts,
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The maximum.
    pub most: f64,
}

impl Answers {
    /// The statistics of durations and wrong answers.
    fn of(answers: impl Iterator<Item = (Duration, Option<String>)>) -> Self {
        let (mut times, mut failures) = (Vec::new(), Counts::new());
        for (took, failure) in answers {
            times.push(took);
            if let Some(failure) = failure {
                *failures.entry(failure).or_default() += 1;
            }
        }
        times.sort_unstable();
        let at = |share| quantile(&times, share).map_or(0.0, |time| time.as_secs_f64() * 1_000.0);
        let failed = failures.values().sum();
        Self { asked: times.len(), failed, failures, p50: at(0.5), p99: at(0.99), most: at(1.0) }
    }
}

impl Well {
    /// Begins to post the events of a crowd at `rate` a second, and to read.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(doors: Doors, client: Client, crowd: Crowd, rate: f64) -> Result<Self, SimulatorError> {
        let (book, reads) = (Book::default(), Arc::<Mutex<Reads>>::default());
        let (way, is_over) = (Arc::new(AtomicUsize::new(Way::First as usize)), Arc::new(AtomicBool::new(false)));
        let posts = Posts { crowd, way: Arc::clone(&way), is_over: Arc::clone(&is_over), number: 0 };
        let (end, ended) = oneshot::channel();
        let (writing, listing) = (book.clone(), Arc::clone(&reads));
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(SimulatorError::io("the thread of the well-behaved client"))?;
        let work = move || {
            let pace = Pace { rate: Some(rate), connections: CONNECTIONS, give_up: Duration::from_secs(120) };
            let progress = Progress::default();
            runtime.block_on(async {
                tokio::select! {
                    () = load::run(&doors, posts, pace, &writing, &progress) => {}
                    () = read(&client, &listing) => {}
                }
            });
            // The waiting side may have ended.
            let _ = end.send(());
        };
        let started = thread::Builder::new().name("well".into()).spawn(work);
        started.map_err(SimulatorError::io("the thread of the well-behaved client"))?;
        Ok(Self { book, reads, way, is_over, ended })
    }

    /// Sets the way of later events.
    pub fn lead(&self, way: Way) {
        self.way.store(way as usize, Ordering::Relaxed);
    }

    /// Every try of a post that was sent since `begun`.
    #[must_use]
    pub fn attempts_since(&self, begun: Instant) -> Vec<Attempt> {
        self.book.open().attempts.iter().filter(|attempt| attempt.sent >= begun).copied().collect()
    }

    /// The door's answers since `begun`.
    #[must_use]
    pub fn door_since(&self, begun: Instant) -> Answers {
        let failure = |attempt: &Attempt| match attempt.status {
            Some(200) => None,
            Some(status) => Some(status.to_string()),
            None => Some("no answer".to_owned()),
        };
        Answers::of(self.attempts_since(begun).iter().map(|attempt| (attempt.took, failure(attempt))))
    }

    /// Waits until every post of a second was taken at once, which shows that earlier effects are over. Waits no longer
    /// than `patience`.
    pub async fn settled(&self, patience: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < patience {
            let since = Instant::now();
            sleep(SETTLED).await;
            let posts = self.door_since(since);
            if posts.asked > 0 && posts.failed == 0 && posts.most < 1_000.0 {
                return;
            }
        }
    }

    /// GraphQL's answers since `begun`.
    #[must_use]
    pub fn reads_since(&self, begun: Instant) -> Answers {
        let reads = self.reads.lock();
        // A read in flight counts with its duration so far.
        let under_way = reads.under_way.map(|sent| (sent.elapsed(), None));
        let since = reads.done.iter().filter(|read| read.sent + read.took >= begun);
        Answers::of(since.map(|read| (read.took, read.failure.clone())).chain(under_way))
    }

    /// Finishes the posts in flight, and returns the acknowledged ones.
    ///
    /// # Errors
    /// Its thread has failed.
    pub async fn finish(self) -> Result<Book, SimulatorError> {
        self.is_over.store(true, Ordering::Relaxed);
        let ended = self.ended.await.map_err(io::Error::other);
        ended.map_err(SimulatorError::io("the thread of the well-behaved client"))?;
        Ok(self.book)
    }
}

/// The events of a crowd, each with its way.
struct Posts {
    crowd: Crowd,
    way: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    number: usize,
}

impl Iterator for Posts {
    type Item = Post;

    fn next(&mut self) -> Option<Post> {
        if self.is_over.load(Ordering::Relaxed) {
            self.crowd.end();
        }
        self.number += 1;
        let way = self.way.load(Ordering::Relaxed);
        let process =
            if way == Way::Both as usize { self.number % 2 } else { usize::from(way == Way::Second as usize) };
        Some(Post { way: (process, 0), ..Post::plain(self.crowd.next()?) })
    }
}

async fn read(client: &Client, reads: &Mutex<Reads>) {
    let lock = || reads.lock();
    let mut tick = interval(READS);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let sent = Instant::now();
        lock().under_way = Some(sent);
        let answer = client.try_once("the dashboard", PAGE, json!({})).await;
        let failure = answer.err().map(|error| error.code().to_owned());
        let mut reads = lock();
        reads.under_way = None;
        reads.done.push(Read { sent, took: sent.elapsed(), failure });
    }
}
