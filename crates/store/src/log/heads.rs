//! The head of each workspace's log, as this process knows it. Apply advances the heads after each commit, and so do
//! the NOTIFYs of other processes. Followers of a log wait for the heads to move. A head is a hint: followers also poll
//! slowly.

use std::{collections::HashMap, sync::Arc};

use inlet_domain::{
    ambient::Ambient,
    ids::{EventId, WorkspaceId},
};
use parking_lot::{Mutex, MutexGuard};
use sqlx::PgConnection;
use tokio::sync::watch;

use super::turn;
use crate::{
    database::{Database, OnMove},
    error::StoreError,
};

/// The NOTIFY channel. The payload is a list of `<workspace uuid>:<number>:<epoch>:<event uuid>`, joined by commas. A
/// `?` follows a head that may not be durable yet. The number 0 says that an epoch has begun.
pub const CHANNEL: &str = "inlet_log";

/// The last known entry of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The epoch of the log.
    pub epoch: i32,
    /// The number of the entry.
    pub seq: i64,
    /// The id of the entry.
    pub id: EventId,
}

impl Head {
    /// The head as a NOTIFY payload holds it.
    pub(crate) fn told(&self, workspace: WorkspaceId) -> String {
        format!("{}:{}:{}:{}", workspace.0, self.seq, self.epoch, self.id.0)
    }

    fn heard(text: &str) -> Option<(WorkspaceId, Self)> {
        let mut parts = text.split(':');
        let mut next = || parts.next();
        let workspace = WorkspaceId(next()?.parse().ok()?);
        let (seq, epoch) = (next()?.parse().ok()?, next()?.parse().ok()?);
        Some((workspace, Self { epoch, seq, id: EventId(next()?.parse().ok()?) }))
    }
}

/// The heads that this process knows of. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Heads {
    known: Arc<Mutex<Logs>>,
    generation: Arc<watch::Sender<u64>>,
}

#[derive(Debug, Default)]
struct Logs {
    known: HashMap<WorkspaceId, Known>,
    turn: u64,
}

/// What this process knows of a log.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    epoch: i32,
    /// The highest number that this process has heard of.
    seen: i64,
    /// The last entry that is known to be durable.
    durable: Option<Head>,
}

impl Known {
    fn begun(epoch: i32) -> Self {
        Self { epoch, ..Self::default() }
    }

    fn durable(&self) -> i64 {
        self.durable.map_or(0, |head| head.seq)
    }

    /// Takes a head in; true if it is news.
    fn note(&mut self, head: Head, is_durable: bool) -> bool {
        if head.epoch < self.epoch {
            return false;
        }
        let mut news = head.epoch > self.epoch;
        if news {
            *self = Self::begun(head.epoch);
        }
        if is_durable && head.seq > self.durable() {
            self.durable = Some(head);
        }
        news |= head.seq > self.seen;
        self.seen = self.seen.max(head.seq);
        news
    }
}

impl Default for Heads {
    fn default() -> Self {
        Self { known: Arc::default(), generation: Arc::new(watch::Sender::new(0)) }
    }
}

impl Heads {
    /// Takes durable heads in, and wakes the followers if one of the heads is news.
    pub fn advance(&self, heads: impl IntoIterator<Item = (WorkspaceId, Head)>) {
        self.note(heads.into_iter().map(|(workspace, head)| (workspace, head, true)));
    }

