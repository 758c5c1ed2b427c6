//! The planner knows of tables that have just grown: a look-up by key reads the rows of its keys, also in the first minute
//! of a database, of a day's partition, or after a bulk load.

use inlet_domain::{ids::ConversationId, scope::Scope};
use inlet_store::{
    database::Database,
    records::{conversations, statistics},
};
use inlet_tests::apply_fixture::ApplyFixture;
use uuid::Uuid;

const FILL: &str = "INSERT INTO conversation (workspace_id, id, channel_id, address_id, status, last_activity_at, created_at, \
       updated_at) \
     SELECT $1, gen_random_uuid(), $2, gen_random_uuid(), 'open', now(), now(), now() FROM generate_series(1, $3)";

const LOOKED_UP: i64 = 40;

/// A connection tells the statistics of what it did once a second, or at its end. This one tells them before it answers.
async fn tell(database: &Database) {
    sqlx::query("SELECT pg_stat_force_next_flush()").execute(&database.pool).await.unwrap();
}

async fn fill(house: &ApplyFixture, rows: i32) {
    let database = Database::connect(house.url(), 1, 1).await.unwrap();
    let fill = sqlx::query(FILL).bind(house.workspace).bind(house.account).bind(rows);
    fill.execute(&database.pool).await.unwrap();
    tell(&database).await;
    database.close().await;
}

/// How many rows of conversations were read through indexes.
async fn read(house: &ApplyFixture) -> i64 {
    house.count("SELECT idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'conversation'").await
}

#[tokio::test]
async fn a_look_up_by_key_reads_its_rows_alone_when_a_table_has_just_grown() {
    let house = ApplyFixture::build().await;
    let statistics = "SET lock_timeout = 0; ANALYZE conversation";
    sqlx::raw_sql(statistics).execute(&mut *house.database.pool.acquire().await.unwrap()).await.unwrap();
    for rows in [2_000, 20_000] {
        fill(&house, rows).await;
        let refreshed = statistics::refresh(&house.database).await.unwrap();
        assert!(refreshed.contains(&"conversation".to_owned()), "{refreshed:?}");
        let before = read(&house).await;
        let fresh = Database::connect(house.url(), 1, 1).await.unwrap();
        let ids: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM conversation ORDER BY id LIMIT $1")
            .bind(LOOKED_UP)
            .fetch_all(&house.database.pool)
            .await
            .unwrap();
        for id in ids {
            let found = conversations::by_ids(&fresh, Scope::of(house.workspace), &[ConversationId(id)]).await.unwrap();
            assert_eq!(found.len(), 1);
        }
        tell(&fresh).await;
        fresh.close().await;
        let rows_read = read(&house).await - before;
        assert!(rows_read <= 2 * LOOKED_UP, "{rows_read} rows were read for {LOOKED_UP} look-ups");
    }
    let again = statistics::refresh(&house.database).await.unwrap();
    assert!(!again.contains(&"conversation".to_owned()), "it has not grown since: {again:?}");
    fill(&house, 200).await;
    let again = statistics::refresh(&house.database).await.unwrap();
    assert!(!again.contains(&"conversation".to_owned()), "it has grown by little: {again:?}");
    let database = Database::connect(house.url(), 1, 1).await.unwrap();
    sqlx::query("UPDATE conversation SET priority = 'high'").execute(&database.pool).await.unwrap();
    tell(&database).await;
    database.close().await;
    let again = statistics::refresh(&house.database).await.unwrap();
    assert!(!again.contains(&"conversation".to_owned()), "it changes, and does not grow: {again:?}");
    house.leave().await;
}
