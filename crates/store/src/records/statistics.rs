//! Refreshes the planner's statistics of tables that grow quickly. Autovacuum looks only once a minute. In the first
//! minute of a database or of a day's partition, or after a bulk load, an old plan for a hundred rows reads the whole
//! workspace for each look-up: 4.8 ms instead of 0.04 for a `conversation` by id among ten thousand.

use sqlx::AssertSqlSafe;

use crate::{database::Database, error::StoreError};

/// Any plan reads a table with fewer rows than this equally fast, and some small tables change all the time.
const FEWEST: i64 = 500;

/// Larger tables are left to autovacuum: they double in no minute.
const LARGEST: i64 = 1_000_000;

/// The sample has three thousand rows instead of thirty thousand. It tells a hundred rows from ten thousand in a tenth
/// of the time. Autovacuum takes a larger sample later.
const TARGET: i32 = 10;

/// Analyses the tables of this schema that have doubled since their last analysis. Returns their names. Several
/// processes may call this at once: a table under analysis is skipped.
pub async fn refresh(database: &Database) -> Result<Vec<String>, StoreError> {
    let grown: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I', s.relname) FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid \
         WHERE s.schemaname = current_schema() AND s.n_live_tup >= $1 AND s.n_live_tup < $2 \
           AND (s.n_live_tup >= 2 * c.reltuples OR coalesce(s.last_analyze, s.last_autoanalyze) IS NULL)",
    )
    .bind(FEWEST)
    .bind(LARGEST)
    .fetch_all(&database.upkeep)
    .await?;
    for table in &grown {
        let mut transaction = database.upkeep.begin().await?;
        sqlx::query(AssertSqlSafe(format!("SET LOCAL default_statistics_target = {TARGET}")))
            .execute(&mut *transaction)
            .await?;
        let analyse = format!("ANALYZE (SKIP_LOCKED) {table}");
        sqlx::query(AssertSqlSafe(analyse)).execute(&mut *transaction).await?;
        transaction.commit().await?;
    }
    Ok(grown)
}
