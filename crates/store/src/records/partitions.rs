//! Creates the daily partitions of the time-bound tables ahead of time. The time in a row's UUIDv7 chooses its
//! partition.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use inlet_domain::ids::{first_at, moment_of};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::{database::Database, error::StoreError};

/// The tables with daily partitions.
pub const TABLES: [&str; 6] = ["event", "inbound_event", "status_report", "delivery", "attempt", "audit_entry"];

/// The number of days after today with a ready partition.
pub const DAYS_AHEAD: u64 = 3;

/// The most days that one pass moves out of a table's default partition.
const STRAY_DAYS: usize = 31;

/// The advisory lock that lets one process in the whole database create or drop partitions.
pub(super) const MAKER_LOCK: i64 = 0x696e_6c65_7470_0001;

/// The result of one pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Made {
    /// The created partitions.
    pub partitions: u64,
    /// The number of rows moved from a default partition into the right one. Above zero, the partitions were created
    /// too late.
    pub strays: u64,
}

/// Creates the missing partitions of today and the next [`DAYS_AHEAD`] days. Moves rows out of default partitions.
/// Several processes may call this at once.
///
/// # Errors
/// Where the database fails, or a table stayed locked for longer than the lock timeout of the connection. Call again.
pub async fn ensure(database: &Database, now: DateTime<Utc>) -> Result<Made, StoreError> {
    let mut made = Made::default();
    let mut conn = database.upkeep.acquire().await?;
    for table in TABLES {
        for ahead in 0..=DAYS_AHEAD {
            if let Some(day) = now.date_naive().checked_add_days(Days::new(ahead)) {
                make(&mut conn, table, day, &mut made).await?;
            }
        }
        for _ in 0..STRAY_DAYS {
            let Some(day) = first_stray_day(&mut conn, table).await? else { break };
            make(&mut conn, table, day, &mut made).await?;
        }
    }
    if made.strays > 0 {
        metrics::counter!("inlet_partition_strays_total").increment(made.strays);
        tracing::error!(
            rows = made.strays,
            "rows had fallen into a default partition: partitions were not made in time"
        );
    }
    Ok(made)
}

fn floor(day: NaiveDate) -> Uuid {
    first_at(day.and_time(NaiveTime::MIN).and_utc())
}

/// Attach partitions instead of creating them in place: others can write to the table meanwhile.
async fn make(conn: &mut PgConnection, table: &str, day: NaiveDate, made: &mut Made) -> Result<(), StoreError> {
    let name = format!("{table}_{}", day.format("%Y%m%d"));
    let Some(next) = day.checked_add_days(Days::new(1)) else { return Ok(()) };
    let (from, to) = (floor(day), floor(next));
    if exists(conn, &name).await? {
        return Ok(());
    }
    let mut transaction = sqlx::Connection::begin(conn).await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(MAKER_LOCK).execute(&mut *transaction).await?;
    if exists(&mut transaction, &name).await? {
        return Ok(());
    }
    // Writers lock the table, then its partition. Keep this order here.
    let locks = format!(
        "LOCK TABLE ONLY {table} IN SHARE UPDATE EXCLUSIVE MODE; LOCK TABLE {table}_default IN ACCESS EXCLUSIVE MODE"
    );
    sqlx::raw_sql(AssertSqlSafe(locks)).execute(&mut *transaction).await?;
    // Deliveries are updated at least once. Free room on the page keeps their index entries as they are.
    let storage = if table == "delivery" { "WITH (fillfactor = 60)" } else { "" };
    let create = format!("CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS) {storage}");
    sqlx::query(AssertSqlSafe(create)).execute(&mut *transaction).await?;
    if table == "event" {
        let unique = format!("CREATE UNIQUE INDEX {name}_seq ON {name} (workspace_id, seq)");
        sqlx::query(AssertSqlSafe(unique)).execute(&mut *transaction).await?;
    }
    let move_strays = format!(
        "WITH stray AS (DELETE FROM {table}_default WHERE id >= $1 AND id < $2 RETURNING *)
         INSERT INTO {name} SELECT * FROM stray"
    );
    let moved = sqlx::query(AssertSqlSafe(move_strays)).bind(from).bind(to).execute(&mut *transaction).await?;
    let attach = format!("ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{from}') TO ('{to}')");
    sqlx::query(AssertSqlSafe(attach)).execute(&mut *transaction).await?;
    transaction.commit().await?;
    made.partitions += 1;
    made.strays += moved.rows_affected();
    Ok(())
}

/// Read the rows of the catalogue: `to_regclass` answers from a cache, which may miss the latest commit of another
/// process.
async fn exists(conn: &mut PgConnection, name: &str) -> Result<bool, StoreError> {
    let stands =
        "SELECT EXISTS (SELECT FROM pg_class WHERE relname = $1 AND relnamespace = current_schema()::regnamespace)";
    Ok(sqlx::query_scalar(stands).bind(name).fetch_one(conn).await?)
}

async fn first_stray_day(conn: &mut PgConnection, table: &str) -> Result<Option<NaiveDate>, StoreError> {
    let first = format!("SELECT id FROM {table}_default ORDER BY id LIMIT 1");
    let id: Option<Uuid> = sqlx::query_scalar(AssertSqlSafe(first)).fetch_optional(conn).await?;
    Ok(id.map(|id| moment_of(id).date_naive()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_days_floor_is_below_every_id_of_the_day_and_above_those_of_the_day_before() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();
        let ambient_at = |text: &str| {
            let clock = inlet_domain::ambient::SteppedClock::at(text.parse().unwrap());
            inlet_domain::ambient::Ambient::new(clock, inlet_domain::ambient::SystemEntropy).uuid()
        };
        assert!(floor(day) <= ambient_at("2026-11-20T00:00:00Z"));
        assert!(floor(day) > ambient_at("2026-11-19T23:59:59.999Z"));
    }
}
