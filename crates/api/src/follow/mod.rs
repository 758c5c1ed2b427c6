//! Following the event log of a workspace: one tail for each workspace that anyone follows ([`tail`]), followers that
//! take from its memory, or catch up from the log in pages that they share ([`blocks`]), what a subscriber is told
//! of it ([`feed`]), and how that is rendered once for many ([`render`]).
//!
//! The log has no gaps, so a follower knows by the number alone whether it is behind: then it reads on until it has
//! caught up. So it does not matter when the tail began, nor how much of it a follower could not keep up with (P8).

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

/// How followers are served.
#[derive(Debug, Clone)]
pub struct LiveConfig {
    /// Entries that a tail remembers; who is further behind reads the log.
    pub remembered: usize,
    /// The most bytes of payloads that a tail remembers.
    pub remembered_bytes: usize,
    /// Entries of one read of the log.
    pub page: i64,
    /// Who is further behind than this is reset.
    pub too_far_behind: i64,
    /// How often a tail looks without having been woken.
    pub poll: Duration,
    /// Pages of the log that the process reads at once for those who catch up; one workspace has at most half of it.
    pub catching_up: usize,
    /// The least time between two checkpoints of a stream, and between two counts of a workspace's inbox.
    pub checkpoint_gap: Duration,
    /// The most time between two checkpoints of a stream.
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

/// Whether the conversation of an event is in the list of conversations under the subscription's filter.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// The conversation is in the list since this event: add it.
    Entered,
    /// The conversation is in the list, and was in it before this event.
    Inside,
    /// The conversation is in the list no more: remove it.
    Left,
}

/// Why a stream does not go on from the cursor that was passed. Values may be added.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetReason {
    /// Events after the cursor are past retention.
    Trimmed,
    /// The cursor is of another life of the log, or beyond its head.
    Foreign,
    /// The cursor is so far behind that reading the lists anew is quicker.
    TooFarBehind,
}

/// What a follower is told.
#[derive(Clone)]
pub enum Update {
    /// It begins after this place.
    Begun(Cursor),
    /// An entry.
    Entry(Arc<LiveEntry>),
    /// It has all that there is up to here.
    Abreast(Cursor),
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
    /// Who reads pages of the log to catch up.
    readers: Semaphore,
    tails: Mutex<HashMap<WorkspaceId, Weak<Tail>>>,
}

impl Live {
    /// Over these logs.
    #[must_use]
    pub fn new(database: Database, heads: Heads, config: LiveConfig) -> Self {
        let readers = Semaphore::new(config.catching_up.max(1));
        Self { inner: Arc::new(Inner { database, heads, config, readers, tails: Mutex::default() }) }
    }

    /// Everything after `cursor`, for ever; without one, from now on.
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
