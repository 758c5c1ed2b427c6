//! The way to Postgres: one pool for ordinary work, through sqlx and sea-orm alike, and one for apply.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sea_orm::{DatabaseConnection, SqlxPostgresConnector};
use sqlx::{
    PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

pub use sqlx::PgConnection;

use crate::error::StoreError;

/// Every migration, embedded.
pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// Handles on one database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Database {
    /// For reads, ordinary writes and claims.
    pub pool: PgPool,
    /// The same pool, as sea-orm sees it.
    pub orm: DatabaseConnection,
    /// For apply's lanes alone. Its plans are forced to what they should be at a million rows: see docs/adr/0003.
    pub apply: PgPool,
    /// Moves whenever a source was changed through this handle or a clone of it.
    sources: Arc<AtomicU64>,
}

impl Database {
    /// Connects. `connections` bounds the ordinary pool, `lanes` the one of apply.
    ///
    /// # Errors
    /// Where the URL is wrong or the server does not answer.
    pub async fn connect(url: &str, connections: u32, lanes: u32) -> Result<Self, StoreError> {
        let options: PgConnectOptions = url.parse()?;
        let options = options.application_name("inlet").options([("lock_timeout", "1s"), ("timezone", "UTC")]);
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(5))
            .connect_with(options.clone())
            .await?;
        let planned = options.options([
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_seqscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            ("jit", "off"),
        ]);
        let apply = PgPoolOptions::new()
            .max_connections(lanes)
            .acquire_timeout(Duration::from_secs(2))
            .connect_lazy_with(planned);
        let orm = SqlxPostgresConnector::from_sqlx_postgres_pool(pool.clone());
        Ok(Self { pool, orm, apply, sources: Arc::default() })
    }

    /// Applies the migrations that are missing, under an advisory lock.
    ///
    /// # Errors
    /// Where one fails, or the database has one that this binary does not know.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Ok(MIGRATOR.run(&self.pool).await?)
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
        self.pool.close().await;
        self.apply.close().await;
    }
}
