//! Connections to Postgres: a pool for each kind of work.

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

/// The pool pings a connection before its use if the connection has been idle for longer than this.
const FRESH: Duration = Duration::from_secs(1);

/// The longest wait for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a caller waits for its commit.
const COMMIT_PATIENCE: Duration = Duration::from_secs(2);

/// How long an unfinished commit keeps its connection.
const LONGEST_COMMIT: Duration = Duration::from_secs(60);

/// Work that must come first after the database has moved to another history.
#[async_trait::async_trait]
pub trait OnMove: Send + Sync {
    /// Does the work over a connection to the new primary.
    ///
    /// # Errors
    /// If the database fails. The caller calls this again.
    async fn moved(&self, connection: &mut PgConnection) -> Result<(), StoreError>;
}

/// Handles on one database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Database {
    /// The pool for reads.
    pub pool: PgPool,
    /// The pool for reads, as sea-orm sees it.
    pub orm: DatabaseConnection,
    /// The pool for the transactions of members and API keys.
    pub writes: PgPool,
    /// The pool for the lanes of apply. It forces the plans that are right at a million rows: see docs/adr/0003.
    pub apply: PgPool,
    /// The pool for maintenance.
    pub upkeep: PgPool,
    /// The primary, and whether it is there.
    link: Arc<Link>,
    /// Counts the changes of sources through this handle and its clones.
    sources: Arc<AtomicU64>,
}

impl Database {
    /// Connects. The pool for reads has `connections`, the pool for writes half as many. `lanes` is the number of
    /// apply's lanes.
    ///
    /// A statement ends when the caller drops the future that waits for it: see [`is_idle`].
    ///
    /// # Errors
    /// If the URL is invalid, or the server does not answer.
    pub async fn connect(url: &str, connections: u32, lanes: u32) -> Result<Self, StoreError> {
        let hosts = Hosts::parse(url)?;
        let first = if hosts.count() > 1 { hosts.primary(PATIENCE).await } else { None };
        let link = Arc::new(Link::new(hosts, first.map_or(0, |primary| primary.number)));
        let open = |work, most, patience| open(&link, work, most, patience);
        let pool = open(Work::Reads, connections, PATIENCE);
        // Fail here if the server cannot be reached.
        drop(pool.acquire().await?);
        let writes = open(Work::Writes, connections.div_ceil(2).max(2), PATIENCE);
        // The door waits 2 s for a request. While the database is away, apply must try the request and answer within
        // that time. Each lane may need a second connection while a transaction hangs: see apply/lane.rs.
        let apply = open(Work::Apply, lanes.saturating_mul(2), Duration::from_secs(1));
        let upkeep = open(Work::Upkeep, 2, PATIENCE);
        let orm = SqlxPostgresConnector::from_sqlx_postgres_pool(pool.clone());
        Ok(Self { pool, orm, writes, apply, upkeep, link, sources: Arc::default() })
    }

    /// Opens another pool for a kind of work. The pool connects on demand.
    pub(crate) fn open(&self, work: Work, most: u32) -> PgPool {
        open(&self.link, work, most, PATIENCE)
    }

    /// Checks until `stop` whether the database is there, and follows the primary when it moves. Without this task the
    /// database always counts as there. A check ends in time for callers who wait as long as `patience`.
    ///
    /// When the primary has moved, `on_move` runs before any other statement there.
    pub async fn watch(self, patience: Duration, on_move: impl OnMove, stop: CancellationToken) {
        stop.run_until_cancelled(self.link.watch(patience * 5 / 8, &on_move)).await;
    }

    /// Runs `work` while the database is there.
    ///
    /// # Errors
    /// [`StoreError::Away`] as soon as the database is away or hangs. The work is dropped then.
    pub async fn while_present<T>(&self, work: impl Future<Output = T>) -> Result<T, StoreError> {
        self.link.while_present(work).await
    }

    /// Waits until the database is there.
    pub async fn present(&self) {
        self.link.presence().await;
    }

    /// Logs an error of the database, at most one line a second for this handle: many callers may fail at once.
    pub fn complain(&self, error: &(dyn std::error::Error + 'static), what: &'static str) {
        self.link.complain(error, what);
    }

    /// Commits a transaction. The commit goes on even if the caller stops waiting: Postgres takes a commit as done if
    /// its connection breaks while the commit waits for the standby.
    ///
    /// # Errors
    /// [`StoreError::Away`] if Postgres does not answer in time. The transaction may have committed then.
    pub(crate) async fn commit(&self, transaction: Transaction<'static, Postgres>) -> Result<(), StoreError> {
        self.unbroken(transaction.commit()).await
    }

    /// Runs `work`, which commits. As with [`Self::commit`], the work goes on even if the caller stops waiting.
    ///
    /// # Errors
    /// [`StoreError::Away`] if the work does not end in time. It may still succeed then.
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

    /// Applies the missing migrations, under an advisory lock.
    ///
    /// # Errors
    /// If a migration fails, or the database has one that this binary does not know.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let pool = self.open(Work::Migration, 1);
        let migrated = MIGRATOR.run(&pool).await;
        pool.close().await;
        Ok(migrated?)
    }

    /// A number that changes with every change of a source in this process. A cache of sources is valid only for the
    /// number under which it was filled.
    #[must_use]
    pub fn source_generation(&self) -> u64 {
        self.sources.load(Ordering::Acquire)
    }

    /// Call this after the commit of a change of a source.
    pub(crate) fn sources_changed(&self) {
        self.sources.fetch_add(1, Ordering::AcqRel);
    }

    /// Closes every connection. Later statements fail.
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
        // `after_release` has pinged a connection that came back a moment ago.
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

/// Accepts a new connection only if it leads to a primary, because the address may lead to a standby; and only if the
/// primary is on the timeline that the process follows, because the logs must be compared before it follows another
/// one.
async fn greet(connection: &mut PgConnection, timeline: &Timeline) -> Result<(), sqlx::Error> {
    let Some(found) = hosts::timeline_of(connection).await? else {
        return Err(sqlx::Error::Configuration("the server takes no writes: it is a standby, or read-only".into()));
    };
    if !timeline.takes(found) {
        return Err(sqlx::Error::Configuration(
            "the server is on a new timeline: the logs are not compared yet".into(),
        ));
    }
    watch_for_our_end(connection).await
}

/// Waits until everything that the connection has read is durable. A visible transaction may still wait for its
/// standby, or may have been broken off while it waited. This statement's own transaction is younger: when it has
/// committed, the older ones are durable.
pub(crate) async fn make_durable(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_logical_emit_message(true, 'inlet', '')").execute(connection).await?;
    Ok(())
}

/// Asks Postgres to check, while a statement runs, whether its client is still connected. Postgres can do so since
/// version 14, on Linux. Elsewhere an abandoned statement runs to its end.
async fn watch_for_our_end(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let watched = sqlx::query("SET client_connection_check_interval = '250ms'").execute(connection).await;
    match watched {
        Err(error) if error.as_database_error().is_none() => Err(error),
        Err(error) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "abandoned statements run to their end");
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

/// Whether no statement runs on a connection that comes back to the pool. A statement may still run if its future was
/// dropped, by a timeout or because the client went away. The pool then closes the connection, and Postgres notices
/// that and ends the statement. A cancel request from another connection could hit the next user's statement instead.
async fn is_idle(connection: &mut PgConnection) -> bool {
    matches!(tokio::time::timeout(Duration::from_secs(1), connection.ping()).await, Ok(Ok(())))
}
