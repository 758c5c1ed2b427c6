//! Deletes old rows in chunks small enough to delay no one (P13).

use chrono::{DateTime, Duration, Utc};

use crate::{database::Database, error::StoreError};

/// The most rows of one statement.
pub const CHUNK: i64 = 5_000;

/// The retention of each time-bound table, in days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The raw log of the requests of providers.
    pub inbound_events: u32,
    /// The event log. A subscriber or a recovery can go back this far.
    pub events: u32,
    /// The status reports on messages.
    pub status_reports: u32,
    /// The deliveries to webhooks.
    pub deliveries: u32,
    /// The attempts of deliveries.
    pub attempts: u32,
    /// The audit log.
    pub audit_entries: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { inbound_events: 30, events: 90, status_reports: 365, deliveries: 90, attempts: 30, audit_entries: 365 }
    }
}

impl Retention {
    /// The retention of a table. For ever if the table is not time-bound.
    #[must_use]
    pub fn days(&self, table: &str) -> u32 {
        match table {
            "inbound_event" => self.inbound_events,
            "event" => self.events,
            "status_report" => self.status_reports,
            "delivery" => self.deliveries,
            "attempt" => self.attempts,
            "audit_entry" => self.audit_entries,
            _ => u32::MAX,
        }
    }
}

/// The retention of a mutation's answer under its idempotency key.
pub const MUTATION_KEY_HOURS: i64 = 24;

/// Deletes up to [`CHUNK`] idempotency keys that expired before `now`, in all workspaces. Returns their number.
pub async fn delete_expired_idempotency_keys(database: &Database, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let deleted = sqlx::query(
        "DELETE FROM idempotency_key WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM idempotency_key WHERE expires_at < $1 LIMIT $2))",
    )
    .bind(now)
    .bind(CHUNK)
    .execute(&database.upkeep)
    .await?;
    Ok(deleted.rows_affected())
}

/// Deletes up to [`CHUNK`] answers to mutations that are older than [`MUTATION_KEY_HOURS`]. Returns their number.
pub async fn delete_old_mutation_keys(database: &Database, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let deleted = sqlx::query(
        "DELETE FROM mutation_key WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM mutation_key WHERE created_at < $1 LIMIT $2))",
    )
    .bind(now - Duration::hours(MUTATION_KEY_HOURS))
    .bind(CHUNK)
    .execute(&database.upkeep)
    .await?;
    Ok(deleted.rows_affected())
}

/// Deletes up to [`CHUNK`] test events that are past the retention of the log. Returns their number.
pub async fn delete_old_test_events(
    database: &Database,
    now: DateTime<Utc>,
    retention: &Retention,
) -> Result<u64, StoreError> {
    let deleted = sqlx::query(
        "DELETE FROM test_event WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM test_event WHERE occurred_at < $1 LIMIT $2))",
    )
    .bind(now - Duration::days(i64::from(retention.events)))
    .bind(CHUNK)
    .execute(&database.upkeep)
    .await?;
    Ok(deleted.rows_affected())
}

/// The retention of a count of attempts to log in. It is longer than any block.
const LOGIN_ATTEMPT_HOURS: i64 = 1;

/// Deletes up to [`CHUNK`] expired counts of attempts to log in. Returns their number.
pub async fn delete_old_login_attempts(database: &Database, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let deleted = sqlx::query(
        "DELETE FROM login_attempt WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM login_attempt WHERE last_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))",
    )
    .bind(now - Duration::hours(LOGIN_ATTEMPT_HOURS))
    .bind(CHUNK)
    .execute(&database.upkeep)
    .await?;
    Ok(deleted.rows_affected())
}

/// The retention of a request for a new password, in days.
const PASSWORD_RESET_DAYS: i64 = 1;

/// Deletes up to [`CHUNK`] expired tokens for new passwords. Returns their number.
pub async fn delete_old_password_resets(database: &Database, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let deleted = sqlx::query(
        "DELETE FROM password_reset WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM password_reset WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))",
    )
    .bind(now - Duration::days(PASSWORD_RESET_DAYS))
    .bind(CHUNK)
    .execute(&database.pool)
    .await?;
    Ok(deleted.rows_affected())
}
