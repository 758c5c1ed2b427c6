//! The way to Postgres: a pool for each kind of work.

mod work;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sea_orm::{DatabaseConnection, SqlxPostgresConnector};
use sqlx::{
    Connection, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

pub use sqlx::PgConnection;

pub(crate) use self::work::Work;
use crate::error::StoreError;

/// Every migration, embedded.
pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// A connection that has lain in the pool for longer is asked whether it still stands before it is used.
const FRESH: Duration = Duration::from_secs(1);

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
    /// Where the database is, for connections of any kind.
    options: PgConnectOptions,
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
        let options: PgConnectOptions = url.parse()?;
        let pool = pool(connections, Duration::from_secs(5)).connect_with(Work::Reads.options(options.clone())).await?;
        let lazily = |work: Work, most: u32, patience| pool_of(work, &options, most, patience);
        let writes = lazily(Work::Writes, connections.div_ceil(2).max(2), Duration::from_secs(5));
        // A request is given 2 s: while the database is away, each must come to be tried, and to be told, within it.
        let apply = lazily(Work::Apply, lanes, Duration::from_secs(1));
        let upkeep = lazily(Work::Upkeep, 2, Duration::from_secs(5));
        let orm = SqlxPostgresConnector::from_sqlx_postgres_pool(pool.clone());
        Ok(Self { pool, orm, writes, apply, upkeep, options, sources: Arc::default() })
    }

    /// A pool of its own for a kind of work, which connects when it is needed.
    pub(crate) fn open(&self, work: Work, most: u32) -> PgPool {
        pool_of(work, &self.options, most, Duration::from_secs(5))
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

fn pool_of(work: Work, options: &PgConnectOptions, most: u32, patience: Duration) -> PgPool {
    pool(most, patience).connect_lazy_with(work.options(options.clone()))
}

fn pool(most: u32, patience: Duration) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(patience)
        // What came back a moment ago was asked then.
        .test_before_acquire(false)
        .before_acquire(|connection, metadata| {
            Box::pin(async move { Ok(metadata.idle_for < FRESH || is_idle(connection).await) })
        })
        .after_connect(|connection, _| Box::pin(watch_for_our_end(connection)))
        .after_release(|connection, _| Box::pin(async move { Ok(is_idle(connection).await) }))
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
