//! An entry of the log, shared by its followers.

use std::sync::{Arc, OnceLock};

use inlet_store::log::{Cursor, LogEntry, Standing};
use parking_lot::Mutex;

use crate::loading::loaders::Loaders;

/// Number of entries of one read that share their look-ups.
const TOGETHER: usize = 32;

/// Look-ups for entries of one read. The first user makes them, so their values are never older than the entries.
type Lookups = Arc<Mutex<Option<Arc<Loaders>>>>;

/// An entry, with what all its followers share.
pub struct LiveEntry {
    pub log: Arc<LogEntry>,
    pub epoch: i32,
    standing: OnceLock<Standing>,
    loaders: Lookups,
}

impl LiveEntry {
    /// From entries of this epoch that were read together.
    pub fn page(epoch: i32, entries: Vec<LogEntry>) -> impl Iterator<Item = Arc<Self>> {
        let mut loaders = Lookups::default();
        entries.into_iter().enumerate().map(move |(index, log)| {
            if index % TOGETHER == 0 {
                loaders = Lookups::default();
            }
            Arc::new(Self { log: Arc::new(log), epoch, standing: OnceLock::new(), loaders: Arc::clone(&loaders) })
        })
    }

    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor { epoch: self.epoch, seq: self.log.seq }
    }

    /// The values that filters match against.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        self.standing.get_or_init(|| Standing::of(&self.log))
    }

    /// The look-ups of all subscribers to this entry and to those read with it.
    #[must_use]
    pub fn loaders(&self, make: impl FnOnce() -> Loaders) -> Arc<Loaders> {
        let mut loaders = self.loaders.lock();
        Arc::clone(loaders.get_or_insert_with(|| Arc::new(make())))
    }

    /// Drops the look-ups. A later user reads again.
    pub fn forget(&self) {
        self.loaders.lock().take();
    }

    /// Approximate size in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        512 + self.log.payload.get().len() + self.log.previous.as_ref().map_or(0, |previous| previous.get().len())
    }
}
