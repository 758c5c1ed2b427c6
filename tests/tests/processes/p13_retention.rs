//! P13: what is past retention goes by whole days, and no day of the log that somebody has still to read.

use chrono::Duration;
use inlet_domain::{model::message::Direction, scope::Scope};
use inlet_server::maintenance;
use inlet_store::{
    log::{self, Cursor, Lost},
    records::{
        expiry::{self, Expired, Kept, Pin},
        partitions,
        retention::{self, Retention},
    },
};
use inlet_tests::apply_fixture::{ApplyFixture, message};
use sqlx::{Connection, PgConnection};
use tokio_util::sync::CancellationToken;

/// Takes a message now; gives how far the log has come by it.
async fn receive(house: &ApplyFixture, id: &str) -> i64 {
    partitions::ensure(&house.database, house.ambient.now()).await.unwrap();
    let apply = house.apply(1, 16);
    let command = message(id, &format!("+9198{id}"), Direction::Inbound, "hello", 0);
    apply.submit(house.inbound(vec![command])).await.unwrap();
    apply.stop().await;
    log::state(&house.database.pool, Scope::of(house.workspace)).await.unwrap().head
}

async fn expire(house: &ApplyFixture) -> Expired {
    expiry::expire(&house.database, house.ambient.now(), &Retention::default()).await.unwrap()
}

/// A webhook's trace in the database: the dispatcher's cursor and, of the first event, a delivery.
async fn deliver(house: &ApplyFixture, cursor: i64, status: &str) {
    sqlx::query("INSERT INTO dispatch_cursor (workspace_id, seq) VALUES ($1, $2)")
        .bind(house.workspace)
        .bind(cursor)
        .execute(&house.database.pool)
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO delivery (workspace_id, id, webhook_id, event_id, event_seq, event_type, status, created_at) \
         SELECT workspace_id, id, gen_random_uuid(), id, seq, type, $2, now() FROM event WHERE workspace_id = $1 AND seq = 1",
    )
    .bind(house.workspace)
    .bind(status)
    .execute(&house.database.pool)
    .await
    .unwrap();
}

#[tokio::test]
async fn p13_old_days_go_and_the_log_is_numbered_on() {
    let house = ApplyFixture::build().await;
    let scope = Scope::of(house.workspace);
    let first = receive(&house, "00000001").await;
    assert_eq!(first, 4, "a channel, a contact, a conversation, a message");
    house.clock.step(Duration::days(40));
    let stop = CancellationToken::new();
    maintenance::once(&house.database, &house.ambient, &Retention::default(), &stop).await.unwrap();
    assert_eq!(house.count("SELECT count(*) FROM inbound_event WHERE workspace_id = $1").await, 0, "after 30 days");
    assert_eq!(house.count("SELECT count(*) FROM event WHERE workspace_id = $1").await, 4, "not before 90");

    house.clock.step(Duration::days(60));
    let expired = expire(&house).await;
    assert!(expired.dropped.contains(&"event_20261127".to_owned()), "{expired:?}");
    assert!(!expired.dropped.iter().any(|name| name.starts_with("status_report")), "kept for a year: {expired:?}");
    assert_eq!((expired.kept, expired.skipped), (Vec::new(), 0));
    assert_eq!(house.count("SELECT count(*) FROM message WHERE workspace_id = $1").await, 1, "messages stay");

    let state = log::state(&house.database.pool, scope).await.unwrap();
    assert_eq!((state.floor, state.head), (4, 4));
    assert_eq!(state.resume(Cursor { epoch: 1, seq: 3 }), Err(Lost::Trimmed), "p8: whoever was away is told so");
    assert_eq!(state.resume(Cursor { epoch: 1, seq: 4 }), Ok(4));
    assert_eq!(receive(&house, "00000002").await, 7);
    assert_eq!(house.count("SELECT min(seq) FROM event WHERE workspace_id = $1").await, 5, "no number is given twice");
    assert_eq!(expire(&house).await, Expired::default(), "what is left is not old");
    house.leave().await;
}

