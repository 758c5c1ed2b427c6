//! Following the log over a WebSocket: nothing missed, nothing twice, and told when it cannot be so (P8).

use inlet_tests::{LiveClient, TestServer, spawn};
use serde_json::json;
use sqlx::PgPool;

/// Writes `count` entries straight into the log, as another process would, and tells no one.
async fn append(server: &TestServer, count: i64) {
    sqlx::query(
        "INSERT INTO event (workspace_id, id, seq, type, occurred_at, actor_kind, payload) \
         SELECT w.id, gen_random_uuid(), h.head + n, 'contact.updated', now(), 'provider', '{}' \
         FROM workspace w, generate_series(1, $1) n, \
           LATERAL (SELECT coalesce(max(seq), 0) AS head FROM event WHERE workspace_id = w.id) h",
    )
    .bind(count)
    .execute(&server.database)
    .await
    .unwrap();
}

async fn notify(database: &PgPool) {
    sqlx::query(
        "SELECT pg_notify('inlet_log', concat_ws(':', w.id, e.seq, coalesce(s.epoch, 1), e.id)) \
         FROM workspace w LEFT JOIN log_state s ON s.workspace_id = w.id JOIN LATERAL ( \
           SELECT seq, id FROM event WHERE workspace_id = w.id ORDER BY seq DESC LIMIT 1) e ON true",
    )
    .execute(database)
    .await
    .unwrap();
}

fn seq(cursor: &serde_json::Value) -> i64 {
    cursor.as_str().unwrap().split_once('-').unwrap().1.parse().unwrap()
}

const FOLLOW: &str =
    "subscription { events(after: \"1-0\") { ... on Event { cursor } ... on Reset { reason cursor } } }";

#[tokio::test]
async fn p8_catching_up_joins_the_live_tail_without_gap_or_repeat() {
    let server = spawn().await;
    append(&server, 1_700).await;
    let mut socket = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    socket.subscribe("1", FOLLOW).await;
    let mut next = 1;
    for target in [900, 1_700, 1_900, 2_000] {
        while next <= target {
            assert_eq!(seq(&socket.data("1").await["events"]["cursor"]), next);
            next += 1;
            // While it reads what was, more comes.
            if next == 1_000 {
                append(&server, 300).await;
                notify(&server.database).await;
            }
        }
    }
    append(&server, 1).await;
    notify(&server.database).await;
    assert_eq!(seq(&socket.data("1").await["events"]["cursor"]), 2_001);
    server.stop().await;
}

#[tokio::test]
async fn p8_a_lost_cursor_is_reset_with_its_reason_and_goes_on() {
    let server = spawn().await;
    append(&server, 20).await;
    sqlx::query("UPDATE log_state SET floor = 10").execute(&server.database).await.unwrap();
    sqlx::query("DELETE FROM event WHERE seq <= 10").execute(&server.database).await.unwrap();
    let mut socket = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    for (id, after, reason) in [("a", "1-9", "TRIMMED"), ("b", "1-21", "FOREIGN"), ("c", "2-15", "FOREIGN")] {
        socket.subscribe(id, &FOLLOW.replace("1-0", after)).await;
        assert_eq!(socket.data(id).await["events"], json!({"reason": reason, "cursor": "1-20"}));
        socket.send(&json!({"id": id, "type": "complete"})).await;
    }
    socket.subscribe("d", &FOLLOW.replace("1-0", "1-9")).await;
    assert_eq!(socket.data("d").await["events"]["reason"], "TRIMMED");
    append(&server, 1).await;
    notify(&server.database).await;
    assert_eq!(socket.data("d").await["events"]["cursor"], "1-21", "it goes on from the Reset's cursor");
    let pulled = server.graphql_raw("{ events(after: \"1-9\") { nodes { id } } }", json!({})).await;
    assert_eq!(pulled["errors"][0]["extensions"]["code"], "CURSOR_LOST");
    let last = server.graphql("{ events(last: 2) { edges { cursor } pageInfo { hasPreviousPage } } }", json!({})).await;
    assert_eq!(last["events"]["edges"], json!([{"cursor": "1-20"}, {"cursor": "1-21"}]));
    server.stop().await;
}

#[tokio::test]
async fn p13_a_stopping_server_sends_its_sockets_elsewhere() {
    let server = spawn().await;
    let mut socket = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    socket.subscribe("1", "subscription { events { __typename } }").await;
    let (closed, ()) = tokio::join!(socket.next(), server.stop());
    assert_eq!(closed.closed(), 1012);
}

#[tokio::test]
async fn p10_a_socket_without_a_credential_is_closed() {
    let server = spawn().await;
    for payload in [json!({}), json!({"authorization": "Bearer ik_unknown"}), json!({"authorization": "Basic x"})] {
        let mut socket = LiveClient::open(&server.graphql_url).await;
        socket.send(&json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(socket.next().await.closed(), 4403);
    }
    let mut early = LiveClient::open(&server.graphql_url).await;
    early.subscribe("1", "{ head }").await;
    assert_eq!(early.next().await.closed(), 4401);
    server.stop().await;
}

#[tokio::test]
async fn a_socket_runs_queries_and_tells_errors_of_requests_apart() {
    let server = spawn().await;
    let mut socket = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    socket.subscribe("q", "{ head }").await;
    assert_eq!(socket.data("q").await, json!({"head": "1-0"}));
    assert_eq!(socket.next().await.message(), json!({"id": "q", "type": "complete"}));
    for (query, code) in [
        ("{ nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("subscription { events(after: \"x\") { __typename } }", "BAD_USER_INPUT"),
    ] {
        socket.subscribe("e", query).await;
        let message = socket.next().await.message();
        assert_eq!(message["type"], "error", "{message}");
        assert_eq!(message["payload"][0]["extensions"]["code"], code, "{message}");
    }
    socket.subscribe("q", "{ head }").await;
    assert_eq!(socket.data("q").await, json!({"head": "1-0"}), "an id is free again");
    server.stop().await;
}
