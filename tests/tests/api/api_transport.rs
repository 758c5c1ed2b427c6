//! What the transport holds to over HTTP, WebSocket and event stream alike: time, connections, places, origins,
//! introspection.

use std::time::Duration;

use futures::StreamExt;
use inlet_api::{ApiConfig, Introspection};
use inlet_tests::{LiveClient, Options, TestServer, spawn_with};
use reqwest::Response;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::time::timeout;
use tokio_tungstenite::{
    connect_async,
    tungstenite::{client::IntoClientRequest, http::HeaderValue},
};

/// How long something may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A query whose statement sleeps, once [`slow`] was called.
const SLOW: &str = "{ providerAccounts { nodes { id } } }";

async fn serving(change: impl FnOnce(&mut ApiConfig)) -> TestServer {
    let mut api = ApiConfig { operation: Duration::from_secs(3_600), ..ApiConfig::default() };
    change(&mut api);
    spawn_with(Options { api, ..Options::default() }).await
}

/// From now on who reads provider accounts waits for an hour.
async fn slow(server: &TestServer) {
    for statement in [
        "ALTER TABLE provider_account RENAME TO provider_account_kept",
        "CREATE VIEW provider_account AS SELECT * FROM provider_account_kept WHERE pg_sleep(3600)::text IS NOT NULL",
    ] {
        sqlx::query(statement).execute(&server.database).await.unwrap();
    }
}

/// How many statements sleep in the server's database.
async fn sleeping(database: &PgPool) -> i64 {
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    sqlx::query_scalar(count).fetch_one(database).await.unwrap()
}

async fn until_sleeping(server: &TestServer, wanted: i64) {
    let reached = async {
        while sleeping(&server.database).await != wanted {
            tokio::task::yield_now().await;
        }
    };
    assert!(timeout(PATIENCE, reached).await.is_ok(), "{} statements sleep", sleeping(&server.database).await);
}

fn request(server: &TestServer, accept: &str, query: &str) -> reqwest::RequestBuilder {
    let request = server.client.post(&server.graphql_url).bearer_auth(&server.api_key).header("accept", accept);
    request.json(&json!({"query": query}))
}

