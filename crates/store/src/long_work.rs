//! Work of some milliseconds and more that never yields, such as reading a request of a megabyte.

use std::sync::Arc;

use tokio::{
    sync::Semaphore,
    task::{JoinError, spawn_blocking},
};

/// Runs long pieces of work one after the other on a thread of their own, so that short work never waits for them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LongWork(Arc<Semaphore>);

impl Default for LongWork {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl LongWork {
    /// Runs the work in its turn. The turn lasts as long as the work, also if the caller stops waiting.
    ///
    /// # Errors
    /// The work panicked, or the process is stopping.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
        // The semaphore is never closed.
        let turn = Arc::clone(&self.0).acquire_owned().await.ok();
        spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await
    }
}
