//! P13: partitions are there before they are needed, and what is old goes in chunks.

use chrono::{DateTime, Duration, Utc};
use inlet_domain::ambient::{Ambient, SteppedClock, SystemEntropy};
use inlet_store::records::{
    partitions::{self, DAYS_AHEAD, Made, TABLES},
    retention,
};
use inlet_tests::apply_fixture::ApplyFixture;

async fn partitions_of(house: &ApplyFixture, table: &str) -> Vec<String> {
    let partitions = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = $1::text::regclass ORDER BY 1";
    sqlx::query_scalar(partitions).bind(table).fetch_all(&house.database.pool).await.unwrap()
}

/// Far from today, so that no partition stands yet.
fn later() -> DateTime<Utc> {
    "2031-05-30T23:00:00Z".parse().unwrap()
}

#[tokio::test]
async fn p13_partitions_are_made_ahead_once() {
    let house = ApplyFixture::build().await;
    let made = partitions::ensure(&house.database, later()).await.unwrap();
    let expected = (DAYS_AHEAD + 1) * u64::try_from(TABLES.len()).unwrap();
    assert_eq!(made, Made { partitions: expected, strays: 0 });
    for table in TABLES {
        let partitions = partitions_of(&house, table).await;
        for day in ["20310530", "20310531", "20310601", "20310602"] {
            assert!(partitions.contains(&format!("{table}_{day}")), "{partitions:?}");
        }
    }
    assert_eq!(partitions::ensure(&house.database, later()).await.unwrap(), Made::default());
    house.leave().await;
}

#[tokio::test]
async fn p13_two_makers_at_once_do_not_quarrel() {
    let house = ApplyFixture::build().await;
    let (one, other) =
        tokio::join!(partitions::ensure(&house.database, later()), partitions::ensure(&house.database, later()));
    let made = one.unwrap().partitions + other.unwrap().partitions;
    assert_eq!(made, (DAYS_AHEAD + 1) * u64::try_from(TABLES.len()).unwrap());
    house.leave().await;
}

#[tokio::test]
async fn p13_what_fell_into_the_default_partition_moves_to_its_day() {
    let house = ApplyFixture::build().await;
    let ambient = Ambient::new(SteppedClock::at(later()), SystemEntropy);
    for seq in 1..=3_i64 {
        sqlx::query(
            "INSERT INTO event (workspace_id, id, seq, type, occurred_at, actor_kind, payload)
             VALUES ($1, $2, $3, 'message.created', now(), 'system', '{}')",
        )
        .bind(house.workspace)
        .bind(ambient.uuid())
        .bind(seq)
        .execute(&house.database.pool)
        .await
        .unwrap();
    }
    let astray = "SELECT count(*) FROM event_default WHERE workspace_id = $1";
    assert_eq!(house.count(astray).await, 3);
    // The day itself is long past for this maker: it finds it by what lies in the default partition.
    let made = partitions::ensure(&house.database, later() + Duration::days(40)).await.unwrap();
    assert_eq!(made.strays, 3);
    assert_eq!(house.count(astray).await, 0);
    assert_eq!(house.count("SELECT count(*) FROM event_20310530 WHERE workspace_id = $1").await, 3);
    house.leave().await;
}

#[tokio::test]
async fn p13_expired_keys_go_in_chunks_and_others_stay() {
    let house = ApplyFixture::build().await;
    sqlx::query(
        "INSERT INTO idempotency_key (workspace_id, provider_account_id, kind, external_id, inbound_event_id, expires_at)
         SELECT $1, $2, 'message', n::text, gen_random_uuid(), $3::timestamptz + make_interval(secs => n - 6000)
         FROM generate_series(0, 6009) n",
    )
    .bind(house.workspace)
    .bind(house.account)
    .bind(later())
    .execute(&house.database.pool)
    .await
    .unwrap();
    let mut gone = Vec::new();
    for _ in 0..3 {
        gone.push(retention::delete_expired_idempotency_keys(&house.database, later()).await.unwrap());
    }
    assert_eq!(gone, [5_000, 1_000, 0]);
    assert_eq!(house.count("SELECT count(*) FROM idempotency_key WHERE workspace_id = $1").await, 10);
    house.leave().await;
}