    fn note(&self, heads: impl IntoIterator<Item = (WorkspaceId, Head, bool)>) {
        let mut news = false;
        {
            let mut logs = self.lock();
            for (workspace, head, is_durable) in heads {
                let known = logs.known.entry(workspace).or_insert_with(|| Known::begun(head.epoch));
                news |= known.note(head, is_durable);
            }
        }
        if news {
            self.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Logs> {
        self.known.lock()
    }

    fn wake(&self) {
        self.generation.send_modify(|generation| *generation += 1);
    }

    /// Takes in the heads that a commit of this process gave, and tells them to the other processes.
    pub async fn tell(&self, database: &Database, heads: &[(WorkspaceId, Head)]) {
        if heads.is_empty() {
            return;
        }
        self.advance(heads.iter().copied());
        super::announce::tell(database, heads.iter().copied().collect()).await;
    }

    /// The last known number of a workspace's log; 0 for an unknown log.
    #[must_use]
    pub fn of(&self, workspace: WorkspaceId) -> i64 {
        self.known(workspace).seen
    }

    /// The last known epoch of a workspace's log; 0 for an unknown log.
    #[must_use]
    pub fn epoch(&self, workspace: WorkspaceId) -> i32 {
        self.known(workspace).epoch
    }

    /// The last number of a workspace's log that is known to be durable; 0 for an unknown log. A number is known to be
    /// durable when Postgres has answered its commit to this process, or when the committing process has said so.
    #[must_use]
    pub fn durable(&self, workspace: WorkspaceId) -> i64 {
        self.known(workspace).durable()
    }

    fn known(&self, workspace: WorkspaceId) -> Known {
        self.lock().known.get(&workspace).copied().unwrap_or_default()
    }

    /// The known logs, with their last known numbers.
    #[must_use]
    pub fn all(&self) -> Vec<(WorkspaceId, i64)> {
        self.lock().known.iter().map(|(workspace, known)| (*workspace, known.seen)).collect()
    }

    /// Changes whenever a head moves or the database moves. Create the receiver before the first query, so that it
    /// misses no change.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// How often the database has moved to another history. An entry that was read in an earlier turn may be lost.
    #[must_use]
    pub fn turn(&self) -> u64 {
        self.lock().turn
    }

    /// Takes in a durable entry that was read, before anyone is told of it. False if the database has moved since the
    /// reading: then tell nobody, because no comparison would find the entry lost.
    pub(crate) fn settle(&self, turn: u64, workspace: WorkspaceId, head: Head) -> bool {
        let news = {
            let mut logs = self.lock();
            if logs.turn != turn {
                return false;
            }
            logs.known.entry(workspace).or_insert_with(|| Known::begun(head.epoch)).note(head, true)
        };
        if news {
            self.wake();
        }
        true
    }

    /// Compares the known heads with the logs each time that the database moves.
    #[must_use]
    pub fn compared(&self, ambient: Ambient) -> impl OnMove + use<> {
        Comparison { heads: self.clone(), ambient }
    }

    /// Compares the known heads with the logs of the new primary, to which `connection` leads. A log that lacks its
    /// head begins an epoch. This process must write nothing there before the comparison.
    ///
    /// # Errors
    /// If the database fails, nothing was compared: call this again.
    async fn compare(&self, connection: &mut PgConnection, ambient: &Ambient) -> Result<(), StoreError> {
        let known: Vec<(WorkspaceId, Head)> = {
            let mut logs = self.lock();
            logs.turn += 1;
            logs.known.iter().filter_map(|(workspace, known)| Some((*workspace, known.durable?))).collect()
        };
        let others = turn::compare(connection, &known, ambient.now()).await?;
        {
            let mut logs = self.lock();
            // Entries beyond the durable head may be lost.
            logs.known.retain(|_, known| known.durable.is_some());
            logs.known.values_mut().for_each(|known| known.seen = known.durable());
            for (workspace, epoch) in others {
                logs.known.insert(workspace, Known::begun(epoch));
            }
        }
        self.wake();
        Ok(())
    }

    /// Takes in the heads of a NOTIFY payload. Skips an entry that does not parse: the poll finds it anyway.
    pub fn advance_from_payload(&self, payload: &str) {
        self.note(payload.split(',').filter_map(|entry| {
            let (head, is_durable) = entry.strip_suffix('?').map_or((entry, true), |entry| (entry, false));
            let (workspace, head) = Head::heard(head)?;
            Some((workspace, head, is_durable))
        }));
    }
}

struct Comparison {
    heads: Heads,
    ambient: Ambient,
}

#[async_trait::async_trait]
impl OnMove for Comparison {
    async fn moved(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        self.heads.compare(connection, &self.ambient).await
    }
}

/// Tells every process, this one too, these heads when the transaction commits. Use it for rare transactions: Postgres
/// runs commits with a NOTIFY one after another. The NOTIFY goes out even if the backend ends while the commit waits
/// for its standby, so the payload does not say that the heads are durable.
pub(crate) async fn notify(conn: &mut PgConnection, heads: &[(WorkspaceId, Head)]) -> Result<(), StoreError> {
    let payloads: Vec<String> = heads.iter().map(|(workspace, head)| format!("{}?", head.told(*workspace))).collect();
    sqlx::query("SELECT pg_notify($1, payload) FROM unnest($2::text[]) given(payload)")
        .bind(CHANNEL)
        .bind(payloads)
        .execute(conn)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const WORKSPACE: WorkspaceId = WorkspaceId(Uuid::from_u128(5));

    fn head(epoch: i32, seq: i64) -> Head {
        Head { epoch, seq, id: EventId(Uuid::from_u128(7)) }
    }

    #[test]
    fn wakes_on_news_only_and_survives_a_bad_payload() {
        let heads = Heads::default();
        let mut watch = heads.watch();
        heads.advance_from_payload(&format!("junk,{},{}:x", head(1, 7).told(WORKSPACE), WORKSPACE.0));
        assert_eq!(heads.of(WORKSPACE), 7);
        assert!(watch.has_changed().unwrap());
        watch.mark_unchanged();
        heads.advance([(WORKSPACE, head(1, 6))]);
        assert!(!watch.has_changed().unwrap());
        assert_eq!(heads.of(WORKSPACE), 7);
    }

    #[test]
    fn e_what_is_told_within_a_commit_is_not_taken_for_durable() {
        let heads = Heads::default();
        heads.advance_from_payload(&format!("{}?", head(1, 7).told(WORKSPACE)));
        assert_eq!((heads.of(WORKSPACE), heads.durable(WORKSPACE)), (7, 0));
        heads.advance_from_payload(&head(1, 6).told(WORKSPACE));
        assert_eq!((heads.of(WORKSPACE), heads.durable(WORKSPACE)), (7, 6));
    }

    #[test]
    fn e_p8_of_an_earlier_epoch_nothing_is_noted_and_a_later_one_is_news() {
        let heads = Heads::default();
        heads.advance([(WORKSPACE, head(1, 7))]);
        let mut watch = heads.watch();
        heads.advance_from_payload(&format!("{}?", head(2, 0).told(WORKSPACE)));
        assert!(watch.has_changed().unwrap());
        assert_eq!((heads.epoch(WORKSPACE), heads.of(WORKSPACE), heads.durable(WORKSPACE)), (2, 0, 0));
        heads.advance([(WORKSPACE, head(1, 9))]);
        assert_eq!((heads.epoch(WORKSPACE), heads.of(WORKSPACE)), (2, 0));
        watch.mark_unchanged();
    }

    #[test]
    fn e_p8_what_was_read_before_the_database_moved_is_not_told() {
        let heads = Heads::default();
        let turn = heads.turn();
        assert!(heads.settle(turn, WORKSPACE, head(1, 7)));
        heads.lock().turn += 1;
        assert!(!heads.settle(turn, WORKSPACE, head(1, 8)));
        assert_eq!(heads.durable(WORKSPACE), 7);
    }
}
