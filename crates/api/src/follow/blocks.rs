//! Catching up: the log in blocks whose ends are fixed, so that those who are behind by about as much read each block
//! once together. So many blocks are read at once, the rest wait in their order; no workspace has more than half.

use std::{collections::VecDeque, sync::Arc};

use inlet_domain::scope::Scope;
use inlet_store::{error::StoreError, log};
use parking_lot::Mutex;
use tokio::sync::{OnceCell, Semaphore};

use super::{
    Inner,
    entry::LiveEntry,
    page::{self, Page},
};

/// Blocks that are kept for those who come a little later.
const KEPT: usize = 4;

/// Entries of one block, without gaps but where they have been trimmed away.
pub(super) type Block = Arc<Vec<Arc<LiveEntry>>>;

/// A block as it was read, and whether it ends early because its entries are heavy.
type Read = (Block, bool);
type Cell = Arc<OnceCell<Read>>;

/// The blocks of one log.
pub(super) struct Blocks {
    inner: Arc<Inner>,
    scope: Scope,
    readers: Semaphore,
    recent: Mutex<VecDeque<((i32, i64), Cell)>>,
}

/// Counts who waits for a turn, for as long as it stands.
struct Waiting;

impl Waiting {
    fn begin() -> Self {
        metrics::gauge!("inlet_live_catch_up_waiting").increment(1.0);
        Self
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        metrics::gauge!("inlet_live_catch_up_waiting").decrement(1.0);
    }
}

impl Blocks {
    pub(super) fn new(inner: Arc<Inner>, scope: Scope) -> Self {
        let readers = Semaphore::new((inner.config.catching_up / 2).max(1));
        Self { inner, scope, readers, recent: Mutex::default() }
    }

    /// The block that number `seq + 1` is in, which is known to have been committed. It lacks that entry only where it
    /// has been trimmed away.
    ///
    /// # Errors
    /// Where the database fails.
    pub(super) async fn with_next_of(&self, epoch: i32, seq: i64) -> Result<Block, StoreError> {
        let size = self.inner.config.page.max(1);
        let end = (seq / size + 1) * size;
        let mut after = end - size;
        loop {
            let (cell, is_new) = self.cell((epoch, after));
            let (block, is_cut) = cell.get_or_try_init(|| self.read(epoch, after, end - after)).await?.clone();
            match block.last().map(|last| last.log.seq) {
                Some(last) if last > seq => return Ok(block),
                // The entries are heavy, so read on from where the follower is. To walk there block by block would read the
                // first of them again and again, for few blocks are kept.
                Some(_) if is_cut && after < seq => {
                    after = seq;
                    continue;
                }
                _ if is_new => return Ok(block),
                _ => {}
            }
            // It was read before the entry was there.
            self.forget(&cell);
        }
    }

    /// Lets go of what no one has asked for since the last time.
    pub(super) fn forget_all(&self) {
        self.recent.lock().clear();
    }

    /// The block after a number, which all who come there share.
    fn cell(&self, index: (i32, i64)) -> (Cell, bool) {
        let mut recent = self.recent.lock();
        if let Some((_, cell)) = recent.iter().find(|(known, _)| *known == index) {
            return (Arc::clone(cell), false);
        }
        if recent.len() >= KEPT {
            recent.pop_front();
        }
        let cell = Cell::default();
        recent.push_back((index, Arc::clone(&cell)));
        (cell, true)
    }

    fn forget(&self, stale: &Cell) {
        self.recent.lock().retain(|(_, cell)| !Arc::ptr_eq(cell, stale));
    }

    async fn read(&self, epoch: i32, after: i64, size: i64) -> Result<Read, StoreError> {
        let waiting = Waiting::begin();
        // Neither is ever closed.
        let _turn = self.readers.acquire().await.ok();
        let _place = self.inner.readers.acquire().await.ok();
        drop(waiting);
        let Inner { database, heads, .. } = &*self.inner;
        let turn = heads.turn();
        let Page { entries, is_full } = page::read(database, self.scope, after, size).await?;
        if let Some(last) = entries.last() {
            log::settle(database, heads, self.scope, turn, last.head(epoch)).await?;
        }
        metrics::counter!("inlet_live_pages_total").increment(1);
        let is_cut = is_full && entries.last().is_some_and(|last| last.seq < after + size);
        let within = entries.into_iter().take_while(|entry| entry.seq <= after + size);
        Ok((Arc::new(LiveEntry::page(epoch, within.collect()).collect()), is_cut))
    }
}
