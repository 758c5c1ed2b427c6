//! A mutation under a key has its effect once, whoever asks again, and wherever.

use futures::future::join_all;
use inlet_tests::{Options, spawn};
use serde_json::json;

use super::{ask, ask_at, code, data};

#[tokio::test]
async fn p2_concurrent_repeats_over_two_processes_have_one_effect_and_one_answer() {
    let server = spawn().await;
    let other = server.beside(Options::default()).await;
    let query = "mutation($input: CreateSourceInput!) { createSource(input: $input) { source { id url } } }";
    let variables = json!({"input": {"name": "one", "provider": "OBLIC", "secret": "s", "idempotencyKey": "k"}});
    let asks = (0..16).map(|number| {
        let url = if number % 2 == 0 { &server.graphql_url } else { &other.graphql_url };
        ask_at(url, Some(&server.api_key), query, variables.clone())
    });
    let answers = join_all(asks).await;
    let ids: Vec<_> = answers.iter().map(|answer| answer["data"]["createSource"]["source"]["id"].clone()).collect();
    assert!(ids[0].is_string() && ids.iter().all(|id| *id == ids[0]), "{answers:?}");
    let made: i64 =
        sqlx::query_scalar("SELECT count(*) FROM source WHERE name = 'one'").fetch_one(&server.database).await.unwrap();
    let told: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_entry WHERE action = 'createSource'")
        .fetch_one(&server.database)
        .await
        .unwrap();
    assert_eq!((made, told), (1, 1));
    let input = json!({"input": {"name": "two", "provider": "OBLIC", "secret": "s", "idempotencyKey": "k"}});
    assert_eq!(code(&ask(&server, &server.api_key, query, input).await), "IDEMPOTENCY_KEY_REUSED");
    other.halt().await;
    server.stop().await;
}

#[tokio::test]
async fn a_repeat_of_an_update_does_not_happen_again() {
    let server = spawn().await;
    let source = data(&server, &server.api_key, "{ sources { nodes { id } } }", json!({})).await;
    let id = &source["sources"]["nodes"][0]["id"];
    let query = "mutation($input: UpdateSourceInput!) { updateSource(input: $input) { source { revision } } }";
    let keyed = json!({"input": {"id": id, "name": "a", "ifRevision": 1, "idempotencyKey": "k"}});
    for _ in 0..3 {
        let answer = data(&server, &server.api_key, query, keyed.clone()).await;
        assert_eq!(answer["updateSource"]["source"]["revision"], 2, "also though its revision has passed");
    }
    let revoke = "mutation($input: RevokeApiKeyInput!) { revokeApiKey(input: $input) { apiKey { revokedAt } } }";
    let make =
        "mutation { createApiKey(input: {name: \"k\", scopes: [READ], idempotencyKey: \"k\"}) { apiKey { id } } }";
    let key = data(&server, &server.api_key, make, json!({})).await["createApiKey"]["apiKey"]["id"].clone();
    let input = json!({"input": {"id": key, "idempotencyKey": "r"}});
    let first = data(&server, &server.api_key, revoke, input.clone()).await;
    assert_eq!(data(&server, &server.api_key, revoke, input).await, first);
    server.stop().await;
}
