//! The way to Postgres: one pool for ordinary work, through sqlx and sea-orm alike, and one for apply.

use std::time::Duration;

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
            // A request is given 2 s: while the database is away, each must come to be tried, and to be told, within it.
            .acquire_timeout(Duration::from_secs(1))
            .connect_lazy_with(planned);
        let orm = SqlxPostgresConnector::from_sqlx_postgres_pool(pool.clone());
        Ok(Self { pool, orm, apply })
    }

    /// Applies the migrations that are missing, under an advisory lock.
    ///
    /// # Errors
    /// Where one fails, or the database has one that this binary does not know.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Ok(MIGRATOR.run(&self.pool).await?)
    }

    /// Gives every connection back. What comes after it fails.
    pub async fn close(&self) {
        self.pool.close().await;
        self.apply.close().await;
    }
}
