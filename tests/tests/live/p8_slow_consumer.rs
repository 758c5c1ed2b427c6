//! P8: who does not read is told so and cut off. Nothing is dropped in silence, nobody else waits, and it goes on from its
//! last cursor.

use std::time::Duration;

use inlet_api::ApiConfig;
use inlet_tests::{
    Frame, LiveClient, Options, TestServer,
    log::{Written, append, notify},
    spawn_with,
};
use serde_json::{Value, json};

/// Far more bytes than the sockets of both sides and the server's buffer hold.
const ENTRIES: i64 = 120;
const TEXT: usize = 40_000;

/// An update of some 400 kB.
const FOLLOW: &str = "subscription Q($after: Cursor) { events(after: $after) { __typename ... on Event { cursor \
                      a: payload b: payload c: payload d: payload e: payload f: payload g: payload h: payload \
                      i: payload j: payload } } }";

async fn follow(socket: &mut LiveClient, after: &str) {
    let payload = json!({"query": FOLLOW, "variables": {"after": after}});
    socket.send(&json!({"id": "1", "type": "subscribe", "payload": payload})).await;
}

async fn cursor(socket: &mut LiveClient) -> String {
    socket.data("1").await["events"]["cursor"].as_str().unwrap().to_owned()
}

fn cursors(numbers: std::ops::RangeInclusive<i64>) -> Vec<String> {
    numbers.map(|seq| format!("1-{seq}")).collect()
}

/// Asks the server until it has cut someone off for being slow.
async fn cut_off(server: &TestServer) {
    let metrics = server.graphql_url.replace("/graphql", "/metrics");
    let client = reqwest::Client::new();
    loop {
        let text = client.get(&metrics).send().await.unwrap().text().await.unwrap();
        if text.lines().any(|line| line.starts_with("inlet_socket_closes_total{code=\"1013\"}")) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p8_a_slow_consumer_is_cut_off_with_1013_and_resumes_while_others_are_served() {
    let mut api = ApiConfig::default();
    api.socket.stall = Duration::from_secs(2);
    let server = spawn_with(Options { api, ..Options::default() }).await;
    let (mut quick, mut slow) = (
        LiveClient::connect(&server.graphql_url, &server.api_key).await,
        LiveClient::connect_narrow(&server.graphql_url, &server.api_key).await,
    );
    follow(&mut quick, "1-0").await;
    follow(&mut slow, "1-0").await;

    let mut came = Vec::new();
    for _ in 0..ENTRIES {
        let mut entry = Written::of("campaign.completed");
        entry.payload = json!({"text": "x".repeat(TEXT)});
        append(&server, entry).await;
        notify(&server.database).await;
        came.push(cursor(&mut quick).await);
    }
    assert_eq!(came, cursors(1..=ENTRIES), "one that reads is sent each at once, whoever does not");
    cut_off(&server).await;

    let (mut told, mut code) = (Vec::new(), 0);
    while code == 0 {
        match slow.next().await {
            Frame::Message(message) => {
                told.push(message["payload"]["data"]["events"]["cursor"].as_str().unwrap().to_owned());
            }
            Frame::Closed(with, _) => code = with,
        }
    }
    let last = i64::try_from(told.len()).unwrap();
    assert_eq!((code, &told), (1013, &cursors(1..=last)), "without a gap, up to the close");
    assert!((1..ENTRIES).contains(&last), "{last}");

    let mut again = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    follow(&mut again, told.last().unwrap()).await;
    let mut rest = Vec::new();
    for _ in last..ENTRIES {
        rest.push(cursor(&mut again).await);
    }
    assert_eq!(rest, cursors(last + 1..=ENTRIES), "the rest, once");
    again.send(&json!({"id": "2", "type": "subscribe", "payload": {"query": "{ head }"}})).await;
    assert_eq!(again.next().await.message()["payload"]["data"]["head"], Value::from(format!("1-{ENTRIES}")));
    server.stop().await;
}
