//! Checkpoints: when they come, and what they count.

use std::time::Duration;

use futures::StreamExt;
use inlet_api::{ApiConfig, LiveConfig};
use inlet_domain::model::right::Role;
use inlet_tests::{
    LiveClient, Options, SeededWorkspace, TestServer,
    log::{Written, append, notify},
    spawn_with,
};
use serde_json::{Value, json};

const NEVER: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(1);
const FOLLOW: &str = "subscription Q($after: Cursor) { events(after: $after, checkpoints: true) { ... on Event { cursor } \
                      ... on Checkpoint { cursor caughtUp counts { total unassigned mine unread byStatus { status count } } } \
                      ... on Reset { reason cursor } } }";

async fn server(gap: Duration, idle: Duration) -> TestServer {
    let live = LiveConfig { checkpoint_gap: gap, checkpoint_idle: idle, too_far_behind: 10, ..LiveConfig::default() };
    let api = ApiConfig { live, ..ApiConfig::default() };
    spawn_with(Options { api, ..Options::default() }).await
}

async fn follow(server: &TestServer, token: &str, after: Value) -> LiveClient {
    let mut socket = LiveClient::connect(&server.graphql_url, token).await;
    let payload = json!({"query": FOLLOW, "variables": {"after": after}});
    socket.send(&json!({"id": "1", "type": "subscribe", "payload": payload})).await;
    socket
}

async fn next(socket: &mut LiveClient) -> Value {
    socket.data("1").await["events"].clone()
}

#[tokio::test]
async fn p8_a_checkpoint_comes_at_once_and_not_again_before_its_time() {
    let server = server(NEVER, NEVER).await;
    let mut socket = follow(&server, &server.api_key, json!(null)).await;
    let first = next(&mut socket).await;
    assert_eq!((&first["cursor"], &first["caughtUp"]), (&json!("1-0"), &json!(true)), "{first}");
    for seq in 1..=6 {
        append(&server, Written::of("campaign.completed")).await;
        notify(&server.database).await;
        assert_eq!(next(&mut socket).await, json!({"cursor": format!("1-{seq}")}), "an event and no checkpoint");
    }
    server.stop().await;
}

#[tokio::test]
async fn p8_what_moves_and_what_rests_is_told_by_checkpoints() {
    let server = server(SOON, NEVER).await;
    let mut socket = follow(&server, &server.api_key, json!(null)).await;
    assert_eq!(next(&mut socket).await["caughtUp"], true);
    for seq in 1..=3 {
        append(&server, Written::of("campaign.completed")).await;
        notify(&server.database).await;
        let cursor = json!(format!("1-{seq}"));
        assert_eq!(next(&mut socket).await, json!({"cursor": cursor}));
        let checkpoint = next(&mut socket).await;
        assert_eq!((&checkpoint["cursor"], &checkpoint["caughtUp"]), (&cursor, &json!(true)));
    }
    server.stop().await;
    let server = self::server(SOON, SOON).await;
    let mut socket = follow(&server, &server.api_key, json!(null)).await;
    let first = next(&mut socket).await;
    for _ in 0..3 {
        assert_eq!(next(&mut socket).await, first, "it comes though nothing moves");
    }
    server.stop().await;
}

