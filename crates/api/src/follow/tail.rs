//! The tail of a workspace: it reads the log once for all followers, and keeps the newest entries in memory.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use inlet_domain::scope::Scope;
use inlet_store::{
    error::StoreError,
    log::{self, LogState},
};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Inner,
    blocks::Blocks,
    counts::Counter,
    entry::LiveEntry,
    page::{self, Page},
};
use crate::loading::batch::Batch;

/// Newest entries that keep their look-ups.
const LOOKED_UP: usize = 128;

/// Position of a tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Newest {
    pub epoch: i32,
    /// The last number in memory, or the head when the tail started.
    pub seq: i64,
}

/// The tail of a workspace. It ends with its last follower.
pub(super) struct Tail {
    pub(super) memory: Arc<Memory>,
    pub(super) blocks: Arc<Blocks>,
    pub(super) too_far_behind: i64,
    pub(super) counter: Counter,
    /// The state of the log, read once for all that ask at the same time.
    pub(super) states: Batch<(), LogState>,
    _stop: DropGuard,
}

/// The newest entries of a log, without gaps.
pub(super) struct Memory {
    ring: Mutex<Ring>,
    newest: watch::Sender<Option<Newest>>,
    most: usize,
    most_bytes: usize,
}

#[derive(Default)]
struct Ring {
    entries: VecDeque<Arc<LiveEntry>>,
    bytes: usize,
}

impl Memory {
    /// The position of the tail, and its changes; `None` before it has started.
    pub(super) fn newest(&self) -> watch::Receiver<Option<Newest>> {
        self.newest.subscribe()
    }

    /// Up to `limit` entries from number `seq + 1` on; `None` if that one is not in memory.
    pub(super) fn after(&self, seq: i64, limit: usize) -> Option<Vec<Arc<LiveEntry>>> {
        let ring = self.ring.lock();
        let first = ring.entries.front()?.log.seq;
        let skipped = usize::try_from(seq + 1 - first).ok().filter(|skipped| *skipped < ring.entries.len())?;
        Some(ring.entries.range(skipped..).take(limit).cloned().collect())
    }

    fn begin(&self, newest: Newest) {
        *self.ring.lock() = Ring::default();
        self.newest.send_replace(Some(newest));
    }

    fn push(&self, epoch: i32, page: Vec<Arc<LiveEntry>>) {
        let Some(last) = page.last().map(|entry| entry.log.seq) else { return };
        let pushed = page.len();
        {
            let mut ring = self.ring.lock();
            for entry in page {
                // Drop the entries before a gap. Only retention makes gaps.
                if ring.entries.back().is_some_and(|back| back.log.seq + 1 != entry.log.seq) {
                    *ring = Ring::default();
                }
                ring.bytes += entry.size();
                ring.entries.push_back(entry);
            }
            // Drop the look-ups of older entries: few followers are that slow.
            let old = ring.entries.len().saturating_sub(LOOKED_UP);
            ring.entries.range(old.saturating_sub(pushed)..old).for_each(|entry| entry.forget());
            while ring.entries.len() > self.most || (ring.bytes > self.most_bytes && ring.entries.len() > 1) {
                let gone = ring.entries.pop_front().map_or(0, |entry| entry.size());
                ring.bytes = ring.bytes.saturating_sub(gone);
            }
        }
        self.newest.send_replace(Some(Newest { epoch, seq: last }));
    }
}

impl Tail {
    /// Starts to follow the log of `scope`.
    pub(super) fn start(inner: Arc<Inner>, scope: Scope) -> Self {
        let stop = CancellationToken::new();
        let memory = Arc::new(Memory {
            ring: Mutex::default(),
            newest: watch::Sender::new(None),
            most: inner.config.remembered.max(1),
            most_bytes: inner.config.remembered_bytes,
        });
        let (database, heads) = (inner.database.clone(), inner.heads.clone());
        let states = Batch::new(move |_| {
            let (database, heads) = (database.clone(), heads.clone());
            async move { Ok(HashMap::from([((), log::durable_state(&database, &heads, scope).await?)])) }
        });
        let blocks = Arc::new(Blocks::new(Arc::clone(&inner), scope));
        let tail = Self {
            memory: Arc::clone(&memory),
            blocks: Arc::clone(&blocks),
            too_far_behind: inner.config.too_far_behind,
            counter: Counter::new(inner.database.clone(), scope, inner.config.clone()),
            states,
            _stop: stop.clone().drop_guard(),
        };
        tokio::spawn(async move { stop.run_until_cancelled(run(&inner, scope, &memory, &blocks)).await });
        tail
    }
}

/// Reads new entries into memory. A moved head or a slow poll wakes it.
async fn run(inner: &Inner, scope: Scope, memory: &Memory, blocks: &Blocks) {
    let mut moved = inner.heads.watch();
    let mut is_poll = true;
    loop {
        let turn = inner.heads.turn();
        let read = async {
            if is_poll {
                blocks.forget_all();
                look(inner, scope, memory).await?;
            }
            read_on(inner, scope, memory).await
        };
        let read: Result<(), StoreError> = inner.database.while_present(read).await.and_then(std::convert::identity);
        if let Err(error) = &read {
            inner.database.complain(error, "a live tail could not read the log");
        }
        let has_begun_anew = || {
            let epoch = memory.newest.borrow().map_or(0, |newest| newest.epoch);
            inner.heads.turn() != turn || inner.heads.epoch(scope.workspace()) > epoch
        };
        let woken = async {
            while moved.changed().await.is_ok() {
                let seq = memory.newest.borrow().map_or(0, |newest| newest.seq);
                if inner.heads.of(scope.workspace()) > seq || has_begun_anew() {
                    return;
                }
            }
        };
        let is_late = tokio::time::timeout(inner.config.poll, woken).await.is_err();
        is_poll = is_late || read.is_err() || has_begun_anew();
    }
}

/// Finds the head of the log, at the start and in a new epoch.
async fn look(inner: &Inner, scope: Scope, memory: &Memory) -> Result<(), StoreError> {
    let state = log::durable_state(&inner.database, &inner.heads, scope).await?;
    let known = *memory.newest.borrow();
    if known.is_none_or(|known| known.epoch != state.epoch || known.seq > state.head) {
        memory.begin(Newest { epoch: state.epoch, seq: state.head });
    }
    Ok(())
}

async fn read_on(inner: &Inner, scope: Scope, memory: &Memory) -> Result<(), StoreError> {
    loop {
        let Some(newest) = *memory.newest.borrow() else { return Ok(()) };
        let turn = inner.heads.turn();
        let Page { entries, is_full } = page::read(&inner.database, scope, newest.seq, inner.config.page).await?;
        if let Some(last) = entries.last() {
            log::settle(&inner.database, &inner.heads, scope, turn, last.head(newest.epoch)).await?;
        }
        memory.push(newest.epoch, LiveEntry::page(newest.epoch, entries).collect());
        if !is_full {
            return Ok(());
        }
    }
}
