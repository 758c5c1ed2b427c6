//! D2: a database that hangs is one that is away. The real binary reaches its database through a relay that stops
//! forwarding: connections stand and new ones are accepted, and nothing comes back.

use std::time::Duration;

use futures::future::join_all;
use inlet_server::dev_file::DevFile;
use inlet_tests::{
    Process, Relay, client, fixtures,
    process::{Beside, DataDir},
};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

/// Providers give up at 3 s; the rest is for the machine.
const TOLD: Duration = Duration::from_secs(6);

/// How many post at once.
const POSTS: usize = 60;

async fn graphql(server: &Beside, dev: &DevFile, query: &str) -> Value {
    let request = client().post(format!("{}/graphql", server.url)).bearer_auth(&dev.api_key);
    request.json(&json!({"query": query})).send().await.unwrap().json().await.unwrap()
}

async fn ready(server: &Beside) -> u16 {
    client().get(format!("{}/readyz", server.url)).send().await.unwrap().status().as_u16()
}

/// All are told within their time that the database is not there.
async fn everyone_is_told(server: &Beside, dev: &DevFile, round: usize) {
    let bodies: Vec<String> = (0..POSTS).map(|number| fixtures::message(&format!("d2-{round}-{number}"))).collect();
    let posts = join_all(bodies.iter().map(|body| server.post(dev, "oneroute", body)));
    let query = graphql(server, dev, "{ contacts(first: 5) { nodes { id } } }");
    let all = async { tokio::join!(posts, query, ready(server)) };
    let (posts, answer, ready) = timeout(TOLD, all).await.expect("everyone is told in time");
    for (status, answer) in posts {
        assert_eq!((status, &answer["error"]["code"]), (503, &json!("UNAVAILABLE")), "{answer}");
    }
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAVAILABLE", "{answer}");
    assert_eq!(ready, 503);
}

async fn all_is_well(server: &Beside, dev: &DevFile, id: &str) {
    let well = async {
        let body = fixtures::message(id);
        while server.post(dev, "oneroute", &body).await.0 != 200 {}
        while ready(server).await != 200 {}
        let query = "{ contacts(first: 5) { nodes { id } } }";
        while !graphql(server, dev, query).await["errors"].is_null() {}
    };
    timeout(TOLD, well).await.expect("all is well again in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn d2_a_database_that_hangs_is_told_as_one_that_is_away() {
    let folder = DataDir::new();
    let process = Process::start(&folder.path()).await;
    let relay = Relay::to(&process.dev.database_url).await;
    let dev = DevFile { database_url: relay.url(&process.dev.database_url), ..process.dev.clone() };
    let server = Beside::start(&folder.path(), &dev).await;
    all_is_well(&server, &dev, "d2-first").await;
    let mut look = PgConnection::connect(&process.dev.database_url).await.unwrap();
    let backends = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'";
    let before: i64 = sqlx::query_scalar(backends).fetch_one(&mut look).await.unwrap();

    // What hangs comes back.
    relay.bar(true);
    let lines = server.said().lines().count();
    for round in 0..3 {
        everyone_is_told(&server, &dev, round).await;
    }
    let said = server.said();
    let told = said.lines().count() - lines;
    assert!(told < POSTS, "one line a second, not one a request: {told} lines\n{said}");
    relay.bar(false);
    all_is_well(&server, &dev, "d2-second").await;

    // What hangs never comes back: its connections are broken off.
    relay.bar(true);
    everyone_is_told(&server, &dev, 3).await;
    relay.cut();
    relay.bar(false);
    all_is_well(&server, &dev, "d2-third").await;
    let after: i64 = sqlx::query_scalar(backends).fetch_one(&mut look).await.unwrap();
    assert!(after < before + 20, "connections pile up: {after} after {before}");
    let failed = "SELECT count(*) FROM inbound_event WHERE outcome = 'failed'";
    assert_eq!(sqlx::query_scalar::<_, i64>(failed).fetch_one(&mut look).await.unwrap(), 0, "nothing is called FAILED");
    drop(server);
    assert!(process.stop().await.success());
}
