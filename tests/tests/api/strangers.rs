//! Before anyone has told who they are, nothing costs; and what they are sent afterwards is bounded.

use inlet_api::ApiConfig;
use inlet_tests::{LiveClient, Options, TestServer, spawn_with};
use serde_json::{Value, json};

async fn serving(change: impl FnOnce(&mut ApiConfig)) -> TestServer {
    let mut api = ApiConfig::default();
    change(&mut api);
    spawn_with(Options { api, ..Options::default() }).await
}

/// Status and code of the answer to a body under a token, or without one.
async fn post(server: &TestServer, token: Option<&str>, body: &Value) -> (u16, String) {
    let request = server.client.post(&server.graphql_url).json(body);
    let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let answer: Value = answer.json().await.unwrap();
    let code = answer["errors"][0]["extensions"]["code"].as_str().or(answer["error"]["code"].as_str());
    (status, code.unwrap_or("none").to_owned())
}

#[tokio::test]
async fn b1_a_body_is_read_for_whoever_has_a_credential() {
    let server = serving(|_| ()).await;
    let (key, unknown) = (server.api_key.as_str(), "ik_nobody");
    let of = |variables: Value| json!({"query": "{ __typename }", "variables": {"v": variables}});
    let long = of("x".repeat(100_000).into());
    assert_eq!(post(&server, Some(key), &long).await, (200, "none".into()));
    assert_eq!(post(&server, Some(unknown), &long).await, (401, "UNAUTHENTICATED".into()));
    assert_eq!(post(&server, None, &long).await, (413, "PAYLOAD_TOO_LARGE".into()));
    assert_eq!(post(&server, None, &of("x".into())).await, (200, "none".into()));

    assert_eq!(post(&server, Some(key), &of(vec![0; 10_000].into())).await, (200, "none".into()));
    assert_eq!(post(&server, Some(key), &of(vec![0; 30_000].into())).await, (400, "LIMIT_EXCEEDED".into()));
    assert_eq!(post(&server, Some(key), &of(",".repeat(30_000).into())).await, (200, "none".into()), "it is a text");
    server.stop().await;
}

#[tokio::test]
async fn b1_a_socket_takes_long_messages_of_whoever_has_a_credential() {
    let server = serving(|_| ()).await;
    let ping = json!({"type": "ping", "payload": {"text": "x".repeat(100_000)}});
    let mut known = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    for _ in 0..3 {
        known.send(&ping).await;
        assert_eq!(known.next().await.message()["type"], "pong");
    }
    let mut stranger = LiveClient::open(&server.graphql_url).await;
    stranger.send(&ping).await;
    assert_eq!(stranger.next().await.closed(), 1009);
    server.stop().await;
}

#[tokio::test]
async fn b3_who_waits_at_the_door_takes_no_place() {
    let server = serving(|api| api.max_live = 2).await;
    let mut crowd = Vec::new();
    for _ in 0..10 {
        crowd.push(LiveClient::open(&server.graphql_url).await);
    }
    let mut first = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    let _second = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    let mut third = LiveClient::open(&server.graphql_url).await;
    let payload = json!({"authorization": format!("Bearer {}", server.api_key)});
    third.send(&json!({"type": "connection_init", "payload": payload})).await;
    assert_eq!(third.next().await.closed(), 1013, "all places are taken");
    first.send(&json!({"type": "ping"})).await;
    assert_eq!(first.next().await.message()["type"], "pong");
    server.stop().await;
}

#[tokio::test]
async fn c1_an_answer_has_at_most_so_many_bytes_over_every_transport() {
    let server = serving(|api| api.max_answer = 20_000).await;
    let types = "{ __schema { types { name description fields { name description } } } }";
    let short = json!({"query": "{ eventTypes }"});
    assert_eq!(post(&server, Some(&server.api_key), &short).await, (200, "none".into()));
    let too_long = json!({"query": types});
    assert_eq!(post(&server, Some(&server.api_key), &too_long).await, (200, "LIMIT_EXCEEDED".into()));
    let mut socket = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    socket.subscribe("1", types).await;
    let message = socket.next().await.message();
    assert_eq!(message["type"], "error");
    assert_eq!(message["payload"][0]["extensions"]["code"], "LIMIT_EXCEEDED", "{message}");
    let streamed = server.client.post(&server.graphql_url).bearer_auth(&server.api_key);
    let streamed = streamed.header("accept", "text/event-stream").json(&too_long).send().await.unwrap();
    assert!(streamed.text().await.unwrap().contains("LIMIT_EXCEEDED"));
    server.stop().await;
}
