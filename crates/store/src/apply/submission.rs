//! A request that waits for its commit.

use inlet_domain::{command::Inbound, ids::WorkspaceId};
use tokio::{sync::oneshot, time::Instant};

use super::{ApplyError, Receipt, admission::Permit, queue::Waiting};

/// Requests lighter than this count as 0: a full batch of them weighs 8 MiB.
const LIGHT: usize = 32 << 10;

/// A request, with the way to answer it.
#[derive(Debug)]
pub(crate) struct Submission {
    pub inbound: Inbound,
    pub answer: oneshot::Sender<Result<Receipt, ApplyError>>,
    /// When the timer answers the request as not committed.
    pub until: Instant,
    /// The room in the queue, which the answer frees.
    pub permit: Permit,
    /// Whether the request may have been committed already, because the answer to its commit may be lost.
    pub doubtful: bool,
}

impl Submission {
    pub(crate) fn answer(self, answer: Result<Receipt, ApplyError>) {
        // Free the room first: the caller may submit again at once.
        drop(self.permit);
        // The caller may have disconnected. The commit stands; ignore the failed send.
        let _ = self.answer.send(answer);
    }

    pub(crate) fn is_late(&self) -> bool {
        Instant::now() >= self.until
    }
}

impl Waiting for Submission {
    fn workspace(&self) -> WorkspaceId {
        self.inbound.workspace
    }

    fn weight(&self) -> usize {
        Some(self.permit.bytes()).filter(|bytes| *bytes >= LIGHT).unwrap_or(0)
    }
}
