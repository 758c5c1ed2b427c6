//! What is counted while a run goes on.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use parking_lot::Mutex;

/// Counts that all watchers share.
#[derive(Debug, Default)]
pub struct Tally {
    connections: AtomicUsize,
    frames: AtomicUsize,
    ends: Mutex<BTreeMap<String, usize>>,
}

impl Tally {
    /// A connection stands.
    pub fn opened(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// A frame of a subscription came.
    pub fn frame(&self) {
        self.frames.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection ended like this: the code of its close, or a word.
    pub fn ended(&self, how: &str) {
        let mut ends = self.ends.lock();
        *ends.entry(how.to_owned()).or_default() += 1;
    }

    /// Connections that stood.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Frames that came.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames.load(Ordering::Relaxed)
    }

    /// How connections ended, and how often.
    #[must_use]
    pub fn ends(&self) -> BTreeMap<String, usize> {
        self.ends.lock().clone()
    }
}
