//! P7: a process is killed with -9 between each two steps of a delivery, with a durable Postgres. No event is without its
//! delivery, no delivery is lost, and nothing that the dead process held is sent again before its lease has run out.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use inlet_domain::ids::EventId;
use inlet_tests::{Process, Sink, client, fixtures, process::DataDir, sign, sink::Received};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

/// More than fit in hand, so that some wait in the database.
const MESSAGES: usize = 120;

/// How many requests may be under way at once.
const UNDER_WAY: usize = 4;

const REGISTER: &str = "mutation ($url: String!) { registerWebhook(input: {name: \"receiver\", url: $url,
    eventTypes: [\"message.created\"], timeoutSeconds: 30, maxConcurrency: 4, retryDelays: [1, 1, 1, 1, 1],
    maxAttempts: 20, idempotencyKey: \"k\"}) { secret } }";

/// Posts until the process is gone; gives how many messages it acknowledged.
async fn post(process: &Process, sample: &Value, mark: &str) -> usize {
    let source = &process.dev.sources["oneroute"];
    let posts = (0..MESSAGES).map(|number| {
        let mut body = sample.clone();
        body["message"]["externalId"] = json!(format!("{mark}-{number}"));
        body["message"]["content"] = json!(format!("{mark}-{number}"));
        let body = body.to_string();
        async move {
            let (header, signature) = sign::header("oneroute", &source.secret, body.as_bytes());
            let request = client().post(&source.url).header("content-type", "application/json");
            let answer = request.header(header, signature).body(body).send().await;
            answer.is_ok_and(|answer| answer.status() == 200)
        }
    });
    futures::stream::iter(posts)
        .buffer_unordered(4)
        .filter(|acknowledged| futures::future::ready(*acknowledged))
        .count()
        .await
}

/// How often each message was sent, and how often it was taken with 200: of each the first answer is 500.
fn sends(received: &[Received]) -> BTreeMap<String, usize> {
    let mut sends = BTreeMap::new();
    for one in received {
        *sends.entry(one.header("webhook-id").to_owned()).or_default() += 1;
    }
    sends
}

async fn ids(conn: &mut PgConnection, sql: &'static str) -> BTreeSet<String> {
    let ids: Vec<EventId> = sqlx::query_scalar(sql).fetch_all(conn).await.unwrap();
    ids.into_iter().map(|id| id.to_string()).collect()
}

const HELD: &str = "SELECT event_id FROM delivery WHERE lease_owner IS NOT NULL";
const UNFINISHED: &str = "SELECT event_id FROM delivery WHERE status <> 'succeeded'";
const LOGGED: &str = "SELECT e.id FROM event e JOIN webhook w ON w.workspace_id = e.workspace_id \
                      WHERE e.type = 'message.created' AND e.seq > w.start_seq";
const UNDELIVERED: &str = "SELECT e.id FROM event e JOIN webhook w ON w.workspace_id = e.workspace_id \
    WHERE e.type = 'message.created' AND e.seq > w.start_seq \
      AND NOT EXISTS (SELECT FROM delivery d WHERE d.workspace_id = e.workspace_id AND d.event_id = e.id)";

async fn dies_at(place: &str) -> String {
    let folder = DataDir::new();
    let sink = Sink::start().await;
    let seen = std::sync::Mutex::new(BTreeSet::new());
    sink.answer(move |one| {
        let is_first = seen.lock().unwrap().insert(one.header("webhook-id").to_owned());
        (if is_first { 500 } else { 200 }, Vec::new())
    });
    let doomed = Process::start_with(&folder.path(), &[("INLET_FAILPOINT", place)]).await;
    doomed.graphql(REGISTER, json!({"url": sink.url()})).await;
    let sample: Value = serde_json::from_str(&fixtures::of("oneroute").remove(0).body).unwrap();
    let acknowledged = post(&doomed, &sample, place).await;
    let database_url = doomed.dev.database_url.clone();
    doomed.killed_itself().await;

    // What it held stands under leases that are made to last, so that nothing but them keeps the next one off.
    let mut conn = PgConnection::connect(&database_url).await.unwrap();
    for sql in [
        "UPDATE dispatch_lease SET leased_until = now() + interval '1 day'",
        "UPDATE delivery SET due_at = now() + interval '1 day' WHERE lease_owner IS NOT NULL AND due_at IS NOT NULL",
    ] {
        sqlx::query(sql).execute(&mut conn).await.unwrap();
    }
    let held = ids(&mut conn, HELD).await;
    let before = sends(&sink.received());

    let other = Process::start(&folder.path()).await;
    while !ids(&mut conn, UNDELIVERED).await.is_empty() || !ids(&mut conn, UNFINISHED).await.is_subset(&held) {
        tokio::task::yield_now().await;
    }
    let received = sink.received();
    let mut seen = BTreeSet::new();
    let of_held = received.iter().map(|one| (one.header("webhook-id"), one.header("inlet-attempt")));
    for one in of_held.filter(|(id, _)| held.contains(*id)) {
        assert!(seen.insert(one), "{place}: {one:?} was sent again under a lease that stands");
    }
    // What was on its way at the kill may have come since.
    let after = sends(&received);
    let grown: Vec<_> = held.iter().filter(|id| after.get(*id) != before.get(*id)).collect();
    assert!(grown.len() <= UNDER_WAY, "{place}: {grown:?} were sent under leases that stand");

    for sql in [
        "UPDATE dispatch_lease SET leased_until = now() - interval '1 s' WHERE leased_until > now() + interval '1 h'",
        "UPDATE delivery SET due_at = now() - interval '1 s' WHERE due_at > now() + interval '1 h'",
    ] {
        sqlx::query(sql).execute(&mut conn).await.unwrap();
    }
    while !ids(&mut conn, UNFINISHED).await.is_empty() {
        tokio::task::yield_now().await;
    }
    let logged = ids(&mut conn, LOGGED).await;
    let finally = sends(&sink.received());
    assert!(logged.len() >= acknowledged, "{place}: {} events of {acknowledged} acknowledged", logged.len());
    assert_eq!(finally.keys().cloned().collect::<BTreeSet<_>>(), logged, "{place}: an event without its webhook");
    let deliveries: i64 = sqlx::query_scalar("SELECT count(*) FROM delivery").fetch_one(&mut conn).await.unwrap();
    assert_eq!(usize::try_from(deliveries).unwrap(), logged.len(), "{place}: one delivery for each event");
    // What was sent and is not written down is what the dead process held.
    let written: Vec<(EventId, i64)> = sqlx::query_as(
        "SELECT d.event_id, count(*) FROM delivery d \
         JOIN attempt a ON a.workspace_id = d.workspace_id AND a.delivery_id = d.id GROUP BY 1",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    let written: BTreeMap<String, i64> = written.into_iter().map(|(id, count)| (id.to_string(), count)).collect();
    let again: BTreeSet<&String> =
        finally.iter().filter(|(id, times)| i64::try_from(**times).unwrap() > written[*id]).map(|(id, _)| id).collect();
    assert!(again.iter().all(|id| held.contains(*id)), "{place}: {again:?} was sent again, and was not held");
    let numbers: Vec<i64> =
        sqlx::query_scalar("SELECT sequence FROM delivery ORDER BY sequence").fetch_all(&mut conn).await.unwrap();
    assert_eq!(numbers, (1..=deliveries).collect::<Vec<_>>(), "{place}: the sequence has a gap");
    conn.close().await.unwrap();
    assert!(other.stop().await.success());
    format!(
        "{place}: {} events, {deliveries} deliveries, {} held at the kill, {} of them sent again after their lease",
        logged.len(),
        held.len(),
        again.len()
    )
}

/// A test for each place to die at, and the pass at which.
macro_rules! a_kill_at {
    ($($name:ident $place:literal;)*) => {
        mod p7_a_kill_between_any_two_steps_of_a_delivery_loses_nothing {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    println!("{}", super::dies_at($place).await);
                }
            )*
        }
    };
}

a_kill_at! {
    dispatch_read "dispatch.read:2";
    dispatch_written "dispatch.written:2";
    dispatch_submitted "dispatch.submitted:2";
    deliver_taken "deliver.taken:9";
    deliver_sent "deliver.sent:9";
    deliver_told "deliver.told:9";
    finish_collected "finish.collected:3";
    finish_written "finish.written:3";
    finish_noted "finish.noted:3";
    claim_claimed_at_once "claim.claimed:1";
    claim_claimed_later "claim.claimed:3";
    claim_submitted "claim.submitted:2";
    claim_settled "claim.settled:2";
}
