//! Apply's statements at a million rows: no sequential scan of a table that grows, with statistics and without.

use futures::future::join_all;
use inlet_domain::model::{message::Direction, status::DeliveryStatus};
use inlet_store::database::Database;
use inlet_tests::apply_fixture::{ApplyFixture, message, status};

const GROWING: &[&str] = &[
    "idempotency_key",
    "external_ref",
    "identity",
    "contact",
    "conversation",
    "message",
    "attachment",
    "status_report",
    "inbound_event",
    "event",
];

const FILL: &[&str] = &[
    "INSERT INTO contact (workspace_id, id, created_at, updated_at) \
       SELECT $1, ('c0000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, now(), now() FROM generate_series(1, 1000000) n",
    "INSERT INTO identity (workspace_id, scope_id, kind, value, id, contact_id, created_at) \
       SELECT $1, '00000000-0000-0000-0000-000000000000', 'phone', '+' || n, ('10000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, ('c0000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, now() \
       FROM generate_series(1, 1000000) n",
    "INSERT INTO conversation (workspace_id, id, channel_id, address_id, contact_id, status, last_activity_at, created_at, updated_at) \
       SELECT $1, ('b0000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, md5('ch')::uuid, ('10000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, ('c0000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'open', now(), now(), now() \
       FROM generate_series(1, 1000000) n",
    "INSERT INTO message (workspace_id, id, conversation_id, direction, kind, origin, author_kind, occurred_at, created_at, updated_at) \
       SELECT $1, ('a0000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, ('b0000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'outbound', 'message', 'provider', 'provider', now(), now(), now() \
       FROM generate_series(1, 1000000) n",
    "INSERT INTO external_ref (workspace_id, provider_account_id, kind, external_id, target_id) \
       SELECT $1, $2, 'message', 'm' || n, ('a0000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid FROM generate_series(1, 1000000) n",
    "INSERT INTO idempotency_key (workspace_id, provider_account_id, kind, external_id, inbound_event_id, expires_at) \
       SELECT $1, $2, 'message', 'm' || n, ('a0000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, now() FROM generate_series(1, 1000000) n",
];

#[tokio::test]
async fn no_statement_of_apply_scans_a_table_of_a_million_rows() {
    let house = ApplyFixture::build().await;
    let channel = "INSERT INTO channel (workspace_id, id, provider_account_id, medium, identifier, created_at) \
                   VALUES ($1, md5('ch')::uuid, $2, 'whatsapp', '919019120000', now())";
    let channel_ref = "INSERT INTO external_ref (workspace_id, provider_account_id, kind, external_id, target_id) \
                       VALUES ($1, $2, 'channel', 'whatsapp:919019120000', md5('ch')::uuid)";
    let mut filler = house.database.pool.acquire().await.unwrap();
    sqlx::query("ALTER TABLE identity DISABLE TRIGGER ALL").execute(&mut *filler).await.unwrap();
    sqlx::query("ALTER TABLE message DISABLE TRIGGER ALL").execute(&mut *filler).await.unwrap();
    for sql in [channel, channel_ref].into_iter().chain(FILL.iter().copied()) {
        let query = sqlx::query(sql).bind(house.workspace);
        let query = if sql.contains("$2") { query.bind(house.account) } else { query };
        query.execute(&mut *filler).await.unwrap();
    }
    sqlx::query("ALTER TABLE identity ENABLE TRIGGER ALL").execute(&mut *filler).await.unwrap();
    sqlx::query("ALTER TABLE message ENABLE TRIGGER ALL").execute(&mut *filler).await.unwrap();
    drop(filler);

    for (round, analysed) in [false, true].into_iter().enumerate() {
        if analysed {
            // Of these tables alone: the catalogs of the cluster are the other tests' too.
            let analyze = format!("ANALYZE {}", GROWING.join(", "));
            let mut patient = house.database.pool.acquire().await.unwrap();
            sqlx::raw_sql(sqlx::AssertSqlSafe(format!("SET lock_timeout = 0; {analyze}; RESET lock_timeout")))
                .execute(&mut *patient)
                .await
                .unwrap();
        }
        let before = scans(&house).await;
        let fresh = Database::connect(house.url(), 4, 2).await.unwrap();
        let apply = house.apply_on(fresh.clone(), 2, 64);
        // Enough batches that the plans are the generic ones.
        for wave in 0..8_i64 {
            let requests = (0..64_i64).map(|n| {
                let number = 1 + wave * 64 + n;
                let (old, new) = (format!("+{number}"), format!("+99{round}{number:06}"));
                let command = match n % 4 {
                    0 => message(&format!("new-{round}-{number}"), &old, Direction::Inbound, "known address", n),
                    1 => message(&format!("new-{round}-{number}"), &new, Direction::Inbound, "new address", n),
                    2 => status(
                        &format!("m{number}"),
                        &old,
                        DeliveryStatus::Delivered,
                        i64::try_from(round).unwrap() + n,
                    ),
                    _ => status(&format!("unknown-{round}-{number}"), &new, DeliveryStatus::Read, n),
                };
                apply.submit(house.inbound(vec![command]))
            });
            for receipt in join_all(requests).await {
                receipt.unwrap();
            }
        }
        apply.stop().await;
        fresh.close().await;
        let after = scans(&house).await;
        assert_eq!(before, after, "sequential scans, with statistics: {analysed}");
    }
    assert!(house.count("SELECT count(*) FROM message WHERE workspace_id = $1").await > 1_000_700);
    house.leave().await;
}

