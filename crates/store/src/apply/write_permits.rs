//! Permits to write, which the lanes share: while one writes its rows, another numbers its events and commits, and what comes meanwhile makes
//! the next batch larger. On one workspace lanes can commit only one after the other (the log), so that to let all
//! write at once makes batches smaller and no sooner committed.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The longest that a lane waits for its turn: another's may be waiting for rows that someone holds.
const PATIENCE: Duration = Duration::from_millis(20);

/// A lane's turn; it ends when it is dropped.
pub(crate) type Turn = Option<OwnedSemaphorePermit>;

/// The turns of a process's lanes. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct WritePermits {
    free: Arc<Semaphore>,
}

impl WritePermits {
    /// For half of the lanes at once.
    pub(crate) fn new(lanes: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(lanes.div_ceil(2).max(1))) }
    }

    /// Waits for a turn; goes on without one where that takes too long.
    pub(crate) async fn take(&self) -> Turn {
        let free = Arc::clone(&self.free).acquire_owned();
        tokio::time::timeout(PATIENCE, free).await.ok()?.ok()
    }
}
