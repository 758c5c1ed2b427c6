//! Drops whole days of the time-bound tables after their retention: no long DELETE, and no vacuum (P13). A day of the
//! log is dropped only when no reader still needs it.

use std::time::Duration;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use inlet_domain::ids::first_at;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use super::{
    partitions::{MAKER_LOCK, TABLES},
    retention::Retention,
};
use crate::{database::Database, error::StoreError};

/// A drop locks the whole table, and later users of the table queue behind the drop. So the drop waits for its lock
/// only this long.
const PATIENCE: &str = "SET LOCAL lock_timeout = '50ms'";

/// After a failed lock, one pass tries again this many times.
const TRIES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(250);

/// The most held deliveries that one statement skips.
const CHUNK: i64 = 500;

/// The result of one pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expired {
    /// The dropped partitions.
    pub dropped: Vec<String>,
    /// The number of deliveries that were held for a paused webhook and are now skipped.
    pub skipped: u64,
    /// The partitions that are past retention and stay.
    pub kept: Vec<Kept>,
}

/// A partition that is past retention and stays. For a busy table, only the first one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The partition's name.
    pub partition: String,
    /// The reason.
    pub why: Pin,
}

/// Why a partition stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pin {
    /// The dispatcher has not read a workspace's log that far.
    Undispatched,
    /// A delivery of that day is not finished.
    Unfinished,
    /// The table was in use at every try.
    Busy,
}

impl Pin {
    /// The label in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Undispatched => "undispatched",
            Self::Unfinished => "unfinished",
            Self::Busy => "busy",
        }
    }
}

/// One day of a table.
struct Part {
    table: &'static str,
    name: String,
    day: NaiveDate,
}

impl Part {
    /// The ids of the day: the first, and the next day's first.
    fn ids(&self) -> (Uuid, Uuid) {
        let start = |day: NaiveDate| first_at(day.and_time(NaiveTime::MIN).and_utc());
        (start(self.day), self.day.succ_opt().map_or(Uuid::max(), start))
    }

    fn is_past(&self, days: u32, now: DateTime<Utc>) -> bool {
        let kept_until = self.day.checked_add_days(Days::new(u64::from(days) + 1));
        kept_until.is_some_and(|day| day.and_time(NaiveTime::MIN).and_utc() <= now)
    }
}

/// Drops the partitions that are past retention at `now`, and tells which ones had to stay. Several processes may call
/// this at once.
///
/// # Errors
/// Where the database fails. Dropped partitions stay dropped; the next call drops the others.
pub async fn expire(database: &Database, now: DateTime<Utc>, retention: &Retention) -> Result<Expired, StoreError> {
    let mut expired = Expired::default();
    let mut conn = database.upkeep.acquire().await?;
    // Drop deliveries before the log: an unfinished delivery keeps its day of the log.
    for table in TABLES.into_iter().rev() {
        let mut overdue = 0_u32;
        for part in parts(&mut conn, table).await? {
            if !part.is_past(retention.days(table), now) {
                continue;
            }
            if matches!(table, "delivery" | "event") {
                expired.skipped += give_up_held(&mut conn, &part, now).await?;
            }
            match drop_patiently(&mut conn, &part).await? {
                None => {
                    metrics::counter!("inlet_retention_dropped_partitions_total", "table" => table).increment(1);
                    tracing::info!(partition = part.name, "dropped a day that was past retention");
                    expired.dropped.push(part.name);
                }
                Some(why) => {
                    overdue += 1;
                    tracing::warn!(
                        partition = part.name,
                        why = why.as_str(),
                        "a day is past retention and cannot be dropped: the disk grows until it can"
                    );
                    expired.kept.push(Kept { partition: part.name, why });
                    if why == Pin::Busy {
                        // The table is busy, so the other days would fail too.
                        break;
                    }
                }
            }
        }
        metrics::gauge!("inlet_retention_overdue_partitions", "table" => table).set(overdue);
    }
    Ok(expired)
}

/// The days of a table, oldest first.
async fn parts(conn: &mut PgConnection, table: &'static str) -> Result<Vec<Part>, StoreError> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
         WHERE i.inhparent = $1::text::regclass ORDER BY 1",
    )
    .bind(table)
    .fetch_all(conn)
    .await?;
    let part = |name: String| {
        let day = NaiveDate::parse_from_str(name.strip_prefix(table)?.strip_prefix('_')?, "%Y%m%d").ok()?;
        Some(Part { table, name, day })
    };
    Ok(names.into_iter().filter_map(part).collect())
}