/// Plans are made on empty tables first: they must not stay with what was good enough there.
#[tokio::test]
async fn what_messages_and_their_reports_read_does_not_grow_with_the_tables() {
    let house = ApplyFixture::build().await;
    let fresh = Database::connect(house.url(), 4, 2).await.unwrap();
    let apply = house.apply_on(fresh.clone(), 2, 32);
    for wave in 0..60_i64 {
        let requests = (0..100_i64).map(|n| {
            let (number, old) = (wave * 100 + n, (wave * 100 + n) / 2);
            let phone = format!("+{}", if n % 2 == 0 { number } else { old });
            let command = match n % 4 {
                3 => status(&format!("m{}", number - 3), &phone, DeliveryStatus::Delivered, number),
                _ => message(&format!("m{number}"), &phone, Direction::Outbound, "hello", number),
            };
            apply.submit(house.inbound(vec![command]))
        });
        for receipt in join_all(requests).await {
            receipt.unwrap();
        }
    }
    apply.stop().await;
    fresh.close().await;
    let read: Vec<(String, i64)> = sqlx::query_as(
        "SELECT indexrelname::text, idx_tup_read FROM pg_stat_user_indexes WHERE relname = ANY($1) AND idx_tup_read > 0 \
         ORDER BY 2 DESC",
    )
    .bind(GROWING)
    .fetch_all(&house.database.pool)
    .await
    .unwrap();
    let total: i64 = read.iter().map(|(_, tuples)| tuples).sum();
    assert!(total > 6_000, "the statistics have not come: {read:?}");
    assert!(total < 6_000 * 40, "index entries read for 6,000 messages and reports: {read:?}");
    house.leave().await;
}

/// Sequential scans of each growing table so far, partitions counted with their parents.
async fn scans(house: &ApplyFixture) -> Vec<(String, i64)> {
    sqlx::query_as(
        "SELECT t.name, coalesce(sum(s.seq_scan), 0)::bigint FROM unnest($1::text[]) t(name) \
         JOIN pg_stat_user_tables s ON s.relname = t.name OR s.relname LIKE t.name || '\\_2%' \
           OR s.relname = t.name || '_default' \
         GROUP BY 1 ORDER BY 1",
    )
    .bind(GROWING)
    .fetch_all(&house.database.pool)
    .await
    .unwrap()
}
