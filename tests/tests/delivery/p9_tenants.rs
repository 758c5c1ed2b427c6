//! P9 between tenants: webhooks of one workspace that hang keep nothing from those of another, however many they are.

use std::time::Duration;

use inlet_tests::{SeededWorkspace, Sink, TestServer, database, operation::Operation, spawn};
use serde_json::json;
use tokio::{net::TcpListener, time::timeout};

/// Webhooks that hang.
const HANGING: usize = 60;

/// What happens in their workspace: with this many events each they would take every socket there is.
const EVENTS: usize = 12;

/// Webhooks of another workspace.
const WELL: usize = 120;

/// Less than a webhook that hangs may hold a socket.
const PATIENCE: Duration = Duration::from_secs(25);

/// Takes requests and never answers.
async fn hangs() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((socket, _)) = listener.accept().await {
            held.push(socket);
        }
    });
    url
}

async fn register(party: &SeededWorkspace, url: &str) {
    let query = "mutation ($u: String!, $k: String!) { registerWebhook(input: {name: \"receiver\", url: $u, \
                 eventTypes: [\"message.created\"], timeoutSeconds: 30, idempotencyKey: $k}) { webhook { id } } }";
    let variables = json!({"u": url, "k": database::unique()});
    let answer = party.ask(&Operation { query: query.to_owned(), variables }).await;
    assert!(answer["errors"].is_null(), "{answer}");
}

/// How many deliveries there are.
async fn deliveries(server: &TestServer) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM delivery").fetch_one(&server.database).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn p9_webhooks_that_hang_delay_no_other_workspace() {
    let server = spawn().await;
    let (one, other) = (SeededWorkspace::of(&server).await, SeededWorkspace::of(&server).await);
    let silent = hangs().await;
    for _ in 0..HANGING {
        register(&one, &silent).await;
    }
    let sink = Sink::start().await;
    for _ in 0..WELL {
        register(&other, sink.url()).await;
    }
    for _ in 0..EVENTS {
        one.hear_marked().await;
    }
    while deliveries(&server).await < i64::try_from(HANGING * EVENTS).unwrap() {
        tokio::task::yield_now().await;
    }
    other.hear_marked().await;
    let got = timeout(PATIENCE, sink.wait(|got| got.len() == WELL)).await;
    let got = got.expect("the other workspace's webhooks have their event while those of the first hang");
    assert!(got.iter().all(|one| one.header("inlet-attempt") == "1"));
    server.stop().await;
}
