//! Checks whether this binary can work with the database.

use std::collections::HashSet;

use super::upgrade;
use crate::{
    database::{Database, MIGRATOR},
    error::StoreError,
};

/// The result of the check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// The versions of the migrations that the database lacks.
    pub pending_migrations: Vec<i64>,
    /// A step after the migrations is still to do.
    pub is_upgrade_pending: bool,
    /// The largest number of log entries of one workspace that the dispatcher has not read.
    pub dispatch_lag: i64,
}

/// Checks once, over all workspaces. The answer names none.
pub async fn look(database: &Database) -> Result<Readiness, StoreError> {
    let known: bool =
        sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(&database.pool).await?;
    let applied: HashSet<i64> = if known {
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success")
            .fetch_all(&database.pool)
            .await?
            .into_iter()
            .collect()
    } else {
        HashSet::new()
    };
    let pending_migrations: Vec<i64> = MIGRATOR
        .iter()
        .filter(|migration| migration.migration_type.is_up_migration() && !applied.contains(&migration.version))
        .map(|migration| migration.version)
        .collect();
    let is_migrated = pending_migrations.is_empty();
    let is_upgrade_pending = is_migrated && upgrade::is_pending(database).await?;
    let dispatch_lag = if is_migrated { dispatch_lag(database).await? } else { 0 };
    Ok(Readiness { pending_migrations, is_upgrade_pending, dispatch_lag })
}

async fn dispatch_lag(database: &Database) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT coalesce(max(head.seq - cursor.seq), 0)
         FROM dispatch_cursor cursor
         CROSS JOIN LATERAL (
           SELECT event.seq FROM event WHERE event.workspace_id = cursor.workspace_id ORDER BY event.seq DESC LIMIT 1
         ) head",
    )
    .fetch_one(&database.pool)
    .await?)
}
