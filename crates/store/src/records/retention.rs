//! What old rows go, in chunks small enough that nobody waits for them (P13).

use chrono::{DateTime, Duration, Utc};

use crate::{database::Database, error::StoreError};

/// The most rows that one statement deletes.
pub const CHUNK: i64 = 5_000;

/// For how many days each time-bound table is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The raw log: what providers posted.
    pub inbound_events: u32,
    /// The event log: how far back a subscriber or a recovery can go.
    pub events: u32,
    /// The history of messages' statuses.
    pub status_reports: u32,
    /// What became of each event at each webhook.
    pub deliveries: u32,
    /// Each exchange with a webhook.
    pub attempts: u32,
    /// Who did what.
    pub audit_entries: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { inbound_events: 30, events: 90, status_reports: 365, deliveries: 90, attempts: 30, audit_entries: 365 }
    }
}

impl Retention {
    /// The days of a table; of one that is not time-bound, for ever.
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
    .execute(&database.upkeep)
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
    .execute(&database.upkeep)
    .await?;
    Ok(deleted.rows_affected())
}

/// Deletes up to [`CHUNK`] events that were made to try a webhook and are past the log's retention; returns how many.
///
/// # Errors
/// Where the database refuses.
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

/// For how long a count of attempts to log in is kept: longer than any block.
const LOGIN_ATTEMPT_HOURS: i64 = 1;

/// Deletes up to [`CHUNK`] counts of attempts to log in that have come to an end; returns how many.
///
/// # Errors
/// Where the database refuses.
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

/// For how many days it is kept that someone asked for a new password.
const PASSWORD_RESET_DAYS: i64 = 1;

/// Deletes up to [`CHUNK`] tokens of new passwords that are past their time; returns how many.
///
/// # Errors
/// Where the database refuses.
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
