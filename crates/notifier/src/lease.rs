//! The leases of this process. A delivery is sent only while its lease is surely valid.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use inlet_store::records::deliveries::Outbox;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Time beside the timeout of one exchange, to write the result.
pub(crate) const MARGIN: Duration = Duration::from_secs(10);

/// The time beside the timeout that a lease must have left when a request begins.
pub(crate) const SLACK: Duration = Duration::from_secs(2);

const RENEWAL: Duration = Duration::from_secs(2);

/// The lease of a page, or the claim of some retries.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) id: Uuid,
    pub(crate) lasts: Duration,
    until: Mutex<Instant>,
    open: AtomicUsize,
    given_up: AtomicBool,
}

impl Lease {
    /// A lease for `open` deliveries. The database counts from a moment after `asked`, so the lease is surely valid
    /// when counted from `asked`.
    pub(crate) fn new(id: Uuid, asked: Instant, lasts: Duration, open: usize) -> Arc<Self> {
        Arc::new(Self {
            id,
            lasts,
            until: Mutex::new(asked + lasts),
            open: AtomicUsize::new(open),
            given_up: AtomicBool::new(false),
        })
    }

    /// Whether the lease is valid for at least this long.
    pub(crate) fn stands_for(&self, needed: Duration) -> bool {
        let until = *self.until.lock();
        until.saturating_duration_since(Instant::now()) > needed
    }

    fn set_until(&self, until: Instant) {
        *self.until.lock() = until;
    }

    /// Records that one delivery is finished. Returns true for the last one, if the lease may be closed then.
    pub(crate) fn done(&self) -> bool {
        self.open.fetch_sub(1, Ordering::AcqRel) == 1 && !self.given_up.load(Ordering::Acquire)
    }

    /// Lets the lease expire, so that another process or a later claim takes over the rest.
    pub(crate) fn give_up(&self) {
        self.given_up.store(true, Ordering::Release);
        self.set_until(Instant::now());
    }
}

/// The page leases of this process.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    open: Mutex<HashMap<Uuid, Arc<Lease>>>,
}

impl Leases {
    pub(crate) fn add(&self, lease: Arc<Lease>) {
        self.open.lock().insert(lease.id, lease);
    }

    pub(crate) fn remove(&self, ids: &[Uuid]) {
        let mut open = self.open.lock();
        for id in ids {
            open.remove(id);
        }
    }

    fn ageing(&self) -> Vec<Arc<Lease>> {
        let mut open = self.open.lock();
        open.retain(|_, lease| !lease.given_up.load(Ordering::Acquire));
        let young = |lease: &Lease| lease.stands_for(lease.lasts.saturating_sub(RENEWAL));
        open.values().filter(|lease| !young(lease)).cloned().collect()
    }

    /// Renews the leases of unfinished pages until `stop`. A lease that could not be renewed expires here before it
    /// expires in the database.
    pub(crate) async fn keep(&self, outbox: Outbox, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(RENEWAL)).await.is_some() {
            let ageing = self.ageing();
            let Some(lasts) = ageing.iter().map(|lease| lease.lasts).max() else { continue };
            let ids: Vec<Uuid> = ageing.iter().map(|lease| lease.id).collect();
            let asked = Instant::now();
            match outbox.renew(&ids, lasts).await {
                Ok(ours) => {
                    for lease in ageing {
                        if ours.contains(&lease.id) {
                            lease.set_until(asked + lasts);
                        } else {
                            lease.give_up();
                            self.remove(&[lease.id]);
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, "leases could not be renewed; trying again"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_closed_by_its_last_delivery_unless_it_was_given_up() {
        let lease = Lease::new(Uuid::nil(), Instant::now(), Duration::from_secs(60), 2);
        assert!(lease.stands_for(Duration::from_secs(30)));
        assert!(!lease.stands_for(Duration::from_secs(60)));
        assert!(!lease.done());
        assert!(lease.done());

        let lease = Lease::new(Uuid::nil(), Instant::now(), Duration::from_secs(60), 1);
        lease.give_up();
        assert!(!lease.stands_for(Duration::ZERO));
        assert!(!lease.done());
    }
}
