//! How far each workspace's log has come, as this process knows it: apply advances it after each commit, NOTIFY from
//! other processes does too, and whoever follows a log waits on it. It is a hint: followers also poll slowly.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use sqlx::{PgConnection, postgres::PgListener};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    database::Database,
    error::StoreError,
    ids::WorkspaceId,
    presence::{self, Presence},
    revocations::{self, Revocations},
};

/// The NOTIFY channel. The payload is `<workspace uuid>:<head>` joined by commas, with a `?` after a head that may not be
/// durable yet.
pub const CHANNEL: &str = "inlet_log";

/// The heads that this process knows of. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Heads {
    known: Arc<Mutex<HashMap<WorkspaceId, Head>>>,
    generation: Arc<watch::Sender<u64>>,
}

/// How far a log has come.
#[derive(Debug, Clone, Copy, Default)]
struct Head {
    /// As far as is known.
    seen: i64,
    /// As far as it is known to be durable.
    durable: i64,
}

impl Default for Heads {
    fn default() -> Self {
        Self { known: Arc::default(), generation: Arc::new(watch::Sender::new(0)) }
    }
}

impl Heads {
    /// Notes that the logs have come this far and are durable so far, and wakes who waits if any of it is new.
    pub fn advance(&self, heads: impl IntoIterator<Item = (WorkspaceId, i64)>) {
        self.note(heads.into_iter().map(|(workspace, head)| (workspace, Head { seen: head, durable: head })));
    }

    fn note(&self, heads: impl IntoIterator<Item = (WorkspaceId, Head)>) {
        let mut news = false;
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            for (workspace, head) in heads {
                let entry = known.entry(workspace).or_default();
                entry.durable = entry.durable.max(head.durable);
                if head.seen > entry.seen {
                    entry.seen = head.seen;
                    news = true;
                }
            }
        }
        if news {
            self.generation.send_modify(|generation| *generation += 1);
        }
    }

    /// Notes how far logs have come by a commit of this process, and tells the other processes.
    pub async fn tell(&self, database: &Database, heads: &[(WorkspaceId, i64)]) {
        if heads.is_empty() {
            return;
        }
        self.advance(heads.iter().copied());
        crate::apply::announce::tell(database, heads.iter().copied().collect()).await;
    }

    /// The last known head of a workspace's log; 0 where nothing is known.
    #[must_use]
    pub fn of(&self, workspace: WorkspaceId) -> i64 {
        self.head(workspace).seen
    }

    /// How far a workspace's log is known to be durable: a commit of this process was answered, or the process that made it
    /// told so after its answer. 0 where nothing is known.
    #[must_use]
    pub fn durable(&self, workspace: WorkspaceId) -> i64 {
        self.head(workspace).durable
    }

    fn head(&self, workspace: WorkspaceId) -> Head {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&workspace).copied().unwrap_or_default()
    }

    /// All that is known.
    #[must_use]
    pub fn all(&self) -> Vec<(WorkspaceId, i64)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|(w, h)| (*w, h.seen)).collect()
    }

    /// Resolves whenever any head has moved since the last look. Make it before the first query, so that nothing
    /// falls between.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Reads a NOTIFY payload; what does not parse is passed over, for the poll finds it anyway.
    pub fn advance_from_payload(&self, payload: &str) {
        self.note(payload.split(',').filter_map(|entry| {
            let (workspace, head) = entry.split_once(':')?;
            let (seen, is_durable) = head.strip_suffix('?').map_or((head, true), |head| (head, false));
            let seen = seen.parse().ok()?;
            Some((WorkspaceId(workspace.parse().ok()?), Head { seen, durable: if is_durable { seen } else { 0 } }))
        }));
    }
}

/// Tells every process, this one too, how far logs have come when the transaction has committed. For rare ones: the
/// commits of a cluster that notify come one after another. It is told also where the commit waits for its standby and its
/// backend is ended, so it does not say that they are durable.
///
/// # Errors
/// Where the database fails.
pub(crate) async fn notify(conn: &mut PgConnection, heads: &[(WorkspaceId, i64)]) -> Result<(), StoreError> {
    let payloads: Vec<String> = heads.iter().map(|(workspace, head)| format!("{}:{head}?", workspace.0)).collect();
    sqlx::query("SELECT pg_notify($1, p) FROM unnest($2::text[]) p").bind(CHANNEL).bind(payloads).execute(conn).await?;
    Ok(())
}

/// Feeds `heads`, `revocations` and `presence` from the NOTIFYs of the processes until `stop`, over one connection.
/// Reconnects by itself.
pub async fn listen(
    database: Database,
    heads: Heads,
    revocations: Revocations,
    presence: Presence,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        let listening = async {
            let mut listener = PgListener::connect_with(&database.pool).await?;
            listener.listen_all([CHANNEL, revocations::CHANNEL, presence::CHANNEL]).await?;
            revocations.tell_all();
            presence.ask();
            // A connection that was lost comes back by itself, but what was told meanwhile does not.
            loop {
                match listener.try_recv().await? {
                    Some(told) if told.channel() == CHANNEL => heads.advance_from_payload(told.payload()),
                    Some(told) if told.channel() == presence::CHANNEL => presence.hear(told.payload()),
                    Some(told) => revocations.tell_from_payload(told.payload()),
                    None => {
                        revocations.tell_all();
                        presence.ask();
                    }
                }
            }
        };
        // Over a connection that hangs nothing is heard, and nothing says so.
        let listening = async {
            let heard: Result<(), sqlx::Error> = database.while_present(listening).await?;
            Ok::<(), StoreError>(heard?)
        };
        if let Some(Err(error)) = stop.run_until_cancelled(Box::pin(listening)).await {
            database.complain(&error, "lost the LISTEN connection; following by poll until it is back");
            stop.run_until_cancelled(tokio::time::sleep(std::time::Duration::from_secs(1))).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn wakes_on_news_only_and_survives_a_bad_payload() {
        let heads = Heads::default();
        let mut watch = heads.watch();
        let workspace = WorkspaceId(Uuid::from_u128(5));
        heads.advance_from_payload(&format!("junk,{}:7,{}:x", workspace.0, workspace.0));
        assert_eq!(heads.of(workspace), 7);
        assert!(watch.has_changed().unwrap());
        watch.mark_unchanged();
        heads.advance([(workspace, 6)]);
        assert!(!watch.has_changed().unwrap());
        assert_eq!(heads.of(workspace), 7);
    }

    #[test]
    fn e_what_is_told_within_a_commit_is_not_taken_for_durable() {
        let (heads, workspace) = (Heads::default(), WorkspaceId(Uuid::from_u128(5)));
        heads.advance_from_payload(&format!("{}:7?", workspace.0));
        assert_eq!((heads.of(workspace), heads.durable(workspace)), (7, 0));
        heads.advance_from_payload(&format!("{}:6", workspace.0));
        assert_eq!((heads.of(workspace), heads.durable(workspace)), (7, 6));
    }
}
