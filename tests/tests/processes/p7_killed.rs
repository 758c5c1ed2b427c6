//! P7: what a process had under way when it was killed is sent by another. The real binary, a durable Postgres, kill -9.

use std::collections::BTreeSet;

use futures::StreamExt;
use inlet_tests::{Process, Sink, fixtures, process::DataDir};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

/// More than one webhook may have under way.
const MESSAGES: usize = 150;

/// How many requests one webhook may have under way.
const UNDER_WAY: usize = 64;

const REGISTER: &str = "mutation ($url: String!) { registerWebhook(input: {name: \"receiver\", url: $url,
    eventTypes: [\"message.created\"], timeoutSeconds: 30, idempotencyKey: \"k\"}) { secret } }";

fn new_message(sample: &Value, number: usize) -> String {
    let mut body = sample.clone();
    body["message"]["externalId"] = json!(format!("p7-{number}"));
    body["message"]["content"] = json!(format!("p7-{number}"));
    body.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_what_a_killed_process_held_is_sent_by_another() {
    let folder = DataDir::new();
    let sink = Sink::start().await;
    sink.hold(true);
    let doomed = Process::start(&folder.path()).await;
    doomed.graphql(REGISTER, json!({"url": sink.url()})).await;
    let sample = serde_json::from_str(&fixtures::of("oneroute").remove(0).body).unwrap();
    let bodies: Vec<String> = (0..MESSAGES).map(|number| new_message(&sample, number)).collect();
    let posts = bodies.iter().map(|body| doomed.post("oneroute", body));
    let answers: Vec<_> = futures::stream::iter(posts).buffer_unordered(4).collect().await;
    assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
    let held = sink.wait(|all| all.len() >= UNDER_WAY).await;
    assert_eq!(held.len(), UNDER_WAY);
    let database_url = doomed.dev.database_url.clone();
    doomed.kill().await;
    sink.hold(false);

    // Its leases run out.
    let mut conn = PgConnection::connect(&database_url).await.unwrap();
    let succeeded = "SELECT count(*) FROM delivery WHERE status = 'succeeded'";
    let before: i64 = sqlx::query_scalar(succeeded).fetch_one(&mut conn).await.unwrap();
    assert_eq!(before, 0);
    let past = "UPDATE dispatch_lease SET leased_until = leased_until - interval '1 day'";
    assert!(sqlx::query(past).execute(&mut conn).await.unwrap().rows_affected() > 0, "it held nothing");

    let other = Process::start(&folder.path()).await;
    let received = sink
        .wait(|all| {
            all.iter().map(|one| one.header("webhook-id")).collect::<BTreeSet<_>>().len() == MESSAGES
                && all.len() >= MESSAGES + UNDER_WAY
        })
        .await;
    assert_eq!(received.len(), MESSAGES + UNDER_WAY, "what was answered is not sent again");
    while i64::try_from(MESSAGES).unwrap()
        != sqlx::query_scalar::<_, i64>(succeeded).fetch_one(&mut conn).await.unwrap()
    {
        tokio::task::yield_now().await;
    }
    conn.close().await.unwrap();
    assert!(other.stop().await.success());
}
