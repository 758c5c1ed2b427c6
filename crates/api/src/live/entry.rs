//! An entry of the log as its followers share it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use inlet_domain::log::{Cursor, LogEntry, Standing};

use crate::loaders::Loaders;

/// An entry, with what is found out about it once for all who follow.
pub struct LiveEntry {
    /// The entry.
    pub log: Arc<LogEntry>,
    /// The life of the log that it stands in.
    pub epoch: i32,
    standing: OnceLock<Standing>,
    loaders: Mutex<Option<Arc<Loaders>>>,
}

impl LiveEntry {
    /// Of an entry of this life of the log.
    #[must_use]
    pub fn new(epoch: i32, log: LogEntry) -> Self {
        Self { log: Arc::new(log), epoch, standing: OnceLock::new(), loaders: Mutex::default() }
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

    /// The look-ups of all who are told of it, made by the first. What they find is read after the event.
    #[must_use]
    pub fn loaders(&self, make: impl FnOnce() -> Loaders) -> Arc<Loaders> {
        let mut loaders = self.loaders.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(loaders.get_or_insert_with(|| Arc::new(make())))
    }

    /// Forgets what was looked up: who comes late reads it again.
    pub fn forget(&self) {
        self.loaders.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// About how many bytes it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        512 + self.log.payload.get().len() + self.log.previous.as_ref().map_or(0, |previous| previous.get().len())
    }
}
