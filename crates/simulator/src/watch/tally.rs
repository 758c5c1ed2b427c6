//! Counters of a run.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use parking_lot::Mutex;

/// Counters that all watchers share.
#[derive(Debug, Default)]
pub struct Tally {
    connections: AtomicUsize,
    frames: AtomicUsize,
    ends: Mutex<BTreeMap<String, usize>>,
}

impl Tally {
    /// Counts an established connection.
    pub fn opened(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a frame of a subscription.
    pub fn frame(&self) {
        self.frames.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts the end of a connection: the close code, or a word.
    pub fn ended(&self, how: &str) {
        let mut ends = self.ends.lock();
        *ends.entry(how.to_owned()).or_default() += 1;
    }

    /// Established connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Received frames.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames.load(Ordering::Relaxed)
    }

    /// The ends of connections, counted.
    #[must_use]
    pub fn ends(&self) -> BTreeMap<String, usize> {
        self.ends.lock().clone()
    }
}