/// Skips deliveries that a paused webhook has held past the retention. Otherwise they would keep the log for ever.
async fn give_up_held(conn: &mut PgConnection, part: &Part, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let (from, to) = part.ids();
    let mut skipped = 0;
    loop {
        let chunk = sqlx::query(
            "UPDATE delivery d SET status = 'skipped', due_at = NULL, parked = false, lease_owner = NULL, \
               finished_at = $3, skipped_because = 'expired' \
             FROM (SELECT workspace_id, id FROM delivery WHERE id >= $1 AND id < $2 AND status = 'held' \
                   ORDER BY workspace_id, id LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED) held \
             WHERE d.workspace_id = held.workspace_id AND d.id = held.id AND d.id >= $1 AND d.id < $2",
        )
        .bind(from)
        .bind(to)
        .bind(now)
        .bind(CHUNK)
        .persistent(false)
        .execute(&mut *conn)
        .await?
        .rows_affected();
        skipped += chunk;
        if chunk == 0 {
            return Ok(skipped);
        }
    }
}

/// Drops a partition, or tells why it stays.
async fn drop_patiently(conn: &mut PgConnection, part: &Part) -> Result<Option<Pin>, StoreError> {
    for attempt in 1..=TRIES {
        match drop_once(conn, part).await {
            Err(StoreError::Database(sqlx::Error::Database(refusal))) => match refusal.code().as_deref() {
                // Another process dropped the partition.
                Some("42P01") => return Ok(None),
                // The table is in use, or Postgres broke a deadlock here.
                Some("55P03" | "40P01") if attempt < TRIES => tokio::time::sleep(PAUSE).await,
                Some("55P03" | "40P01") => break,
                _ => return Err(sqlx::Error::Database(refusal).into()),
            },
            other => return other,
        }
    }
    Ok(Some(Pin::Busy))
}

async fn drop_once(conn: &mut PgConnection, part: &Part) -> Result<Option<Pin>, StoreError> {
    let mut transaction = conn.begin().await?;
    sqlx::raw_sql(PATIENCE).execute(&mut *transaction).await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(MAKER_LOCK).execute(&mut *transaction).await?;
    if part.table == "event" {
        // Writers of this day wait for the lock; readers do not.
        let settle = format!("LOCK TABLE {} IN SHARE MODE", part.name);
        sqlx::raw_sql(AssertSqlSafe(settle)).execute(&mut *transaction).await?;
        if is_undispatched(&mut transaction, part).await? {
            return Ok(Some(Pin::Undispatched));
        }
    }
    if matches!(part.table, "delivery" | "event") && is_unfinished(&mut transaction, part).await? {
        return Ok(Some(Pin::Unfinished));
    }
    if part.table == "event" {
        raise_floors(&mut transaction, part).await?;
    }
    sqlx::raw_sql(AssertSqlSafe(format!("DROP TABLE {}", part.name))).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(None)
}

async fn is_undispatched(conn: &mut PgConnection, part: &Part) -> Result<bool, StoreError> {
    let behind = format!(
        "SELECT EXISTS (SELECT FROM dispatch_cursor c WHERE EXISTS ( \
           SELECT FROM {} e WHERE e.workspace_id = c.workspace_id AND e.seq > c.seq))",
        part.name
    );
    Ok(sqlx::query_scalar(AssertSqlSafe(behind)).persistent(false).fetch_one(conn).await?)
}

async fn is_unfinished(conn: &mut PgConnection, part: &Part) -> Result<bool, StoreError> {
    let (from, to) = part.ids();
    // A delivery's id begins with the time of its event, so the deliveries of a day are in one partition.
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM delivery WHERE id >= $1 AND id < $2 AND status IN ('pending', 'held'))",
    )
    .bind(from)
    .bind(to)
    .persistent(false)
    .fetch_one(conn)
    .await?)
}

/// Runs in the transaction that drops the day. A cursor below `trimmed` then gets Reset, and an emptied log continues
/// its numbers.
async fn raise_floors(conn: &mut PgConnection, part: &Part) -> Result<(), StoreError> {
    let raise = format!(
        "INSERT INTO log_state AS s (workspace_id, floor) \
         SELECT workspace_id, max(seq) FROM {} GROUP BY workspace_id ORDER BY workspace_id \
         ON CONFLICT (workspace_id) DO UPDATE SET floor = greatest(s.floor, excluded.floor)",
        part.name
    );
    sqlx::query(AssertSqlSafe(raise)).persistent(false).execute(conn).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_kept_for_its_retention_after_its_last_moment() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();
        let part = Part { table: "event", name: "event_20261120".to_owned(), day };
        assert!(!part.is_past(30, "2026-12-20T23:59:59Z".parse().unwrap()));
        assert!(part.is_past(30, "2026-12-21T00:00:00Z".parse().unwrap()));
        let (from, to) = part.ids();
        assert_eq!(inlet_domain::ids::moment_of(from).to_rfc3339(), "2026-11-20T00:00:00+00:00");
        assert_eq!(inlet_domain::ids::moment_of(to).to_rfc3339(), "2026-11-21T00:00:00+00:00");
    }
}
