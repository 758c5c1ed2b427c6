//! What ends in one process of the operating system ends in the other.

use std::time::Duration;

use inlet_tests::{
    LiveClient, Process,
    process::{Beside, DataDir},
};
use serde_json::json;
use tokio::time::timeout;

use super::{ACCEPT, INVITE, LOGIN, PASSWORD, UPDATE_MEMBER, ask_at, code, token_of};

/// Less than the heartbeat's 25 s, which would tell of a revocation in the end, too.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_closes_the_sockets_of_the_other_process_at_once() {
    let folder = DataDir::new();
    let process = Process::start(&folder.path()).await;
    let other = Beside::start(&folder.path(), &process.dev).await;
    let there = format!("{}/graphql", other.url);
    let here = process.dev.graphql_url.clone();
    let email = json!({"email": process.dev.email, "password": process.dev.password});
    let login = async || {
        let answer = ask_at(&here, None, LOGIN, email.clone()).await;
        answer["data"]["login"]["token"].as_str().unwrap().to_owned()
    };

    let key = process
        .graphql(
            "mutation { createApiKey(input: {name: \"k\", scopes: [READ], idempotencyKey: \"k\"})
                { token apiKey { id } } }",
            json!({}),
        )
        .await["createApiKey"]
        .clone();
    let mut of_key = LiveClient::connect(&there, key["token"].as_str().unwrap()).await;
    of_key.subscribe("1", "subscription { events { __typename } }").await;
    let session = login().await;
    let mut of_session = LiveClient::connect(&there, &session).await;
    // Not of settings: that the key is revoked is one.
    of_session.subscribe("1", "subscription { events(filter: {types: [\"contact.*\"]}) { __typename } }").await;

    let revoke = "mutation($id: ID!) { revokeApiKey(input: {id: $id}) { apiKey { id } } }";
    process.graphql(revoke, json!({"id": key["apiKey"]["id"]})).await;
    assert_eq!(timeout(PATIENCE, of_key.next()).await.unwrap().closed(), 4401);
    ask_at(&here, Some(&session), "mutation { logout { deletedSessionId } }", json!({})).await;
    assert_eq!(timeout(PATIENCE, of_session.next()).await.unwrap().closed(), 4401);

    // A role that changes there counts here, on the socket that is open.
    let owner = login().await;
    let new = json!({"email": "a@example.com", "name": "a", "role": "ADMIN", "idempotencyKey": "a"});
    let invited = ask_at(&here, Some(&owner), INVITE, json!({ "input": new })).await;
    let token = token_of(&invited["data"]["inviteMember"]["link"]);
    let admin = ask_at(&here, None, ACCEPT, json!({"input": {"token": token, "password": PASSWORD}})).await;
    let admin = &admin["data"]["acceptInvitation"];
    let id = admin["member"]["id"].clone();
    let mut socket = LiveClient::connect(&there, admin["token"].as_str().unwrap()).await;
    let demote = json!({"input": {"id": id, "role": "VIEWER"}});
    let demoted = ask_at(&here, Some(&owner), UPDATE_MEMBER, demote).await;
    assert!(demoted["errors"].is_null(), "{demoted}");
    let forbidden = async {
        loop {
            socket.subscribe("1", "{ sources(first: 1) { nodes { id } } }").await;
            let answer = socket.next().await.message();
            assert_eq!(socket.next().await.message()["type"], "complete");
            if code(&answer["payload"]) == "FORBIDDEN" {
                break;
            }
        }
    };
    timeout(PATIENCE, forbidden).await.expect("the socket hears of the role");
    process.stop().await;
}
