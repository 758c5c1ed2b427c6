//! An entry of the log as its followers share it.

use std::sync::{Arc, OnceLock};

use inlet_domain::log::{Cursor, LogEntry, Standing};

/// An entry, with what is found out about it once for all who follow.
#[derive(Debug)]
pub struct LiveEntry {
    /// The entry.
    pub log: Arc<LogEntry>,
    /// The life of the log that it stands in.
    pub epoch: i32,
    standing: OnceLock<Standing>,
}

impl LiveEntry {
    /// Of an entry of this life of the log.
    #[must_use]
    pub fn new(epoch: i32, log: LogEntry) -> Self {
        Self { log: Arc::new(log), epoch, standing: OnceLock::new() }
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

    /// About how many bytes it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        512 + self.log.payload.get().len() + self.log.previous.as_ref().map_or(0, |previous| previous.get().len())
    }
}