#[tokio::test]
async fn p7_a_day_of_the_log_stays_until_it_is_dispatched_and_delivered() {
    let house = ApplyFixture::build().await;
    receive(&house, "00000001").await;
    deliver(&house, 2, "pending").await;
    house.clock.step(Duration::days(100));
    let kept = |partition: &str, why| Kept { partition: partition.to_owned(), why };
    let expired = expire(&house).await;
    assert_eq!(
        expired.kept,
        [kept("delivery_20261127", Pin::Unfinished), kept("event_20261127", Pin::Undispatched)],
        "{expired:?}"
    );
    assert_eq!(log::state(&house.database.pool, Scope::of(house.workspace)).await.unwrap().floor, 0);

    sqlx::query("UPDATE dispatch_cursor SET seq = 4").execute(&house.database.pool).await.unwrap();
    let expired = expire(&house).await;
    assert_eq!(
        expired.kept,
        [kept("delivery_20261127", Pin::Unfinished), kept("event_20261127", Pin::Unfinished)],
        "{expired:?}"
    );

    sqlx::query("UPDATE delivery SET status = 'succeeded'").execute(&house.database.pool).await.unwrap();
    let expired = expire(&house).await;
    assert_eq!(expired.kept, []);
    assert!(expired.dropped.contains(&"event_20261127".to_owned()), "{expired:?}");
    house.leave().await;
}

#[tokio::test]
async fn p13_a_paused_webhook_does_not_keep_the_log_for_ever() {
    let house = ApplyFixture::build().await;
    receive(&house, "00000001").await;
    deliver(&house, 4, "held").await;
    house.clock.step(Duration::days(80));
    assert_eq!(expire(&house).await.skipped, 0, "it is waited for as long as its event is kept");
    house.clock.step(Duration::days(20));
    // Kept for longer than the log, so that what became of the delivery can be seen.
    let retention = Retention { deliveries: 365, ..Retention::default() };
    let expired = expiry::expire(&house.database, house.ambient.now(), &retention).await.unwrap();
    assert_eq!((expired.skipped, expired.kept), (1, Vec::new()));
    assert!(expired.dropped.contains(&"event_20261127".to_owned()));
    let skipped =
        "SELECT count(*) FROM delivery WHERE workspace_id = $1 AND status = 'skipped' AND finished_at IS NOT NULL";
    assert_eq!(house.count(skipped).await, 1);
    house.leave().await;
}

#[tokio::test]
async fn p13_a_drop_waits_for_nobody_and_holds_nobody_up() {
    let house = ApplyFixture::build().await;
    receive(&house, "00000001").await;
    house.clock.step(Duration::days(100));
    partitions::ensure(&house.database, house.ambient.now()).await.unwrap();
    // Someone of the operator's, who stands idle for as long as they like.
    let mut connection = PgConnection::connect(house.url()).await.unwrap();
    let mut reader = connection.begin().await.unwrap();
    let read = "SELECT count(*) FROM event";
    assert_eq!(sqlx::query_scalar::<_, i64>(read).fetch_one(&mut *reader).await.unwrap(), 4);
    let (expired, ()) = tokio::join!(expire(&house), async {
        // Whoever comes while the drop is being tried gets through within its own lock timeout.
        for n in 2..6 {
            receive(&house, &format!("0000000{n}")).await;
        }
    });
    let busy = Kept { partition: "event_20261127".to_owned(), why: Pin::Busy };
    assert_eq!(expired.kept, [busy], "{expired:?}");
    assert!(expired.dropped.contains(&"inbound_event_20261127".to_owned()), "the other tables are not held up");
    reader.rollback().await.unwrap();
    assert_eq!(expire(&house).await.kept, []);
    house.leave().await;
}

#[tokio::test]
async fn p13_two_processes_may_drop_at_once() {
    let house = ApplyFixture::build().await;
    receive(&house, "00000001").await;
    house.clock.step(Duration::days(100));
    let (one, other) = tokio::join!(expire(&house), expire(&house));
    assert!(one.kept.is_empty() && other.kept.is_empty(), "{one:?} {other:?}");
    assert_eq!(house.count("SELECT count(*) FROM event WHERE workspace_id = $1").await, 0);
    house.leave().await;
}

#[tokio::test]
async fn p13_answers_to_mutations_go_in_chunks_after_a_day() {
    let house = ApplyFixture::build().await;
    sqlx::query(
        "INSERT INTO mutation_key (workspace_id, actor, mutation, key, input_hash, answer, created_at) \
         SELECT $1, 'a', 'm', n::text, '', 'null', $2::timestamptz - make_interval(hours => 23 + n % 3) \
         FROM generate_series(1, 9000) n",
    )
    .bind(house.workspace)
    .bind(house.ambient.now())
    .execute(&house.database.pool)
    .await
    .unwrap();
    let mut gone = Vec::new();
    for _ in 0..2 {
        gone.push(retention::delete_old_mutation_keys(&house.database, house.ambient.now()).await.unwrap());
    }
    assert_eq!(gone, [3_000, 0]);
    house.leave().await;
}
