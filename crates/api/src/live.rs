//! Following the event log of a workspace: one tail for each workspace that anyone follows, a bounded fan-out, and
//! catching up from the log where a follower is behind it.
//!
//! The log has no gaps, so a follower knows by the number alone whether it is behind: then it reads the log until it
//! has caught up. So it does not matter when the tail began, nor how much of it a follower could not keep up with (P8).

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use futures::{Stream, stream};
use inlet_domain::{
    database::Database,
    error::StoreError,
    heads::Heads,
    ids::WorkspaceId,
    log::{self, Cursor, LogEntry, LogState, Lost},
    scope::Scope,
};
use tokio::sync::{
    broadcast::{self, error::RecvError},
    watch,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::types::event::ResetReason;

/// How followers are served.
#[derive(Debug, Clone)]
pub struct LiveConfig {
    /// Entries that a tail holds for followers that are not quick enough; beyond it they read the log.
    pub fan_out: usize,
    /// Entries of one read of the log.
    pub page: i64,
    /// Who is further behind than this is reset.
    pub too_far_behind: i64,
    /// How often a tail looks without having been woken.
    pub poll: Duration,
}

impl Default for LiveConfig {
    fn default() -> Self {
        Self { fan_out: 4096, page: 500, too_far_behind: 100_000, poll: Duration::from_secs(5) }
    }
}

/// What a follower is told.
#[derive(Debug, Clone)]
pub enum Update {
    /// An entry, in the life of the log that it stands in.
    Entry(i32, Arc<LogEntry>),
    /// Entries were passed over; it goes on from here.
    Reset(ResetReason, Cursor),
}

/// The tails of this process. Cheap to clone.
#[derive(Clone)]
pub struct Live {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    heads: Heads,
    config: LiveConfig,
    tails: Mutex<HashMap<WorkspaceId, Weak<Tail>>>,
}

/// A workspace's tail; it ends with its last follower.
struct Tail {
    entries: broadcast::Sender<Arc<LogEntry>>,
    /// Whether it knows where it began: from there on it hands on every entry.
    begun: watch::Receiver<bool>,
    _stop: DropGuard,
}

impl Live {
    /// Over these logs.
    #[must_use]
    pub fn new(database: Database, heads: Heads, config: LiveConfig) -> Self {
        Self { inner: Arc::new(Inner { database, heads, config, tails: Mutex::default() }) }
    }

    /// Everything after `cursor`, for ever; without one, from now on.
    pub fn follow(&self, scope: Scope, cursor: Option<Cursor>) -> impl Stream<Item = Update> + Send + use<> {
        let tail = self.tail(scope);
        let follower = Follower {
            live: Arc::clone(&self.inner),
            scope,
            entries: tail.entries.subscribe(),
            tail,
            ready: VecDeque::new(),
            stand: Stand::Before(cursor),
        };
        stream::unfold(follower, |mut follower| async move { Some((follower.next().await?, follower)) })
    }

    fn tail(&self, scope: Scope) -> Arc<Tail> {
        let mut tails = self.inner.tails.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tail) = tails.get(&scope.workspace()).and_then(Weak::upgrade) {
            return tail;
        }
        tails.retain(|_, tail| tail.strong_count() > 0);
        let stop = CancellationToken::new();
        let entries = broadcast::Sender::new(self.inner.config.fan_out);
        let (begins, begun) = watch::channel(false);
        let tail = Arc::new(Tail { entries: entries.clone(), begun, _stop: stop.clone().drop_guard() });
        tails.insert(scope.workspace(), Arc::downgrade(&tail));
        let inner = Arc::clone(&self.inner);
        tokio::spawn(async move { stop.run_until_cancelled(inner.run_tail(scope, entries, begins)).await });
        tail
    }
}

impl Inner {
    /// Reads what is new and hands it on, woken by heads that moved and by a slow poll.
    async fn run_tail(
        self: Arc<Self>,
        scope: Scope,
        entries: broadcast::Sender<Arc<LogEntry>>,
        begins: watch::Sender<bool>,
    ) {
        let mut moved = self.heads.watch();
        let mut position = None;
        loop {
            if let Err(error) = self.read_on(scope, &mut position, &entries).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "a live tail could not read the log");
            }
            begins.send_replace(position.is_some());
            let woken = async {
                while moved.changed().await.is_ok() {
                    if self.heads.of(scope.workspace()) > position.unwrap_or(0) {
                        return;
                    }
                }
            };
            let _ = tokio::time::timeout(self.config.poll, woken).await;
        }
    }

    async fn read_on(
        &self,
        scope: Scope,
        position: &mut Option<i64>,
        entries: &broadcast::Sender<Arc<LogEntry>>,
    ) -> Result<(), StoreError> {
        let mut seq = match *position {
            Some(seq) => seq,
            None => log::state(&self.database.pool, scope).await?.head,
        };
        loop {
            *position = Some(seq);
            let page = log::after(&self.database.pool, scope, seq, self.config.page).await?;
            let full = i64::try_from(page.len()).is_ok_and(|read| read >= self.config.page);
            for entry in page {
                seq = entry.seq;
                let _ = entries.send(Arc::new(entry));
            }
            if !full {
                *position = Some(seq);
                return Ok(());
            }
        }
    }
}

