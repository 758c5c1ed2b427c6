//! Followers behind the tail read the log in blocks with fixed ends, so that followers at about the same position share
//! each read. A limited number of blocks is read at once, at most half of them for one workspace; the others wait in
//! order.

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

/// Blocks that stay in memory for followers that come a little later.
const KEPT: usize = 4;

/// Entries of one block, without gaps unless retention removed some.
pub(super) type Block = Arc<Vec<Arc<LiveEntry>>>;

/// A block, and whether it ends early because its entries are large.
type Read = (Block, bool);
type Cell = Arc<OnceCell<Read>>;

/// The blocks of one log.
pub(super) struct Blocks {
    inner: Arc<Inner>,
    scope: Scope,
    readers: Semaphore,
    recent: Mutex<VecDeque<((i32, i64), Cell)>>,
}

/// Counts the reads that wait for a turn.
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

    /// The block with number `seq + 1`, which must have been committed. The block lacks that entry only if retention
    /// removed it.
    pub(super) async fn with_next_of(&self, epoch: i32, seq: i64) -> Result<Block, StoreError> {
        let size = self.inner.config.page.max(1);
        let end = (seq / size + 1) * size;
        let mut after = end - size;
        loop {
            let (cell, is_new) = self.cell((epoch, after));
            let (block, is_cut) = cell.get_or_try_init(|| self.read(epoch, after, end - after)).await?.clone();
            match block.last().map(|last| last.log.seq) {
                Some(last) if last > seq => return Ok(block),
                // The entries are large, so continue from the follower's position. Going there block by block would
                // read the first blocks again and again, because memory holds few blocks.
                Some(_) if is_cut && after < seq => {
                    after = seq;
                    continue;
                }
                _ if is_new => return Ok(block),
                _ => {}
            }
            // The block was read before the entry was committed.
            self.forget(&cell);
        }
    }

    /// Forgets all blocks in memory.
    pub(super) fn forget_all(&self) {
        self.recent.lock().clear();
    }

    /// The block after a number. All followers that need it share it.
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
        // Neither semaphore is ever closed.
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
