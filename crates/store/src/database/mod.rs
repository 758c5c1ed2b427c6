//! The way to Postgres: a pool for each kind of work.

mod hosts;
mod link;
mod work;

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sea_orm::{DatabaseConnection, SqlxPostgresConnector};
use sqlx::{Connection, PgPool, Postgres, Transaction, migrate::Migrator, postgres::PgPoolOptions};
use tokio_util::sync::CancellationToken;

pub use sqlx::PgConnection;

pub(crate) use self::work::Work;
use self::{
    hosts::Hosts,
    link::{Link, Timeline},
};
use crate::error::StoreError;

/// Every migration, embedded.
pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// A connection that has lain in the pool for longer is asked whether it still stands before it is used.
const FRESH: Duration = Duration::from_secs(1);

/// How long a connection is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a commit is waited for by who asked for it.
const COMMIT_PATIENCE: Duration = Duration::from_secs(2);

/// How long a commit keeps its connection where it does not end.
const LONGEST_COMMIT: Duration = Duration::from_secs(60);

/// What must be done where the database has moved to another history, before anything else is asked of it.
#[async_trait::async_trait]
pub trait OnMove: Send + Sync {
    /// Does it over a connection to where the database is now.
    ///
    /// # Errors
    /// Where the database fails: then it is called again.
    async fn moved(&self, connection: &mut PgConnection) -> Result<(), StoreError>;
}

/// Handles on one database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Database {
    /// For reads and look-ups.
    pub pool: PgPool,
    /// The same pool, as sea-orm sees it.
    pub orm: DatabaseConnection,
    /// For the transactions of members and keys.
    pub writes: PgPool,
    /// For apply's lanes alone. Its plans are forced to what they should be at a million rows: see docs/adr/0003.
    pub apply: PgPool,
    /// For what keeps the database in order.
    pub upkeep: PgPool,
    /// Where the database is, and whether it is there.
    link: Arc<Link>,
    /// Moves whenever a source was changed through this handle or a clone of it.
    sources: Arc<AtomicU64>,
}

impl Database {
    /// Connects. `connections` bounds what reads and what writes, half as many for these; `lanes` the lanes of apply.
    ///
    /// A statement of the pool for reads ends with the future that waits for it: see [`is_idle`].
    ///
    /// # Errors
    /// Where the URL is wrong or the server does not answer.
    pub async fn connect(url: &str, connections: u32, lanes: u32) -> Result<Self, StoreError> {
        let hosts = Hosts::parse(url)?;
        let first = if hosts.count() > 1 { hosts.primary(PATIENCE).await } else { None };
        let link = Arc::new(Link::new(hosts, first.map_or(0, |primary| primary.number)));
        let open = |work, most, patience| open(&link, work, most, patience);
        let pool = open(Work::Reads, connections, PATIENCE);
        // Where it cannot be reached, that is told here.
        drop(pool.acquire().await?);
        let writes = open(Work::Writes, connections.div_ceil(2).max(2), PATIENCE);
        // A request is given 2 s: while the database is away, each must come to be tried, and to be told, within it. One
        // more connection for each lane may be at what hangs: see apply/lane.rs.
        let apply = open(Work::Apply, lanes.saturating_mul(2), Duration::from_secs(1));
        let upkeep = open(Work::Upkeep, 2, PATIENCE);
        let orm = SqlxPostgresConnector::from_sqlx_postgres_pool(pool.clone());
        Ok(Self { pool, orm, writes, apply, upkeep, link, sources: Arc::default() })
    }

    /// A pool of its own for a kind of work, which connects when it is needed.
    pub(crate) fn open(&self, work: Work, most: u32) -> PgPool {
        open(&self.link, work, most, PATIENCE)
    }

    /// Asks again and again until `stop` whether the database is there, and follows its primary where it moves. Without
    /// it the database always counts as there. A look is given up in time for whoever waits for as long as `patience`.
    ///
    /// Where the primary is another one than before, `on_move` comes before anything else is asked of it.
    pub async fn watch(self, patience: Duration, on_move: impl OnMove, stop: CancellationToken) {
        stop.run_until_cancelled(self.link.watch(patience * 5 / 8, &on_move)).await;
    }

    /// Works for as long as the database is there.
    ///
    /// # Errors
    /// [`StoreError::Away`] as soon as it is away, or hangs; the work is dropped then.
    pub async fn while_present<T>(&self, work: impl Future<Output = T>) -> Result<T, StoreError> {
        self.link.while_present(work).await
    }

    /// Waits until the database is there.
    pub async fn present(&self) {
        self.link.presence().await;
    }

