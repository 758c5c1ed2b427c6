//! Permits to write, which the lanes share. While one lane writes its rows, another numbers its events and commits, and
//! the requests that come meanwhile make the next batch larger. Lanes can commit to the log of one workspace only one
//! after another, so letting all lanes write at once makes batches smaller and commits no earlier.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The longest wait for a permit: the holder may itself wait for locked rows.
const PATIENCE: Duration = Duration::from_millis(20);

/// A permit, which ends when it is dropped; `None` if the lane goes on without one.
pub(crate) type Turn = Option<OwnedSemaphorePermit>;

/// The permits of a process. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct WritePermits {
    free: Arc<Semaphore>,
}

impl WritePermits {
    /// Lets half of the lanes write at once.
    pub(crate) fn new(lanes: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(lanes.div_ceil(2).max(1))) }
    }

    /// Waits for a permit; goes on without one after a short time.
    pub(crate) async fn take(&self) -> Turn {
        let free = Arc::clone(&self.free).acquire_owned();
        tokio::time::timeout(PATIENCE, free).await.ok()?.ok()
    }
}
