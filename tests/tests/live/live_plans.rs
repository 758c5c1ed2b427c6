//! The numbers of an inbox of many conversations are counted without a look at those that are closed.

use inlet_domain::scope::Scope;
use inlet_store::{database::Database, records::inbox_counts::inbox_counts};
use inlet_tests::apply_fixture::ApplyFixture;

const FILL: &str = "INSERT INTO conversation (workspace_id, id, channel_id, address_id, status, inbound_count, \
       last_activity_at, created_at, updated_at) \
     SELECT $1, gen_random_uuid(), $2, gen_random_uuid(), CASE WHEN n % 2000 = 0 THEN 'open' ELSE 'closed' END, 1, \
       now(), now(), now() FROM generate_series(1, 200000) n";

const READ: &str = "INSERT INTO conversation_read (workspace_id, conversation_id, member_id, read_count, read_at) \
     SELECT workspace_id, id, $2, 1, now() FROM conversation WHERE workspace_id = $1 AND \
       (status = 'open' OR id < '10000000-0000-0000-0000-000000000000')";

/// Sequential scans of the tables, and rows that were read through their indexes.
async fn read(house: &ApplyFixture) -> (i64, i64) {
    sqlx::query_as(
        "SELECT sum(seq_scan)::bigint, sum(idx_tup_fetch)::bigint FROM pg_stat_user_tables \
         WHERE relname IN ('conversation', 'conversation_read')",
    )
    .fetch_one(&house.database.pool)
    .await
    .unwrap()
}

/// What the connections of this handle read is told when they have ended.
async fn told(house: &ApplyFixture, database: Database) {
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&database.pool).await.unwrap();
    database.close().await;
    let stands = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1";
    while sqlx::query_scalar::<_, i64>(stands).bind(pid).fetch_one(&house.database.pool).await.unwrap() > 0 {
        tokio::task::yield_now().await;
    }
}

async fn fresh(house: &ApplyFixture) -> Database {
    Database::connect(house.url(), 1, 1).await.unwrap()
}

#[tokio::test]
async fn counting_an_inbox_does_not_look_at_what_is_closed() {
    let house = ApplyFixture::build().await;
    let filling = fresh(&house).await;
    for sql in [FILL, READ] {
        sqlx::query(sql).bind(house.workspace).bind(house.account).execute(&filling.pool).await.unwrap();
    }
    told(&house, filling).await;
    for analysed in [false, true] {
        if analysed {
            let analysing = fresh(&house).await;
            let analyze = "SET lock_timeout = 0; ANALYZE conversation, conversation_read";
            sqlx::raw_sql(analyze).execute(&analysing.pool).await.unwrap();
            told(&house, analysing).await;
        }
        let before = read(&house).await;
        let counting = fresh(&house).await;
        for _ in 0..8 {
            let counts = inbox_counts(&counting, Scope::of(house.workspace)).await.unwrap();
            assert_eq!(
                (counts.total(), counts.unread(Some(house.account.0.into())), counts.unread(None)),
                (100, 0, 100)
            );
        }
        told(&house, counting).await;
        let after = read(&house).await;
        assert_eq!(before.0, after.0, "sequential scans, with statistics: {analysed}");
        assert!(after.1 - before.1 < 8 * 1_000, "{} rows were read, with statistics: {analysed}", after.1 - before.1);
    }
    house.leave().await;
}
