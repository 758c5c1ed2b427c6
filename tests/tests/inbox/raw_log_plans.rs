//! The raw log's filters at a million rows: what a page reads does not grow with the log, with statistics and without.

use inlet_domain::{
    ids::{InboundEventId, SourceId, first_at},
    model::outcome::Outcome,
    scope::Scope,
};
use inlet_store::{
    database::Database,
    records::{
        inbound_events::{self, Filter},
        page::Slice,
    },
};
use inlet_tests::apply_fixture::{ApplyFixture, start};
use uuid::Uuid;

/// A request every 20 ms, the oldest three of which are as no other is.
const FILL: &str = "INSERT INTO inbound_event \
      (workspace_id, id, source_id, received_at, event, outcome, error, lenient, event_ids, sealed) \
    SELECT $1, (substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, \
      CASE WHEN n > 3 THEN md5('often') ELSE md5('seldom') END::uuid, to_timestamp(ms / 1000.0), \
      CASE WHEN n > 3 THEN 'often' ELSE 'seldom' END, CASE WHEN n > 3 THEN 'accepted' ELSE 'failed' END, \
      CASE WHEN n > 3 THEN NULL ELSE 'it fell over' END, n <= 3, ARRAY[gen_random_uuid()], '\\x00' \
    FROM generate_series(1, 1000000) n CROSS JOIN LATERAL (SELECT $2::bigint + n * 20 AS ms) t \
    CROSS JOIN LATERAL (SELECT lpad(to_hex(ms), 12, '0') AS h) u";

/// More would mean that the page was found by looking through others' rows.
const FEW: i64 = 200;

#[tokio::test]
async fn no_filter_reads_more_than_its_page() {
    let house = ApplyFixture::build().await;
    let first = start().timestamp_millis();
    sqlx::query(FILL).bind(house.workspace).bind(first).execute(&house.database.pool).await.unwrap();
    let oldest = Uuid::from_u128(
        first_at(start() + chrono::Duration::milliseconds(20)).as_u128() | (0x7000_8000_u128 << 48) | 1,
    );
    let seldom: Uuid = sqlx::query_scalar("SELECT md5('seldom')::uuid").fetch_one(&house.database.pool).await.unwrap();
    let any = Filter::default();
    let filters = [
        ("outcome", Filter { outcomes: vec![Outcome::Failed], ..any.clone() }),
        (
            "outcomes",
            Filter { outcomes: vec![Outcome::Failed, Outcome::Unrecognised, Outcome::Duplicate], ..any.clone() },
        ),
        ("source", Filter { sources: vec![SourceId(seldom), SourceId(Uuid::nil())], ..any.clone() }),
        ("event", Filter { events: vec!["seldom".into(), "never".into()], ..any.clone() }),
        ("lenient", Filter { lenient: Some(true), ..any.clone() }),
        ("error", Filter { error: Some("FELL".into()), ..any.clone() }),
        ("received", Filter { received_to: Some(start() + chrono::Duration::milliseconds(61)), ..any.clone() }),
        ("id", Filter { ids: vec![InboundEventId(oldest)], ..any.clone() }),
        ("none", any),
    ];
    let scope = Scope::of(house.workspace);
    // One connection, so that its own counts can be asked of it.
    let database = Database::connect(house.url(), 1, 1).await.unwrap();
    for analysed in [false, true] {
        if analysed {
            sqlx::raw_sql("SET lock_timeout = 0; ANALYZE inbound_event").execute(&database.pool).await.unwrap();
        }
        for (name, filter) in &filters {
            let before = read(&database).await;
            let page = inbound_events::list(&database, scope, filter, &Slice::first(5)).await.unwrap();
            let expected = match *name {
                "none" => 5,
                "id" => 1,
                _ => 3,
            };
            assert_eq!(page.items.len(), expected, "{name}");
            let rows = read(&database).await - before;
            // A range of time ends at most a minute's requests beyond it, for an id may be minted that much later.
            let few = if *name == "received" { FEW + 3_000 } else { FEW };
            assert!(rows <= few, "{name} read {rows} rows, with statistics: {analysed}");
        }
    }
    database.close().await;
    house.leave().await;
}

/// Rows of the raw log that were read so far, by whatever way.
async fn read(database: &Database) -> i64 {
    sqlx::query("SELECT pg_stat_force_next_flush()").execute(&database.pool).await.unwrap();
    sqlx::query_scalar(
        "SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint FROM pg_stat_user_tables \
         WHERE relname LIKE 'inbound\\_event%'",
    )
    .fetch_one(&database.pool)
    .await
    .unwrap()
}
