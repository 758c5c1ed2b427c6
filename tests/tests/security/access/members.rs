//! Members and their roles.

use inlet_tests::{LiveClient, spawn};
use serde_json::json;

use super::{INVITE, UPDATE_MEMBER, ask, code, data, login, member};

#[tokio::test]
async fn owners_are_made_by_owners_and_one_always_stays() {
    let server = spawn().await;
    let owner = login(&server, &server.email, &server.password).await;
    let own = data(&server, &owner, "{ viewer { member { id } } }", json!({})).await["viewer"]["member"]["id"].clone();
    let (admin_id, email, password) = member(&server, &owner, "admin", "ADMIN").await;
    let admin = login(&server, &email, &password).await;
    let (agent_id, email, password) = member(&server, &owner, "agent", "AGENT").await;
    let agent = login(&server, &email, &password).await;
    let update = async |token: &str, input| ask(&server, token, UPDATE_MEMBER, json!({ "input": input })).await;

    for token in [&admin, &server.api_key] {
        let new = json!({"email": "o@example.com", "name": "o", "role": "OWNER", "idempotencyKey": "o"});
        assert_eq!(code(&ask(&server, token, INVITE, json!({ "input": new })).await), "FORBIDDEN");
        for input in [
            json!({"id": own, "role": "ADMIN"}),
            json!({"id": own, "disabled": true}),
            json!({"id": own, "name": "x"}),
            json!({"id": admin_id, "role": "OWNER"}),
        ] {
            assert_eq!(code(&update(token, input.clone()).await), "FORBIDDEN", "{input}");
        }
    }
    assert_eq!(code(&update(&agent, json!({"id": agent_id, "role": "ADMIN"})).await), "FORBIDDEN");
    for input in [json!({"id": own, "role": "ADMIN"}), json!({"id": own, "disabled": true})] {
        let answer = update(&owner, input).await;
        assert_eq!(code(&answer), "BAD_USER_INPUT", "{answer}");
    }

    // Two owners who unmake each other at once: one of them stays.
    assert_eq!(update(&owner, json!({"id": admin_id, "role": "OWNER"})).await["errors"], json!(null));
    let (one, two) = tokio::join!(
        update(&owner, json!({"id": admin_id, "role": "ADMIN"})),
        update(&admin, json!({"id": own, "role": "ADMIN"})),
    );
    assert!(one["errors"].is_null() != two["errors"].is_null(), "{one} {two}");
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM member WHERE role = 'owner' AND disabled_at IS NULL")
        .fetch_one(&server.database)
        .await
        .unwrap();
    assert_eq!(left, 1);
    server.stop().await;
}

#[tokio::test]
async fn an_update_of_what_has_changed_since_is_a_conflict_that_shows_how_it_stands() {
    let server = spawn().await;
    let owner = login(&server, &server.email, &server.password).await;
    let (id, ..) = member(&server, &owner, "agent", "AGENT").await;
    let update = async |input| ask(&server, &owner, UPDATE_MEMBER, json!({ "input": input })).await;
    let first = update(json!({"id": id, "name": "one", "ifRevision": 1})).await;
    assert_eq!(first["data"]["updateMember"]["member"]["revision"], 2, "{first}");
    let late = update(json!({"id": id, "name": "two", "ifRevision": 1})).await;
    assert_eq!((code(&late), &late["errors"][0]["path"]), ("CONFLICT", &json!(["updateMember"])), "{late}");
    assert_eq!(late["data"]["updateMember"]["member"]["name"], "one", "{late}");

    let source = data(&server, &owner, "{ sources(first: 1) { nodes { id revision } } }", json!({})).await;
    let source = source["sources"]["nodes"][0].clone();
    let query = "mutation($input: UpdateSourceInput!) { updateSource(input: $input) { source { name revision } } }";
    let input = json!({"id": source["id"], "name": "a", "ifRevision": source["revision"]});
    let first = ask(&server, &owner, query, json!({ "input": input })).await;
    assert_eq!(first["data"]["updateSource"]["source"], json!({"name": "a", "revision": 2}), "{first}");
    let late = ask(&server, &owner, query, json!({ "input": input })).await;
    assert_eq!(code(&late), "CONFLICT");
    assert_eq!(late["data"]["updateSource"]["source"], json!({"name": "a", "revision": 2}), "{late}");
    server.stop().await;
}