    /// Logs what could not be done, at most one line a second for all of this handle: the database may be away for many
    /// at once.
    pub fn complain(&self, error: &(dyn std::error::Error + 'static), what: &'static str) {
        self.link.complain(error, what);
    }

    /// Commits a transaction. Once it is begun nothing breaks it off, also where nobody waits for it any more: Postgres
    /// would take a commit that waits for its standby for done.
    ///
    /// # Errors
    /// Where the database refuses; [`StoreError::Away`] where it does not say in time whether it did.
    pub(crate) async fn commit(&self, transaction: Transaction<'static, Postgres>) -> Result<(), StoreError> {
        self.unbroken(transaction.commit()).await
    }

    /// Runs what commits by itself. As with [`Self::commit`] nothing breaks it off.
    ///
    /// # Errors
    /// Where the database refuses; [`StoreError::Away`] where it does not end in time.
    pub(crate) async fn unbroken<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let working = tokio::spawn(tokio::time::timeout(LONGEST_COMMIT, work));
        match tokio::time::timeout(COMMIT_PATIENCE, working).await {
            Ok(Ok(Ok(done))) => Ok(done?),
            Ok(Ok(Err(_)) | Err(_)) | Err(_) => Err(StoreError::Away),
        }
    }

    /// Applies the migrations that are missing, under an advisory lock.
    ///
    /// # Errors
    /// Where one fails, or the database has one that this binary does not know.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let pool = self.open(Work::Migration, 1);
        let migrated = MIGRATOR.run(&pool).await;
        pool.close().await;
        Ok(migrated?)
    }

    /// A number that is another one after every change of a source in this process: what was remembered of sources
    /// under an earlier one counts no more.
    #[must_use]
    pub fn source_generation(&self) -> u64 {
        self.sources.load(Ordering::Acquire)
    }

    /// To be called after the commit of such a change.
    pub(crate) fn sources_changed(&self) {
        self.sources.fetch_add(1, Ordering::AcqRel);
    }

    /// Gives every connection back. What comes after it fails.
    pub async fn close(&self) {
        for pool in [&self.pool, &self.writes, &self.apply, &self.upkeep] {
            pool.close().await;
        }
    }
}

fn open(link: &Link, work: Work, most: u32, patience: Duration) -> PgPool {
    let (before, after) = (link.retired().clone(), link.retired().clone());
    let timeline = link.timeline().clone();
    let pool = PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(patience)
        // What came back a moment ago was asked then.
        .test_before_acquire(false)
        .before_acquire(move |connection, metadata| {
            let is_retired = before.has(metadata.age);
            Box::pin(async move { Ok(!is_retired && (metadata.idle_for < FRESH || is_idle(connection).await)) })
        })
        .after_connect(move |connection, _| {
            let timeline = timeline.clone();
            Box::pin(async move { greet(connection, &timeline).await })
        })
        .after_release(move |connection, metadata| {
            let is_retired = after.has(metadata.age);
            Box::pin(async move { Ok(!is_retired && is_idle(connection).await) })
        })
        .connect_lazy_with(link.options(work));
    link.keep(work, &pool);
    pool
}

/// A connection is taken only where it proves that it leads to a primary: an address that moves may lead to a standby. And
/// only where that is in the history that the process knows: before it goes on in another one, the logs are compared.
async fn greet(connection: &mut PgConnection, timeline: &Timeline) -> Result<(), sqlx::Error> {
    let Some(found) = hosts::timeline_of(connection).await? else {
        return Err(sqlx::Error::Configuration("the server takes no writes: it is a standby, or read-only".into()));
    };
    if !timeline.takes(found) {
        return Err(sqlx::Error::Configuration("the server is on a timeline that is not looked at yet".into()));
    }
    watch_for_our_end(connection).await
}

/// Waits until what a connection has read is durable, whoever wrote it: a transaction that is seen may still wait for its
/// standby, or have been broken off while it did. This one is younger, so when it is through, so is all that was seen.
pub(crate) async fn make_durable(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_logical_emit_message(true, 'inlet', '')").execute(connection).await?;
    Ok(())
}

/// Asks Postgres to look, while a statement runs, whether we are still there. It has that since version 14, on Linux;
/// elsewhere a statement that no one waits for runs to its end.
async fn watch_for_our_end(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let watched = sqlx::query("SET client_connection_check_interval = '250ms'").execute(connection).await;
    match watched {
        Err(error) if error.as_database_error().is_none() => Err(error),
        Err(error) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "statements that are given up run to their end");
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

/// Whether a connection that comes back to the pool has nothing to do any more. Where a statement still runs on it, the
/// future that waited for it was dropped: by a timeout, or with a client that went away. Then the connection is closed
/// instead, and Postgres, which sees that, ends the statement. To cancel it by name from another connection could hit
/// the statement of whoever has the connection next; this cannot.
async fn is_idle(connection: &mut PgConnection) -> bool {
    matches!(tokio::time::timeout(Duration::from_secs(1), connection.ping()).await, Ok(Ok(())))
}
