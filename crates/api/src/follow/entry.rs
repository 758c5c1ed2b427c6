//! An entry of the log as its followers share it.

use std::sync::{Arc, OnceLock};

use inlet_store::log::{Cursor, LogEntry, Standing};
use parking_lot::Mutex;

use crate::loading::loaders::Loaders;

/// So many entries that were read together share their look-ups.
const TOGETHER: usize = 32;

/// Look-ups of entries that were read together, made by the first who asks: so what they find is never older than any of
/// the entries.
type Lookups = Arc<Mutex<Option<Arc<Loaders>>>>;

/// An entry, with what is found out about it once for all who follow.
pub struct LiveEntry {
    /// The entry.
    pub log: Arc<LogEntry>,
    /// The life of the log that it stands in.
    pub epoch: i32,
    standing: OnceLock<Standing>,
    loaders: Lookups,
}

impl LiveEntry {
    /// Of entries of this life of the log that were read together.
    pub fn page(epoch: i32, entries: Vec<LogEntry>) -> impl Iterator<Item = Arc<Self>> {
        let mut loaders = Lookups::default();
        entries.into_iter().enumerate().map(move |(index, log)| {
            if index % TOGETHER == 0 {
                loaders = Lookups::default();
            }
            Arc::new(Self { log: Arc::new(log), epoch, standing: OnceLock::new(), loaders: Arc::clone(&loaders) })
        })
    }

    /// Where it stands.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor { epoch: self.epoch, seq: self.log.seq }
    }

    /// What filters are held against.
    #[must_use]
    pub fn standing(&self) -> &Standing {
        self.standing.get_or_init(|| Standing::of(&self.log))
    }

    /// The look-ups of all who are told of it and of those that were read with it.
    #[must_use]
    pub fn loaders(&self, make: impl FnOnce() -> Loaders) -> Arc<Loaders> {
        let mut loaders = self.loaders.lock();
        Arc::clone(loaders.get_or_insert_with(|| Arc::new(make())))
    }

    /// Forgets what was looked up: who comes late reads it again.
    pub fn forget(&self) {
        self.loaders.lock().take();
    }

    /// About how many bytes it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        512 + self.log.payload.get().len() + self.log.previous.as_ref().map_or(0, |previous| previous.get().len())
    }
}
