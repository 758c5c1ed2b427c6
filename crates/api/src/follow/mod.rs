//! Follows the event log. Each workspace with followers has one tail ([`tail`]). Followers read from its memory; those
//! further behind read the log in shared blocks ([`blocks`]). A feed ([`feed`]) selects the updates of one subscriber.
//!
//! The log has no gaps, so a follower knows by the number alone that it is behind, and reads on until it has caught up.
//! It does not matter when the tail began, or how many entries a follower missed (P8).

mod blocks;
pub mod counts;
pub mod entry;
pub mod feed;
pub mod filter;
mod follower;
mod page;
mod tail;

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use async_graphql::Enum;
use inlet_domain::{ids::WorkspaceId, scope::Scope};
use inlet_store::{
    database::Database,
    log::{Cursor, Heads},
};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use self::{entry::LiveEntry, follower::Follower, tail::Tail};

/// Settings of followers.
#[derive(Debug, Clone)]
pub struct LiveConfig {
    /// Maximum number of entries in the memory of a tail. A follower further behind reads the log.
    pub remembered: usize,
    /// Maximum bytes of payloads in the memory of a tail.
    pub remembered_bytes: usize,
    /// Entries that one read of the log returns.
    pub page: i64,
    /// Maximum number of entries that a follower may be behind. Beyond it, the follower is reset.
    pub too_far_behind: i64,
    /// Time between two reads of a tail without news.
    pub poll: Duration,
    /// Reads of the log that the process makes at once for followers behind the tail. One workspace has at most half of
    /// them.
    pub catching_up: usize,
    /// Minimum time between two checkpoints of a stream, and between two counts of a workspace's inbox.
    pub checkpoint_gap: Duration,
    /// Maximum time between two checkpoints of a stream.
    pub checkpoint_idle: Duration,
}

impl Default for LiveConfig {
    fn default() -> Self {
        Self {
            remembered: 4096,
            remembered_bytes: 16 * 1024 * 1024,
            page: 500,
            too_far_behind: 100_000,
            poll: Duration::from_secs(5),
            catching_up: 4,
            checkpoint_gap: Duration::from_secs(1),
            checkpoint_idle: Duration::from_secs(30),
        }
    }
}

/// Membership of an event's conversation in the list under the subscription's filter.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// The conversation entered the list with this event: add it.
    Entered,
    /// The conversation was in the list before and still is.
    Inside,
    /// The conversation left the list with this event: remove it.
    Left,
}

/// Reason why a stream cannot continue from the given cursor. Values may be added.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetReason {
    /// Events after the cursor are past retention.
    Trimmed,
    /// The cursor belongs to another epoch of the log, or lies beyond its head.
    Foreign,
    /// The cursor is too far behind: reading the lists again is faster.
    TooFarBehind,
}

/// An update of a follower.
#[derive(Clone)]
pub enum Update {
    /// The follower starts after this position.
    Begun(Cursor),
    Entry(Arc<LiveEntry>),
    /// The follower has everything up to here.
    Abreast(Cursor),
    /// Entries were skipped; the follower continues from here.
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
    /// Permits to read the log for followers behind the tail.
    readers: Semaphore,
    tails: Mutex<HashMap<WorkspaceId, Weak<Tail>>>,
}

impl Live {
    #[must_use]
    pub fn new(database: Database, heads: Heads, config: LiveConfig) -> Self {
        let readers = Semaphore::new(config.catching_up.max(1));
        Self { inner: Arc::new(Inner { database, heads, config, readers, tails: Mutex::default() }) }
    }

    /// Everything after `cursor`; without one, everything from now on.
    fn follow(&self, scope: Scope, cursor: Option<Cursor>) -> Follower {
        Follower::new(self.tail(scope), cursor)
    }

    fn tail(&self, scope: Scope) -> Arc<Tail> {
        let mut tails = self.inner.tails.lock();
        if let Some(tail) = tails.get(&scope.workspace()).and_then(Weak::upgrade) {
            return tail;
        }
        tails.retain(|_, tail| tail.strong_count() > 0);
        let tail = Arc::new(Tail::start(Arc::clone(&self.inner), scope));
        tails.insert(scope.workspace(), Arc::downgrade(&tail));
        tail
    }
}
