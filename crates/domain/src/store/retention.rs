//! What old rows go, in chunks small enough that nobody waits for them (P13).

use chrono::{DateTime, Duration, Utc};

use crate::{database::Database, error::StoreError};

/// The most rows that one statement deletes.
pub const CHUNK: i64 = 5_000;

/// How long the answer to a mutation's idempotency key is kept.
pub const MUTATION_KEY_HOURS: i64 = 24;

/// Deletes up to [`CHUNK`] idempotency keys that had expired by `now`; returns how many. Workspaces are not told
/// apart: age is all that counts.
///
/// # Errors
/// Where the database refuses.
pub async fn delete_expired_idempotency_keys(database: &Database, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let deleted = sqlx::query(
        "DELETE FROM idempotency_key WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM idempotency_key WHERE expires_at < $1 LIMIT $2))",
    )
    .bind(now)
    .bind(CHUNK)
    .execute(&database.pool)
    .await?;
    Ok(deleted.rows_affected())
}

/// Deletes up to [`CHUNK`] answers to mutations that are older than [`MUTATION_KEY_HOURS`]; returns how many.
///
/// # Errors
/// Where the database refuses.
pub async fn delete_old_mutation_keys(database: &Database, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let deleted = sqlx::query(
        "DELETE FROM mutation_key WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM mutation_key WHERE created_at < $1 LIMIT $2))",
    )
    .bind(now - Duration::hours(MUTATION_KEY_HOURS))
    .bind(CHUNK)
    .execute(&database.pool)
    .await?;
    Ok(deleted.rows_affected())
}