/// How far a follower has come.
enum Stand {
    /// It has not begun: from this cursor, or from now.
    Before(Option<Cursor>),
    /// It reads the log.
    Behind { epoch: i32, seq: i64 },
    /// It has all that the log held; what comes next comes by the tail.
    Abreast { epoch: i32, seq: i64 },
}

struct Follower {
    live: Arc<Inner>,
    scope: Scope,
    /// Subscribed before the first look at the log, so that nothing falls between.
    entries: broadcast::Receiver<Arc<LogEntry>>,
    tail: Arc<Tail>,
    ready: VecDeque<Update>,
    stand: Stand,
}

impl Follower {
    async fn next(&mut self) -> Option<Update> {
        loop {
            if let Some(update) = self.ready.pop_front() {
                return Some(update);
            }
            match self.stand {
                Stand::Before(cursor) => {
                    // Looked at before the tail has begun, the log could grow by what neither this look nor the tail
                    // would show.
                    if self.tail.begun.clone().wait_for(|begun| *begun).await.is_err() {
                        return None;
                    }
                    match log::state(&self.live.database.pool, self.scope).await {
                        Ok(state) => self.begin(state, cursor),
                        Err(error) => pause(&error).await,
                    }
                }
                Stand::Behind { epoch, seq } => {
                    if let Err(error) = self.catch_up(epoch, seq).await {
                        pause(&error).await;
                    }
                }
                Stand::Abreast { epoch, seq } => match self.entries.recv().await {
                    Ok(entry) if entry.seq <= seq => {}
                    Ok(entry) if entry.seq == seq + 1 => {
                        self.stand = Stand::Abreast { epoch, seq: entry.seq };
                        return Some(Update::Entry(epoch, entry));
                    }
                    Ok(_) | Err(RecvError::Lagged(_)) => self.stand = Stand::Behind { epoch, seq },
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    fn begin(&mut self, state: LogState, cursor: Option<Cursor>) {
        let resumed = cursor.map_or(Ok(state.head), |cursor| state.resume(cursor));
        let seq = match resumed {
            Ok(seq) if state.head - seq <= self.live.config.too_far_behind => seq,
            Ok(_) => return self.reset(ResetReason::TooFarBehind, state),
            Err(Lost::Trimmed) => return self.reset(ResetReason::Trimmed, state),
            Err(Lost::Foreign) => return self.reset(ResetReason::Foreign, state),
        };
        self.stand = Stand::Behind { epoch: state.epoch, seq };
    }

    fn reset(&mut self, reason: ResetReason, state: LogState) {
        self.ready.push_back(Update::Reset(reason, state.cursor()));
        self.stand = Stand::Behind { epoch: state.epoch, seq: state.head };
    }

    async fn catch_up(&mut self, epoch: i32, seq: i64) -> Result<(), StoreError> {
        let limit = self.live.config.page;
        let page = log::after(&self.live.database.pool, self.scope, seq, limit).await?;
        let full = i64::try_from(page.len()).is_ok_and(|read| read >= limit);
        let trimmed = page.first().is_some_and(|first| first.seq != seq + 1);
        if trimmed || full {
            let state = log::state(&self.live.database.pool, self.scope).await?;
            if trimmed || state.epoch != epoch || state.head - seq > self.live.config.too_far_behind {
                self.begin(state, Some(Cursor { epoch, seq }));
                return Ok(());
            }
        }
        let last = page.last().map_or(seq, |last| last.seq);
        self.ready.extend(page.into_iter().map(|entry| Update::Entry(epoch, Arc::new(entry))));
        self.stand = if full { Stand::Behind { epoch, seq: last } } else { Stand::Abreast { epoch, seq: last } };
        Ok(())
    }
}

/// The database is away: the stream stays open and tries again.
async fn pause(error: &StoreError) {
    tracing::warn!(error = error as &dyn std::error::Error, "a live subscription could not read the log");
    tokio::time::sleep(Duration::from_secs(1)).await;
}
