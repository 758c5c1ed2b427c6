//! Watches whether the database is there. A database that hangs counts as away: no connection reports it, but callers
//! must learn it in time. One task checks the database over its own connection, and all others read the task's result.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};
use sqlx::{PgConnection, PgPool};
use tokio::sync::watch;

use super::{
    OnMove, Work,
    hosts::{Hosts, Primary, takes_writes},
};
use crate::error::StoreError;

/// The time between two checks.
const PAUSE: Duration = Duration::from_millis(500);
/// The time between two checks while the database is away.
const PAUSE_AWAY: Duration = Duration::from_millis(200);
/// The longest comparison of the logs. After it the comparison begins anew.
const LONGEST_COMPARISON: Duration = Duration::from_secs(60);

/// Connections made until this time are retired: nobody may use them any more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Retired(Arc<Mutex<Option<Instant>>>);

impl Retired {
    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock()
    }

    /// Retires every connection that was made until now.
    pub(crate) fn all(&self) {
        *self.lock() = Some(Instant::now());
    }

    /// Whether a connection of this age is retired.
    pub(crate) fn has(&self, age: Duration) -> bool {
        self.lock().is_some_and(|until| Instant::now().checked_sub(age).is_none_or(|made| made <= until))
    }
}

/// The timeline that this process follows; unknown before the first connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timeline(Arc<Mutex<Followed>>);

#[derive(Debug, Default)]
struct Followed {
    timeline: Option<u32>,
    /// Whether a task compares the logs when the timeline changes.
    is_watched: bool,
}

impl Timeline {
    fn lock(&self) -> MutexGuard<'_, Followed> {
        self.0.lock()
    }

    /// Whether a connection on this timeline may be used. The first connection decides the timeline. If no task
    /// compares the logs, each connection decides it.
    pub(crate) fn takes(&self, found: u32) -> bool {
        let mut followed = self.lock();
        if followed.timeline.is_none() || !followed.is_watched {
            followed.timeline = Some(found);
        }
        followed.timeline == Some(found)
    }

    fn is_other(&self, found: u32) -> bool {
        self.lock().timeline.is_some_and(|known| known != found)
    }

    fn watch(&self) {
        self.lock().is_watched = true;
    }

    fn follow(&self, found: u32) {
        self.lock().timeline = Some(found);
    }
}

/// Lets through one line of the program's log a second.
#[derive(Debug, Default)]
struct Seldom(Mutex<(Option<Instant>, u64)>);

impl Seldom {
    /// If a line is due, the number of lines skipped since the last one.
    fn due(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock();
        let (last, passed_over) = &mut *state;
        if last.is_some_and(|last| now.saturating_duration_since(last) < Duration::from_secs(1)) {
            *passed_over += 1;
            return None;
        }
        *last = Some(now);
        Some(std::mem::take(passed_over))
    }
}

/// The state of the database, which all pools of a process share.
#[derive(Debug)]
pub(crate) struct Link {
    hosts: Hosts,
    /// The host that new connections go to.
    current: AtomicUsize,
    pools: Mutex<Vec<(Work, PgPool)>>,
    retired: Retired,
    timeline: Timeline,
    present: watch::Sender<bool>,
    complaints: Seldom,
}

impl Link {
    pub(crate) fn new(hosts: Hosts, current: usize) -> Self {
        Self {
            hosts,
            current: current.into(),
            pools: Mutex::default(),
            retired: Retired::default(),
            timeline: Timeline::default(),
            present: watch::Sender::new(true),
            complaints: Seldom::default(),
        }
    }

    pub(crate) fn retired(&self) -> &Retired {
        &self.retired
    }

    pub(crate) fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The options of new connections for a kind of work.
    pub(crate) fn options(&self, work: Work) -> sqlx::postgres::PgConnectOptions {
        self.hosts.options(self.current.load(Ordering::Acquire), work)
    }

    /// Points a pool at the primary from now on.
    pub(crate) fn keep(&self, work: Work, pool: &PgPool) {
        let mut pools = self.pools.lock();
        pools.retain(|(_, pool)| !pool.is_closed());
        pools.push((work, pool.clone()));
    }

    pub(crate) fn is_present(&self) -> bool {
        *self.present.borrow()
    }

    /// Waits until the database is there.
    pub(crate) async fn presence(&self) {
        let _ = self.present.subscribe().wait_for(|present| *present).await;
    }