/// The data of each event of a stream that ends.
async fn events(answer: Response) -> Vec<(String, String)> {
    let text = answer.text().await.unwrap();
    let event = |block: &str| {
        let line = |name: &str| block.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()));
        Some((line("event:")?, line("data:")?))
    };
    text.split("\n\n").filter_map(event).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_an_operation_that_takes_too_long_is_given_up_in_the_database_too() {
    let server = serving(|api| api.operation = Duration::from_secs(1)).await;
    slow(&server).await;
    let code = |answer: &Value| answer["errors"][0]["extensions"]["code"].clone();
    let answer = request(&server, "application/json", SLOW).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!((code(&answer), answer.get("data")), (json!("TIMEOUT"), None));
    let answer = request(&server, "application/graphql-response+json", SLOW).send().await.unwrap();
    assert_eq!(answer.status(), 504);
    let streamed = events(request(&server, "text/event-stream", SLOW).send().await.unwrap()).await;
    assert_eq!(code(&serde_json::from_str(&streamed[0].1).unwrap()), "TIMEOUT");
    let mut socket = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    socket.subscribe("1", SLOW).await;
    let message = socket.next().await.message();
    assert_eq!((&message["type"], &message["payload"][0]["extensions"]["code"]), (&json!("error"), &json!("TIMEOUT")));
    until_sleeping(&server, 0).await;
    assert_eq!(server.graphql("{ head }", json!({})).await["head"], "1-0", "the pool is whole");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_what_a_client_that_went_away_had_asked_ends_in_the_database() {
    // Over plain HTTP a client may close its half and still wait for the answer, so there the deadline alone ends it.
    let server = serving(|api| api.socket.heartbeat = Duration::from_millis(50)).await;
    slow(&server).await;
    let stream = request(&server, "text/event-stream", SLOW).send().await.unwrap();
    until_sleeping(&server, 1).await;
    drop(stream);
    until_sleeping(&server, 0).await;
    server.stop().await;
    // With a heartbeat that leaves a client time to answer.
    let server = serving(|_| ()).await;
    slow(&server).await;
    let mut socket = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    socket.subscribe("1", SLOW).await;
    until_sleeping(&server, 1).await;
    socket.send(&json!({"id": "1", "type": "complete"})).await;
    until_sleeping(&server, 0).await;
    socket.subscribe("1", SLOW).await;
    until_sleeping(&server, 1).await;
    drop(socket);
    until_sleeping(&server, 0).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_one_operation_takes_few_of_the_connections() {
    let server = serving(|api| api.operation = Duration::from_secs(10)).await;
    slow(&server).await;
    let many: String = (0..40).map(|n| format!("a{n}: providerAccounts {{ nodes {{ id }} }} ")).collect();
    let waiting = tokio::spawn(request(&server, "application/json", &format!("{{ {many} }}")).send());
    // The server has eight connections for reads. A workspace has four of them, and an operation two.
    until_sleeping(&server, 2).await;
    let other = server.graphql("{ head channels { nodes { id } } contacts { nodes { id } } }", json!({})).await;
    assert_eq!(other["head"], "1-0", "another has connections left");
    assert_eq!(sleeping(&server.database).await, 2);
    waiting.abort();
    until_sleeping(&server, 0).await;
    server.stop().await;
}

#[tokio::test]
async fn p11_the_limits_hold_over_every_transport() {
    let server = serving(|_| ()).await;
    let aliases: String = (0..101).map(|n| format!("a{n}: __typename ")).collect();
    let deep = format!("{{ contacts {{ nodes {{ {}id{} }} }} }}", "mergedInto { ".repeat(20), " }".repeat(20));
    let mut socket = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    for query in [format!("{{ {aliases} }}"), deep] {
        let streamed = events(request(&server, "text/event-stream", &query).send().await.unwrap()).await;
        let names: Vec<_> = streamed.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["next", "complete"]);
        let answer: Value = serde_json::from_str(&streamed[0].1).unwrap();
        assert_eq!(answer["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED", "{answer}");
        socket.subscribe("1", &query).await;
        let message = socket.next().await.message();
        assert_eq!(message["payload"][0]["extensions"]["code"], "LIMIT_EXCEEDED", "{message}");
    }
    let long = format!("{{ head }} # {}", "x".repeat(1 << 20));
    assert_eq!(request(&server, "text/event-stream", &long).send().await.unwrap().status(), 413);
    let published = server.graphql("{ __type(name: \"Query\") { description } }", json!({})).await;
    let published = published["__type"]["description"].as_str().unwrap().replace('\n', " ");
    for limit in ["16 levels", "200,000", "100 aliases", "10,000 fields", "64 KiB", "100 items", "1 MiB"] {
        assert!(published.contains(limit), "{limit} is not in: {published}");
    }
    server.stop().await;
}

#[tokio::test]
async fn p11_sockets_and_streams_are_bounded_for_each_credential() {
    let server = serving(|api| {
        (api.max_live, api.max_live_each) = (3, 2);
        // That no one reads a stream any more shows when it is next written to.
        api.socket.heartbeat = Duration::from_secs(1);
    })
    .await;
    let follow = "subscription { events { __typename } }";
    let mut socket = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    let stream = request(&server, "text/event-stream", follow).send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let refused = request(&server, "text/event-stream", follow).send().await.unwrap();
    assert!(refused.status() == 503 && refused.headers().contains_key("retry-after"));
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(refused["errors"][0]["extensions"]["code"], "OVERLOADED");
    let mut third = LiveClient::open(&server.graphql_url).await;
    let payload = json!({"authorization": format!("Bearer {}", server.api_key)});
    third.send(&json!({"type": "connection_init", "payload": payload})).await;
    assert_eq!(third.next().await.closed(), 1013);
    socket.subscribe("1", "{ head }").await;
    assert_eq!(socket.data("1").await["head"], "1-0", "those who have a place are served");
    // A place is free again when its stream has gone.
    drop(stream);
    let reached =
        async { while request(&server, "text/event-stream", follow).send().await.unwrap().status() != 200 {} };
    timeout(PATIENCE, reached).await.unwrap();
    server.stop().await;
}

fn upgrade(server: &TestServer, origin: Option<&str>) -> tokio_tungstenite::tungstenite::handshake::client::Request {
    let mut request = server.graphql_url.replacen("http", "ws", 1).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("graphql-transport-ws"));
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", HeaderValue::from_str(origin).unwrap());
    }
    request
}

