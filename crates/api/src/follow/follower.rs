//! Follows a log from a cursor.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use inlet_store::log::{Cursor, LogState, Lost};
use tokio::sync::watch;

use super::{
    Update,
    blocks::Block,
    entry::LiveEntry,
    tail::{Newest, Tail},
};
use crate::follow::ResetReason;

/// Entries that are taken from the tail's memory at once.
const TAKEN: usize = 64;

/// Position of a follower.
enum Stand {
    /// Not started: from this cursor, or from now.
    Before(Option<Cursor>),
    /// Everything up to here was returned or is ready.
    At(Cursor),
}

pub(super) struct Follower {
    pub(super) tail: Arc<Tail>,
    newest: watch::Receiver<Option<Newest>>,
    too_far_behind: i64,
    ready: VecDeque<Update>,
    stand: Stand,
    is_abreast: bool,
    /// The block to read from while the follower is behind.
    block: Option<Block>,
}

impl Follower {
    pub(super) fn new(tail: Arc<Tail>, cursor: Option<Cursor>) -> Self {
        let (newest, too_far_behind) = (tail.memory.newest(), tail.too_far_behind);
        Self {
            tail,
            newest,
            too_far_behind,
            ready: VecDeque::new(),
            stand: Stand::Before(cursor),
            is_abreast: false,
            block: None,
        }
    }

    /// Whether the next update is ready.
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The next update; `None` at the end. A dropped future loses nothing.
    pub(super) async fn next(&mut self) -> Option<Update> {
        loop {
            if let Some(update) = self.ready.pop_front() {
                return Some(update);
            }
            match self.stand {
                Stand::Before(cursor) => {
                    self.newest.wait_for(Option::is_some).await.ok()?;
                    if let Some(state) = self.state().await {
                        let begun = cursor.map_or(Ok(state.head), |cursor| state.resume(cursor));
                        self.begin(state, begun);
                        if let (Stand::At(at), true) = (&self.stand, self.ready.is_empty()) {
                            let at = *at;
                            self.ready.push_back(Update::Begun(at));
                            self.is_abreast = at.seq == state.head;
                            self.ready.extend(self.is_abreast.then_some(Update::Abreast(at)));
                        }
                    }
                }
                Stand::At(at) => self.go_on(at).await?,
            }
        }
    }

    async fn go_on(&mut self, at: Cursor) -> Option<()> {
        let newest = (*self.newest.borrow_and_update())?;
        if newest.epoch != at.epoch || newest.seq - at.seq > self.too_far_behind {
            return self.look_again(at).await;
        }
        if newest.seq <= at.seq {
            if !std::mem::replace(&mut self.is_abreast, true) {
                self.ready.push_back(Update::Abreast(at));
                return Some(());
            }
            return self.newest.changed().await.ok();
        }
        self.is_abreast = false;
        if let Some(block) = self.block.take()
            && self.take_from(at, &block)
        {
            self.block = Some(block);
            return Some(());
        }
        if let Some(entries) = self.tail.memory.after(at.seq, TAKEN) {
            self.take(at, entries.into_iter());
            return Some(());
        }
        match self.tail.blocks.with_next_of(at.epoch, at.seq).await {
            Ok(block) if self.take_from(at, &block) => self.block = Some(block),
            Ok(_) => return self.look_again(at).await,
            Err(error) => pause(&error).await,
        }
        Some(())
    }

    fn take(&mut self, at: Cursor, entries: impl Iterator<Item = Arc<LiveEntry>>) {
        let mut seq = at.seq;
        for entry in entries {
            seq = entry.log.seq;
            self.ready.push_back(Update::Entry(entry));
        }
        self.stand = Stand::At(Cursor { seq, ..at });
    }

    /// False if the block lacks the next entry.
    fn take_from(&mut self, at: Cursor, block: &Block) -> bool {
        let Some(next) = block.iter().position(|entry| entry.log.seq == at.seq + 1) else { return false };
        self.take(at, block.iter().skip(next).take(TAKEN).cloned());
        true
    }

    /// Asks the log why the next entry is missing, or how far the follower is behind.
    async fn look_again(&mut self, at: Cursor) -> Option<()> {
        let Some(state) = self.state().await else { return Some(()) };
        let resumed = state.resume(at);
        let is_too_far = resumed.is_ok_and(|seq| state.head - seq > self.too_far_behind);
        match resumed {
            Ok(_) if !is_too_far && self.newest.borrow().is_some_and(|newest| newest.epoch == at.epoch) => {
                tracing::error!(%at, floor = state.floor, head = state.head, "the event log has a hole");
                self.begin(state, Err(Lost::Trimmed));
            }
            // The tail or this follower has not seen the new epoch yet: it will.
            Ok(_) if !is_too_far => self.newest.changed().await.ok()?,
            resumed => self.begin(state, resumed),
        }
        Some(())
    }

    fn begin(&mut self, state: LogState, resumed: Result<i64, Lost>) {
        let reason = match resumed {
            Ok(seq) if state.head - seq <= self.too_far_behind => {
                self.stand = Stand::At(Cursor { epoch: state.epoch, seq });
                return;
            }
            Ok(_) => ResetReason::TooFarBehind,
            Err(Lost::Trimmed) => ResetReason::Trimmed,
            Err(Lost::Foreign) => ResetReason::Foreign,
        };
        self.is_abreast = false;
        self.ready.push_back(Update::Reset(reason, state.cursor()));
        self.stand = Stand::At(state.cursor());
    }

    /// The present state of the log. `None` after a pause while the database is away: the stream stays open and tries
    /// again.
    async fn state(&self) -> Option<LogState> {
        match self.tail.states.load(()).await {
            Ok(state) => state,
            Err(error) => {
                pause(&error).await;
                None
            }
        }
    }
}

async fn pause(error: &inlet_store::error::StoreError) {
    tracing::warn!(error = error as &dyn std::error::Error, "a live subscription could not read the log");
    tokio::time::sleep(Duration::from_secs(1)).await;
}