    /// Waits until the database is away.
    async fn absence(&self) {
        // `self` owns the sender, so the wait never fails.
        let _ = self.present.subscribe().wait_for(|present| !present).await;
    }

    /// Runs `work` while the database is there; drops it when the database is away.
    pub(crate) async fn while_present<T>(&self, work: impl Future<Output = T>) -> Result<T, StoreError> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.absence() => Err(StoreError::Away),
        }
    }

    pub(crate) fn complain(&self, error: &(dyn std::error::Error + 'static), what: &'static str) {
        if let Some(passed_over) = self.complaints.due(Instant::now()) {
            tracing::warn!(error, passed_over, "{what}");
        }
    }

    /// Checks the database again and again. `patience` is the longest wait for an answer, over the connection that
    /// stands and again over a new one.
    pub(crate) async fn watch(&self, patience: Duration, on_move: &dyn OnMove) {
        self.timeline.watch();
        let mut connection = None;
        loop {
            let is_there = self.look(patience, &mut connection, on_move).await;
            if is_there != self.is_present() {
                if is_there {
                    tracing::info!("the database is there again");
                } else {
                    tracing::warn!("the database does not answer, or takes no writes; callers are told to try again");
                }
                metrics::gauge!("inlet_database_present").set(if is_there { 1.0 } else { 0.0 });
                self.present.send_replace(is_there);
            }
            tokio::time::sleep(if is_there { PAUSE } else { PAUSE_AWAY }).await;
        }
    }

    /// Checks whether there is a primary. Retires the older connections if the primary is another server than before,
    /// or was away.
    async fn look(&self, patience: Duration, connection: &mut Option<PgConnection>, on_move: &dyn OnMove) -> bool {
        if let Some(standing) = connection {
            let asked = tokio::time::timeout(patience, takes_writes(standing)).await;
            if matches!(asked, Ok(Ok(true))) {
                return true;
            }
        }
        let had_one = connection.take().is_some();
        let Some(Primary { number, connection: mut found, timeline }) = self.hosts.primary(patience).await else {
            return false;
        };
        if number != self.current.load(Ordering::Acquire) || self.timeline.is_other(timeline) {
            // Until the comparison ends, no pool connects to the new primary.
            let compared = tokio::time::timeout(LONGEST_COMPARISON, on_move.moved(&mut found)).await;
            let compared = compared.map_err(|_| StoreError::Away).and_then(std::convert::identity);
            if let Err(error) = compared {
                self.complain(&error, "the logs could not be compared after the database moved; trying again");
                return false;
            }
        }
        *connection = Some(found);
        self.timeline.follow(timeline);
        let before = self.current.swap(number, Ordering::AcqRel);
        if before != number && self.hosts.count() > 1 {
            tracing::info!(host = number + 1, "the primary is another host of the list now");
            let pools = self.pools.lock();
            for (work, pool) in pools.iter().filter(|(_, pool)| !pool.is_closed()) {
                pool.set_connect_options(self.hosts.options(number, *work));
            }
        }
        if had_one || before != number || !self.is_present() {
            self.retired.all();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d2_there_is_one_line_a_second_and_it_tells_how_many_there_might_have_been() {
        let (seldom, begun) = (Seldom::default(), Instant::now());
        assert_eq!(seldom.due(begun), Some(0));
        assert!((1..1_000).all(|millis| seldom.due(begun + Duration::from_millis(millis)).is_none()));
        assert_eq!(seldom.due(begun + Duration::from_secs(1)), Some(999));
    }

    #[test]
    fn e_what_was_made_before_is_given_up_and_what_is_made_later_stands() {
        let retired = Retired::default();
        assert!(!retired.has(Duration::from_secs(5)));
        retired.all();
        assert!(retired.has(Duration::from_secs(5)));
        while retired.has(Duration::ZERO) {}
    }

    #[test]
    fn e_p8_a_connection_of_another_timeline_waits_until_the_logs_are_compared() {
        let timeline = Timeline::default();
        assert!(timeline.takes(1) && timeline.takes(2), "nobody would compare");
        timeline.watch();
        assert!(timeline.takes(2) && !timeline.takes(3) && timeline.is_other(3));
        timeline.follow(3);
        assert!(timeline.takes(3) && !timeline.takes(2));
    }
}
