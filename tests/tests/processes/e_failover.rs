//! E: what was acknowledged is durable, whoever fails over. A durable primary with a standby that each commit waits for,
//! and the real binary.

use std::time::Duration;

use inlet_server::dev_file::DevFile;
use inlet_tests::{Process, Relay, client, fixtures, pair::Pair};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

/// Writes go through again within about 2 s; the rest is for the machine.
const AGAIN: Duration = Duration::from_secs(8);

/// What is written while the standby receives nothing.
const MESSAGE: &str = "SELECT count(*) FROM message WHERE external_id = 'e-alone'";
const LABEL: &str = "SELECT count(*) FROM label WHERE name = 'vip'";

async fn start(pair: &Pair, database_url: &str) -> Process {
    let process = Process::start_with(&pair.data_dir(), &[("DATABASE_URL", database_url)]).await;
    let mut conn = PgConnection::connect(&pair.primary_url).await.unwrap();
    for setting in ["SHOW fsync", "SHOW synchronous_commit"] {
        let value: String = sqlx::query_scalar(setting).fetch_one(&mut conn).await.unwrap();
        assert_eq!(value, "on", "{setting}");
    }
    conn.close().await.unwrap();
    process
}

/// Like a provider: again until it is taken.
async fn taken(process: &Process, id: &str) {
    let body = fixtures::message(id);
    while process.post("oneroute", &body).await.0 != 200 {}
}

async fn label(dev: &DevFile) -> Value {
    ask(dev, "mutation { createLabel(input: {name: \"vip\", idempotencyKey: \"e\"}) { label { id } } }").await
}

async fn ask(dev: &DevFile, query: &str) -> Value {
    let request = client().post(&dev.graphql_url).bearer_auth(&dev.api_key);
    request.json(&json!({"query": query})).send().await.unwrap().json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn e_what_no_standby_has_is_not_acknowledged() {
    let pair = Pair::start().await;
    let process = start(&pair, &pair.primary_url).await;
    taken(&process, "e-first").await;
    let before = process.graphql("{ head }", json!({})).await["head"].clone();
    pair.receive(false).await;

    // The commit stands on the primary alone, and who waited for it was ended: it can be read, and may be lost.
    let theirs = fixtures::message("e-alone");
    let (answer, ()) = tokio::join!(process.post("oneroute", &theirs), pair.end_who_waits(MESSAGE));
    assert_eq!(answer.0, 503, "{answer:?}");
    let (answer, ()) = tokio::join!(label(&process.dev), pair.end_who_waits(LABEL));
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAVAILABLE", "{answer}");
    // Who asks again is not told otherwise, though both can be read.
    let mut look = PgConnection::connect(&pair.primary_url).await.unwrap();
    // Nor does the log tell of what may yet be lost.
    let (head, page) =
        tokio::join!(ask(&process.dev, "{ head }"), ask(&process.dev, "{ events(last: 1) { edges { cursor } } }"));
    for (answer, told) in [(&head, &head["data"]["head"]), (&page, &page["data"]["events"]["edges"][0]["cursor"])] {
        let is_away = answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE";
        assert!(is_away || *told == before, "{answer} after {before}");
    }
    let (again, repeated) = tokio::join!(process.post("oneroute", &theirs), label(&process.dev));
    assert_eq!(again.0, 503, "{again:?}");
    assert_eq!(repeated["errors"][0]["extensions"]["code"], "UNAVAILABLE", "{repeated}");

    pair.receive(true).await;
    timeout(AGAIN, taken(&process, "e-alone")).await.expect("it is acknowledged once the standby has it");
    let repeated = async { while !label(&process.dev).await["errors"].is_null() {} };
    timeout(AGAIN, repeated).await.expect("so is the label");
    assert_eq!(sqlx::query_scalar::<_, i64>(MESSAGE).fetch_one(&mut look).await.unwrap(), 1);
    look.close().await.unwrap();
    assert!(process.stop().await.success());
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e_writes_follow_an_address_that_moves() {
    let pair = Pair::start().await;
    let relay = Relay::to(&pair.primary_url).await;
    let process = start(&pair, &relay.url(&pair.primary_url)).await;
    taken(&process, "e-first").await;
    // For a while the address leads to a standby; connections that were made meanwhile go on leading there.
    relay.lead_to(&pair.standby_url);
    relay.cut();
    relay.has_led(1).await;
    assert_eq!(process.post("oneroute", &fixtures::message("e-second")).await.0, 503);
    relay.lead_to(&pair.primary_url);
    timeout(AGAIN, taken(&process, "e-second")).await.expect("writes go through where the address leads now");
    process.graphql("{ contacts(first: 1) { nodes { id } } }", json!({})).await;
    assert!(process.stop().await.success());
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e_a_standby_that_is_promoted_is_followed_without_a_restart() {
    let mut pair = Pair::start().await;
    let process = start(&pair, &pair.url()).await;
    taken(&process, "e-first").await;
    pair.fail_over().await;
    timeout(AGAIN, taken(&process, "e-second")).await.expect("writes go to the new primary");
    let mut look = PgConnection::connect(&pair.standby_url).await.unwrap();
    let stand = "SELECT count(*) FROM message WHERE external_id IN ('e-first', 'e-second')";
    assert_eq!(sqlx::query_scalar::<_, i64>(stand).fetch_one(&mut look).await.unwrap(), 2);
    look.close().await.unwrap();
    process.graphql("{ contacts(first: 1) { nodes { id } } }", json!({})).await;
    assert!(process.stop().await.success());
    pair.stop().await;
}
