//! The counts of checkpoints: counted once for all subscribers of a workspace, only if the log has moved, and at most
//! once a second.

use std::sync::{Arc, Weak};

use inlet_domain::scope::Scope;
use inlet_store::{
    database::Database,
    error::StoreError,
    log::{self, Cursor},
    records::inbox_counts::{InboxCounts, inbox_counts},
};
use parking_lot::Mutex;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::LiveConfig;

/// A count takes at most one part in so many of the time.
const SHARE: u32 = 10;

/// Counts that are no older than a position in the log.
#[derive(Debug, PartialEq, Eq)]
pub struct Counted {
    pub at: Cursor,
    pub counts: Arc<InboxCounts>,
}

impl Counted {
    fn covers(&self, wanted: Cursor) -> bool {
        self.at.epoch == wanted.epoch && self.at.seq >= wanted.seq
    }
}

/// Counts for one workspace while anyone wants checkpoints.
pub(super) struct Counter {
    database: Database,
    scope: Scope,
    config: LiveConfig,
    running: Mutex<Weak<Running>>,
}

struct Running {
    wanted: watch::Sender<Option<Cursor>>,
    latest: watch::Receiver<Option<Arc<Counted>>>,
    _stop: DropGuard,
}

/// One subscriber to the counts.
pub(super) struct Counts {
    running: Arc<Running>,
    latest: watch::Receiver<Option<Arc<Counted>>>,
}

impl Counter {
    pub(super) fn new(database: Database, scope: Scope, config: LiveConfig) -> Self {
        Self { database, scope, config, running: Mutex::default() }
    }

    pub(super) fn join(&self) -> Counts {
        let mut running = self.running.lock();
        let joined = running.upgrade().unwrap_or_else(|| {
            let begun = Arc::new(self.begin());
            *running = Arc::downgrade(&begun);
            begun
        });
        Counts { latest: joined.latest.clone(), running: joined }
    }

    fn begin(&self) -> Running {
        let stop = CancellationToken::new();
        let (wanted, asked) = watch::channel(None);
        let (told, latest) = watch::channel(None);
        let (database, scope, config) = (self.database.clone(), self.scope, self.config.clone());
        let guard = stop.clone().drop_guard();
        tokio::spawn(async move { stop.run_until_cancelled(run(database, scope, config, asked, told)).await });
        Running { wanted, latest, _stop: guard }
    }
}

impl Counts {
    /// The newest counts, if they are no older than this position. Else it asks for them, and they arrive by
    /// [`Counts::changed`].
    pub(super) fn since(&mut self, wanted: Cursor) -> Option<Arc<Counted>> {
        let latest = self.latest.borrow_and_update().clone();
        let found = latest.filter(|latest| latest.covers(wanted));
        if found.is_none() {
            self.running.wanted.send_if_modified(|known| {
                let is_new = known.is_none_or(|known| known.epoch != wanted.epoch || known.seq < wanted.seq);
                if is_new {
                    *known = Some(wanted);
                }
                is_new
            });
        }
        found
    }

    /// The newest counts, however old.
    pub(super) fn latest(&self) -> Option<Arc<Counted>> {
        self.latest.borrow().clone()
    }

    /// Resolves when there are new counts.
    pub(super) async fn changed(&mut self) {
        if self.latest.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

async fn run(
    database: Database,
    scope: Scope,
    config: LiveConfig,
    mut asked: watch::Receiver<Option<Cursor>>,
    told: watch::Sender<Option<Arc<Counted>>>,
) {
    loop {
        let is_due = |wanted: &Option<Cursor>| {
            wanted.is_some_and(|wanted| !told.borrow().as_ref().is_some_and(|counted| counted.covers(wanted)))
        };
        if asked.wait_for(is_due).await.is_err() {
            return;
        }
        let begun = Instant::now();
        match count(&database, scope).await {
            Ok(counted) => {
                told.send_replace(Some(Arc::new(counted)));
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "an inbox could not be counted");
            }
        }
        sleep_until(begun + config.checkpoint_gap.max(begun.elapsed() * SHARE)).await;
    }
}

async fn count(database: &Database, scope: Scope) -> Result<Counted, StoreError> {
    // Read the position first, so that the counts are no older.
    let at = log::state(&database.pool, scope).await?.cursor();
    metrics::counter!("inlet_live_counts_total").increment(1);
    Ok(Counted { at, counts: Arc::new(inbox_counts(database, scope).await?) })
}