#[tokio::test]
async fn only_listed_pages_of_other_origins_may_call() {
    let server = serving(|api| api.allowed_origins = vec!["https://desk.example".to_owned()]).await;
    for (origin, may) in
        [("https://desk.example", true), (&server.url, true), ("https://evil.example", false), ("null", false)]
    {
        for accept in ["application/json", "text/event-stream"] {
            let answer = request(&server, accept, "{ head }").header("origin", origin).send().await.unwrap();
            assert_eq!(answer.status(), if may { 200 } else { 403 }, "{origin}");
            let told = answer.headers().get("access-control-allow-origin").map(|value| value.to_str().unwrap());
            assert_eq!(told, (origin == "https://desk.example").then_some(origin));
            assert!(answer.headers().get("access-control-allow-credentials").is_none());
        }
        let get = server.client.get(format!("{}?query={{head}}", server.graphql_url)).header("origin", origin);
        assert_eq!(get.send().await.unwrap().status(), if may { 200 } else { 403 });
        assert_eq!(connect_async(upgrade(&server, Some(origin))).await.is_ok(), may, "{origin}");
        let ask = server.client.request(reqwest::Method::OPTIONS, &server.graphql_url).header("origin", origin);
        let told = ask.header("access-control-request-method", "POST").send().await.unwrap();
        let allowed = told.headers().contains_key("access-control-allow-headers");
        assert_eq!(allowed, origin == "https://desk.example", "{origin}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_form_of_another_site_changes_nothing() {
    let server = serving(|_| ()).await;
    let body = json!({"query": "mutation { logout { deletedSessionId } }"}).to_string();
    for simple in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""] {
        let post = server.client.post(&server.graphql_url).bearer_auth(&server.api_key).body(body.clone());
        let post = if simple.is_empty() { post } else { post.header("content-type", simple) };
        assert_eq!(post.send().await.unwrap().status(), 415, "{simple}");
    }
    for accept in ["application/json", "text/event-stream"] {
        let query = "mutation%20%7B%20logout%20%7B%20deletedSessionId%20%7D%20%7D";
        let get = server.client.get(format!("{}?query={query}", server.graphql_url)).header("accept", accept);
        assert_eq!(get.bearer_auth(&server.api_key).send().await.unwrap().status(), 405);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_closed_schema_tells_nothing_over_any_transport() {
    let server = serving(|api| api.introspection = Introspection::Off).await;
    let mut socket = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    for query in [
        "{ __schema { types { name } } }",
        "{ ...F } fragment F on Query { __type(name: \"InboundEvent\") { name } }",
        "{ heade }",
    ] {
        let plain = server.graphql_raw(query, json!({})).await;
        let streamed = events(request(&server, "text/event-stream", query).send().await.unwrap()).await;
        socket.subscribe("1", query).await;
        let message = socket.next().await.message();
        assert_eq!(plain["errors"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED", "{query}: {plain}");
        for told in [plain.to_string(), streamed[0].1.clone(), message.to_string()] {
            assert!(told.contains("errors") || told.contains("\"error\""), "{query}: {told}");
            assert!(
                !told.contains("Did you mean") && !told.contains("\"head\"") && !told.contains("InboundEvent"),
                "{told}"
            );
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn b2_the_schema_is_for_whoever_has_a_credential() {
    let schema = json!({"query": "{ __schema { queryType { name } } }"});
    for (who, told) in [(Introspection::Members, false), (Introspection::Public, true)] {
        let server = serving(|api| api.introspection = who).await;
        let known = server.graphql_raw("{ __schema { queryType { name } } }", json!({})).await;
        assert_eq!(known["data"]["__schema"]["queryType"]["name"], "Query", "{known}");
        let stranger = server.client.post(&server.graphql_url).json(&schema).send().await.unwrap();
        let stranger: Value = stranger.json().await.unwrap();
        assert_eq!(stranger["data"]["__schema"]["queryType"]["name"] == "Query", told, "{stranger}");
        if !told {
            assert_eq!(stranger["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{stranger}");
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn a_quiet_stream_has_a_heartbeat() {
    let server = serving(|api| api.socket.heartbeat = Duration::from_millis(50)).await;
    let answer = request(&server, "text/event-stream", "subscription { events { __typename } }").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(answer.headers()["x-accel-buffering"], "no");
    assert!(answer.headers().contains_key("x-request-id"));
    let mut body = answer.bytes_stream();
    let mut heard = 0;
    while heard < 3 {
        let chunk = timeout(PATIENCE, body.next()).await.unwrap().unwrap().unwrap();
        heard += chunk.split(|byte| *byte == b'\n').filter(|line| *line == b":").count();
    }
    server.stop().await;
}