#[tokio::test]
async fn p8_who_is_too_far_behind_is_reset_and_then_caught_up() {
    let server = server(NEVER, NEVER).await;
    for _ in 0..20 {
        append(&server, Written::of("campaign.completed")).await;
    }
    let mut socket = follow(&server, &server.api_key, json!("1-9")).await;
    assert_eq!(next(&mut socket).await, json!({"reason": "TOO_FAR_BEHIND", "cursor": "1-20"}));
    let checkpoint = next(&mut socket).await;
    assert_eq!((&checkpoint["cursor"], &checkpoint["caughtUp"]), (&json!("1-20"), &json!(true)));
    let mut near = follow(&server, &server.api_key, json!("1-10")).await;
    let mut seen = Vec::new();
    while seen.len() < 10 {
        let update = next(&mut near).await;
        if update["caughtUp"].is_null() {
            seen.push(update["cursor"].clone());
        }
    }
    assert_eq!(seen, (11..=20).map(|seq| json!(format!("1-{seq}"))).collect::<Vec<_>>());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_the_lists_numbers() {
    let server = server(SOON, NEVER).await;
    let party = SeededWorkspace::of(&server).await;
    for _ in 0..4 {
        party.hear_marked().await;
    }
    let agent = party.member(Role::Agent, false).await;
    let member = party.newest("member").await;
    for sql in [
        "UPDATE conversation SET assignee_id = $2, status = 'open' WHERE workspace_id = $1 AND id IN \
         (SELECT id FROM conversation WHERE workspace_id = $1 ORDER BY id LIMIT 2)",
        "UPDATE conversation SET status = 'closed' WHERE workspace_id = $1 AND assignee_id = $2 AND id = \
         (SELECT id FROM conversation WHERE workspace_id = $1 ORDER BY id LIMIT 1)",
        "INSERT INTO conversation_read SELECT workspace_id, id, $2, inbound_count, now() FROM conversation \
         WHERE workspace_id = $1 AND assignee_id IS NULL ORDER BY id LIMIT 1",
    ] {
        sqlx::query(sql).bind(party.workspace).bind(member).execute(&server.database).await.unwrap();
    }
    let by_status = json!([{"status": "IN_QUEUE", "count": 2}, {"status": "OPEN", "count": 1}]);
    let expected = |mine: Value, unread: i32| json!({"total": 3, "unassigned": 2, "mine": mine, "unread": unread, "byStatus": by_status});
    let query = "{ inboxCounts { total unassigned mine unread byStatus { status count } } }";
    for (token, counts) in [(&agent, expected(json!(1), 2)), (&party.key, expected(json!(null), 3))] {
        let operation = inlet_tests::operation::Operation { query: query.into(), variables: json!({}) };
        assert_eq!(party.send(token, &operation).await["data"]["inboxCounts"], counts);
        let mut socket = follow(&server, token, json!(null)).await;
        assert_eq!(next(&mut socket).await["counts"], counts);
    }
    server.stop().await;
}

#[tokio::test]
async fn an_event_stream_is_told_the_same() {
    let server = server(SOON, NEVER).await;
    let query = "subscription { events(filter: {types: [\"campaign.*\"]}, checkpoints: true) { __typename \
                 ... on Event { type } ... on Checkpoint { caughtUp } } }";
    let request = server.client.post(&server.graphql_url).bearer_auth(&server.api_key);
    let request = request.header("accept", "text/event-stream").json(&json!({"query": query}));
    let mut body = request.send().await.unwrap().bytes_stream();
    let mut text = String::new();
    let mut sent = false;
    let event = "{\"data\":{\"events\":{\"__typename\":\"Event\",\"type\":\"campaign.completed\"}}}";
    while !text.contains(event) {
        text.push_str(std::str::from_utf8(&body.next().await.unwrap().unwrap()).unwrap());
        if !sent && text.contains("{\"__typename\":\"Checkpoint\",\"caughtUp\":true}") {
            append(&server, Written::of("balance.low")).await;
            append(&server, Written::of("campaign.completed")).await;
            notify(&server.database).await;
            sent = true;
        }
    }
    assert!(!text.contains("balance.low") && text.contains("event: next\ndata: {\"data\":"), "{text}");
    drop(body);
    server.stop().await;
}

#[tokio::test]
async fn p8_c3_a_follower_is_told_heavy_events_in_order_behind_and_live() {
    let live = LiveConfig { checkpoint_gap: NEVER, checkpoint_idle: NEVER, ..LiveConfig::default() };
    let api = ApiConfig { live, ..ApiConfig::default() };
    let server = spawn_with(Options { api, ..Options::default() }).await;
    // Twelve of them weigh 8.4 MB: more than twice what one page of the log holds.
    let heavy = || Written { payload: json!({"text": "x".repeat(700_000)}), ..Written::of("campaign.completed") };
    for _ in 0..12 {
        append(&server, heavy()).await;
    }
    let mut socket = follow(&server, &server.api_key, json!("1-0")).await;
    let mut told = Vec::new();
    while told.len() < 24 {
        let update = next(&mut socket).await;
        if update["caughtUp"].is_null() {
            told.push(update["cursor"].clone());
        }
        if told.len() == 12 && update["caughtUp"].is_null() {
            for _ in 0..12 {
                append(&server, heavy()).await;
            }
            notify(&server.database).await;
        }
    }
    assert_eq!(told, (1..=24).map(|seq| json!(format!("1-{seq}"))).collect::<Vec<_>>());
    server.stop().await;
}

#[tokio::test]
async fn p8_c1_an_update_that_is_too_long_ends_the_stream_and_is_not_passed_over() {
    let live = LiveConfig { checkpoint_gap: NEVER, checkpoint_idle: NEVER, ..LiveConfig::default() };
    let api = ApiConfig { live, max_answer: 100_000, ..ApiConfig::default() };
    let server = spawn_with(Options { api, ..Options::default() }).await;
    for length in [10, 200_000, 10] {
        let payload = json!({"text": "x".repeat(length)});
        append(&server, Written { payload, ..Written::of("campaign.completed") }).await;
    }
    let mut socket = follow(&server, &server.api_key, json!("1-0")).await;
    let mut light = Vec::new();
    while light.len() < 3 {
        let update = next(&mut socket).await;
        if update["caughtUp"].is_null() {
            light.push(update["cursor"].clone());
        }
    }
    assert_eq!(light, [json!("1-1"), json!("1-2"), json!("1-3")], "without the payload all of them are told");
    let query = "subscription { events(after: \"1-0\") { ... on Event { cursor payload } } }";
    let mut socket = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    socket.subscribe("heavy", query).await;
    assert_eq!(socket.data("heavy").await["events"]["cursor"], "1-1");
    let end = socket.next().await.message();
    assert_eq!(end["type"], "error", "{end}");
    assert_eq!(end["payload"][0]["extensions"]["code"], "LIMIT_EXCEEDED", "{end}");
    server.stop().await;
}