#[tokio::test]
async fn a_role_counts_at_once_on_an_open_socket_and_who_is_shut_out_is_cut_off() {
    let server = spawn().await;
    let owner = login(&server, &server.email, &server.password).await;
    let (id, email, password) = member(&server, &owner, "admin", "ADMIN").await;
    let token = login(&server, &email, &password).await;
    let mut socket = LiveClient::connect(&server.graphql_url, &token).await;
    let sources = "{ sources(first: 1) { nodes { id } } }";
    socket.subscribe("1", sources).await;
    assert!(socket.data("1").await["sources"].is_object());
    assert_eq!(socket.next().await.message()["type"], "complete");

    data(&server, &owner, UPDATE_MEMBER, json!({"input": {"id": id, "role": "AGENT"}})).await;
    // A new request is of the new role already; the socket hears of it without having been told.
    loop {
        socket.subscribe("2", sources).await;
        let answer = socket.next().await.message();
        assert_eq!(socket.next().await.message()["type"], "complete");
        if code(&answer["payload"]) == "FORBIDDEN" {
            break;
        }
    }
    data(&server, &owner, UPDATE_MEMBER, json!({"input": {"id": id, "disabled": true}})).await;
    assert_eq!(socket.next().await.closed(), 4401);
    let refused = ask(&server, &token, "{ head }", json!({})).await;
    assert_eq!(code(&refused), "UNAUTHENTICATED");
    server.stop().await;
}

#[tokio::test]
async fn a_key_gives_no_more_than_its_maker_has_and_ends_when_it_was_to_end() {
    let server = spawn().await;
    let create = "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { token apiKey { id
        createdBy { __typename ... on Member { role } } expiresAt lastUsedAt } } }";
    let make = async |token: &str, input| ask(&server, token, create, json!({ "input": input })).await;
    let narrow = make(&server.api_key, json!({"name": "a", "scopes": ["ADMIN"], "idempotencyKey": "1"})).await;
    let narrow = narrow["data"]["createApiKey"]["token"].as_str().unwrap().to_owned();
    let wider = make(&narrow, json!({"name": "b", "scopes": ["ADMIN", "READ"], "idempotencyKey": "2"})).await;
    assert_eq!(code(&wider), "FORBIDDEN", "{wider}");
    let past = json!({"name": "c", "scopes": ["ADMIN"], "expiresAt": "2020-01-01T00:00:00Z", "idempotencyKey": "3"});
    assert_eq!(make(&narrow, past).await["errors"][0]["extensions"]["inputPath"], json!(["input", "expiresAt"]));

    let owner = login(&server, &server.email, &server.password).await;
    let input = json!({"name": "d", "scopes": ["READ"], "expiresAt": "2999-01-01T00:00:00Z", "idempotencyKey": "4"});
    let made = make(&owner, input).await["data"]["createApiKey"].clone();
    assert_eq!(made["apiKey"]["createdBy"], json!({"__typename": "Member", "role": "OWNER"}));
    assert_eq!(made["apiKey"]["expiresAt"], "2999-01-01T00:00:00.000Z");
    assert_eq!(made["apiKey"]["lastUsedAt"], json!(null));
    let token = made["token"].as_str().unwrap();
    data(&server, token, "{ head }", json!({})).await;
    let keys = data(&server, &owner, "{ apiKeys { nodes { id lastUsedAt } } }", json!({})).await;
    let used = keys["apiKeys"]["nodes"].as_array().unwrap().iter().find(|key| key["id"] == made["apiKey"]["id"]);
    assert!(used.unwrap()["lastUsedAt"].is_string(), "{keys}");
    sqlx::query("UPDATE api_key SET expires_at = now() WHERE name = 'd'").execute(&server.database).await.unwrap();
    assert_eq!(code(&ask(&server, token, "{ head }", json!({})).await), "UNAUTHENTICATED");

    // What a key gives may change while a subscription runs under it: the subscription ends, the socket does not.
    let mut socket = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    socket.subscribe("1", "subscription { events { __typename } }").await;
    sqlx::query("UPDATE api_key SET scopes = '{admin}' WHERE name = 'demo'").execute(&server.database).await.unwrap();
    let told = "SELECT pg_notify('inlet_credentials', id::text) FROM workspace";
    sqlx::query(told).execute(&server.database).await.unwrap();
    let ended = socket.next().await.message();
    assert_eq!((&ended["type"], &ended["id"]), (&json!("error"), &json!("1")), "{ended}");
    assert_eq!(ended["payload"][0]["extensions"]["code"], "FORBIDDEN", "{ended}");
    socket.subscribe("2", "{ sources(first: 1) { nodes { id } } }").await;
    assert!(socket.data("2").await["sources"].is_object());
    server.stop().await;
}
