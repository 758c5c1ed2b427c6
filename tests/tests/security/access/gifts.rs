//! Rights don't grow: whoever gives one holds it. The pairs come from the table of rights.

use inlet_domain::model::right::{Gift, Grant, KeyScope, Right, Role};
use inlet_tests::{SeededWorkspace, TestServer, database, seeded_workspace::Term, spawn};
use serde_json::{Value, json};

use super::{INVITE, PASSWORD, UPDATE_MEMBER, accept, ask, code, data, invite, login};

/// Who comes: each role, and a key of each set of scopes.
async fn givers(party: &SeededWorkspace) -> Vec<(String, Grant)> {
    let mut givers = Vec::new();
    for role in Role::ALL {
        givers.push((party.member(*role, false).await, Grant::Role(*role)));
    }
    for set in 0..1_u32 << KeyScope::ALL.len() {
        let held = KeyScope::ALL.iter().enumerate().filter(|(bit, _)| set & (1 << bit) != 0);
        let scopes: Vec<KeyScope> = held.map(|(_, scope)| *scope).collect();
        givers.push((party.key_of(&scopes, Term::default()).await, Grant::Scopes(scopes)));
    }
    givers
}

fn upper(word: &str) -> String {
    word.to_uppercase()
}

/// The right that the mutation itself needs, and every way to give it: each the whole answer.
async fn give(
    server: &TestServer,
    party: &SeededWorkspace,
    token: &str,
    gift: Gift,
    member: &str,
) -> (Right, Vec<Value>) {
    let key = database::unique();
    match gift {
        Gift::Role(role) => {
            let role = upper(role.as_str());
            let input =
                json!({"email": format!("{key}@example.com"), "name": "n", "role": role, "idempotencyKey": key});
            let invited = ask(server, token, INVITE, json!({ "input": input })).await;
            // Who is shut out has nothing, and is given their role when they are let in.
            let sql = "UPDATE member SET role = 'viewer', disabled_at = now() WHERE id = $1";
            let id = member.parse::<inlet_domain::ids::MemberId>().unwrap();
            sqlx::query(sql).bind(id).execute(&server.database).await.unwrap();
            let input = json!({"id": member, "role": role, "disabled": false});
            (Right::ManageMembers, vec![invited, ask(server, token, UPDATE_MEMBER, json!({ "input": input })).await])
        }
        Gift::Scope(scope) => {
            let create = "mutation($input: CreateApiKeyInput!) { createApiKey(input: $input) { apiKey { id } } }";
            let input = json!({"name": "k", "scopes": [upper(scope.as_str())], "idempotencyKey": key});
            (Right::ManageKeys, vec![ask(server, token, create, json!({ "input": input })).await])
        }
        Gift::Webhook { notes } => {
            let register =
                "mutation($input: RegisterWebhookInput!) { registerWebhook(input: $input) { webhook { id } } }";
            let new = |key: &str, notes| json!({"name": "w", "url": "http://127.0.0.1:9/", "includeNotes": notes, "idempotencyKey": key});
            let registered = ask(server, token, register, json!({"input": new(&key, notes)})).await;
            // One that another registered, taken to a place of one's own.
            let other = new(&format!("other {key}"), notes);
            let other = data(server, &party.key, register, json!({ "input": other })).await;
            let update = "mutation($input: UpdateWebhookInput!) { updateWebhook(input: $input) { webhook { id } } }";
            let input = json!({"id": other["registerWebhook"]["webhook"]["id"], "url": "http://127.0.0.1:10/"});
            (Right::ManageWebhooks, vec![registered, ask(server, token, update, json!({ "input": input })).await])
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a2_whoever_gives_something_holds_each_right_of_it() {
    let server = spawn().await;
    let party = SeededWorkspace::of(&server).await;
    let link = invite(&server, &party.owner, "given@example.com", "VIEWER").await;
    let given = accept(&server, &link, PASSWORD).await["data"]["acceptInvitation"]["member"]["id"].clone();
    let (mut granted, mut refused) = (0, 0);
    for (token, grant) in givers(&party).await {
        for gift in Gift::ALL {
            let (needed, answers) = give(&server, &party, &token, *gift, given.as_str().unwrap()).await;
            let holds = grant.gives(needed) && gift.rights().iter().all(|right| grant.gives(*right));
            for answer in answers {
                let expected = if holds { "none" } else { "FORBIDDEN" };
                assert_eq!(code(&answer), expected, "{grant:?} gives {gift}: {answer}");
                *(if holds { &mut granted } else { &mut refused }) += 1;
            }
        }
    }
    assert!(granted > 20 && refused > 100, "{granted} {refused}");
    server.stop().await;
}

#[tokio::test]
async fn a2_a_key_for_settings_alone_comes_to_no_inbox() {
    let server = spawn().await;
    let create = "mutation { createApiKey(input: {name: \"a\", scopes: [ADMIN], idempotencyKey: \"a\"}) { token } }";
    let key = data(&server, &server.api_key, create, json!({})).await["createApiKey"]["token"].clone();
    let key = key.as_str().unwrap();
    let invited = json!({"email": "mine@example.com", "name": "m", "role": "ADMIN", "idempotencyKey": "m"});
    assert_eq!(code(&ask(&server, key, INVITE, json!({ "input": invited })).await), "FORBIDDEN");
    let register = "mutation($input: RegisterWebhookInput!) { registerWebhook(input: $input) { webhook { id } } }";
    let notes = json!({"name": "n", "url": "http://127.0.0.1:9/", "includeNotes": true, "idempotencyKey": "n"});
    assert_eq!(code(&ask(&server, key, register, json!({ "input": notes })).await), "FORBIDDEN");
    // It hears of webhooks themselves, and changes what gives nothing.
    let plain = json!({"name": "p", "url": "http://127.0.0.1:9/", "eventTypes": ["webhook.*"], "idempotencyKey": "p"});
    let made = data(&server, key, register, json!({ "input": plain })).await;
    let update = "mutation($input: UpdateWebhookInput!) { updateWebhook(input: $input) { webhook { id } } }";
    let id = &made["registerWebhook"]["webhook"]["id"];
    data(&server, key, update, json!({"input": {"id": id, "name": "q", "url": "http://127.0.0.1:10/"}})).await;
    for wider in [json!({"id": id, "eventTypes": null}), json!({"id": id, "eventTypes": ["message.*"]})] {
        assert_eq!(code(&ask(&server, key, update, json!({ "input": wider })).await), "FORBIDDEN");
    }
    // What providers posted holds what the inbox shows.
    let (status, _) =
        server.post("mobtexting", None, r#"{"event": "whatsapp:message:in", "payload": {"id": "1"}}"#).await;
    assert_eq!(status, 200);
    let raw = "{ inboundEvents(first: 1) { nodes { id request { body } } } }";
    let answer = ask(&server, key, raw, json!({})).await;
    assert_eq!(code(&answer), "FORBIDDEN", "{answer}");
    assert!(!answer.to_string().contains("whatsapp:message"), "{answer}");
    assert_eq!(code(&ask(&server, &server.api_key, raw, json!({})).await), "none");
    server.stop().await;
}

#[tokio::test]
async fn a2_the_answer_of_a_receiver_is_for_who_may_read_what_it_was_sent() {
    let server = spawn().await;
    sqlx::query(
        "WITH d AS (INSERT INTO delivery (workspace_id, id, webhook_id, event_id, event_seq, event_type, status, created_at) \
           SELECT id, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 1, 'x', 'succeeded', now() FROM workspace \
           RETURNING workspace_id, id) \
         INSERT INTO attempt (workspace_id, id, delivery_id, number, started_at, duration_ms, response_headers, response_body) \
         SELECT workspace_id, gen_random_uuid(), id, 1, now(), 3, '{\"echo\": \"canary\"}', 'canary' FROM d",
    )
    .execute(&server.database)
    .await
    .unwrap();
    for field in ["responseBody", "responseHeaders"] {
        let query = format!("{{ deliveries {{ nodes {{ attempts {{ nodes {{ {field} }} }} }} }} }}");
        let shown = ask(&server, &server.api_key, &query, json!({})).await;
        assert!(shown.to_string().contains("canary"), "{shown}");
        for (scopes, sees) in [("ADMIN", false), ("ADMIN, READ", false), ("ADMIN, READ, NOTES", true)] {
            let create = format!(
                "mutation {{ createApiKey(input: {{name: \"a\", scopes: [{scopes}], idempotencyKey: \"{field} {scopes}\"}}) \
                 {{ token }} }}"
            );
            let key = data(&server, &server.api_key, &create, json!({})).await["createApiKey"]["token"].clone();
            let shown = ask(&server, key.as_str().unwrap(), &query, json!({})).await;
            assert_eq!(shown.to_string().contains("canary"), sees, "{scopes}: {shown}");
            assert_eq!(code(&shown), if sees { "none" } else { "FORBIDDEN" }, "{scopes}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a2_an_invitation_takes_the_place_of_those_before_it_of_whose_role_its_writer_may_dispose() {
    let server = spawn().await;
    let owner = login(&server, &server.email, &server.password).await;
    let link = invite(&server, &owner, "admin@example.com", "ADMIN").await;
    let admin = accept(&server, &link, PASSWORD).await["data"]["acceptInvitation"]["token"].clone();
    let admin = admin.as_str().unwrap();
    // The admin's own link to the login dies as soon as an owner invites the same email.
    let early = invite(&server, admin, "next@example.com", "AGENT").await;
    let first = invite(&server, &owner, "next@example.com", "OWNER").await;
    assert_ne!(code(&accept(&server, &early, PASSWORD).await), "none");
    // While the owner's stands, the admin makes no other.
    for role in ["AGENT", "ADMIN", "OWNER"] {
        let input = json!({"email": "Next@example.com", "name": "n", "role": role, "idempotencyKey": role});
        assert_eq!(code(&ask(&server, admin, INVITE, json!({ "input": input })).await), "FORBIDDEN", "{role}");
    }
    let second = invite(&server, &owner, "next@example.com", "OWNER").await;
    assert_ne!(code(&accept(&server, &first, PASSWORD).await), "none");
    let accepted = accept(&server, &second, PASSWORD).await;
    assert_eq!(accepted["data"]["acceptInvitation"]["member"]["role"], "OWNER", "{accepted}");
    server.stop().await;
}

#[tokio::test]
async fn a2_an_admin_acts_upon_no_owner() {
    let server = spawn().await;
    let owner = login(&server, &server.email, &server.password).await;
    let link = invite(&server, &owner, "admin@example.com", "ADMIN").await;
    let admin = accept(&server, &link, PASSWORD).await["data"]["acceptInvitation"]["token"].clone();
    let sessions = "{ sessions { nodes { id current } } viewer { member { id } } }";
    let own = data(&server, &owner, sessions, json!({})).await;
    let current =
        own["sessions"]["nodes"].as_array().unwrap().iter().find(|it| it["current"] == true).unwrap()["id"].clone();
    invite(&server, &owner, "next@example.com", "OWNER").await;
    let list = "{ invitations(first: 1) { nodes { id } } }";
    let invitation = data(&server, &owner, list, json!({})).await["invitations"]["nodes"][0]["id"].clone();
    let revoke = "mutation($id: ID!) { revokeSession(input: {id: $id}) { deletedSessionId } }";
    let take_back = "mutation($id: ID!) { revokeInvitation(input: {id: $id}) { invitation { id } } }";
    for token in [admin.as_str().unwrap(), &server.api_key] {
        assert_eq!(code(&ask(&server, token, revoke, json!({"id": current})).await), "FORBIDDEN");
        assert_eq!(code(&ask(&server, token, take_back, json!({"id": invitation})).await), "FORBIDDEN");
        for change in [json!({"disabled": true}), json!({"role": "VIEWER"}), json!({"name": "x"})] {
            let mut input = change.clone();
            input["id"] = own["viewer"]["member"]["id"].clone();
            assert_eq!(
                code(&ask(&server, token, UPDATE_MEMBER, json!({ "input": input })).await),
                "FORBIDDEN",
                "{change}"
            );
        }
    }
    assert_eq!(code(&ask(&server, &owner, "{ head }", json!({})).await), "none", "the owner's session goes on");
    // A key is the workspace's, also one that an owner made.
    let create =
        "mutation { createApiKey(input: {name: \"k\", scopes: [READ], idempotencyKey: \"k\"}) { apiKey { id } } }";
    let key = data(&server, &owner, create, json!({})).await["createApiKey"]["apiKey"]["id"].clone();
    let revoke_key = "mutation($id: ID!) { revokeApiKey(input: {id: $id}) { apiKey { id } } }";
    data(&server, admin.as_str().unwrap(), revoke_key, json!({"id": key})).await;
    data(&server, &owner, take_back, json!({"id": invitation})).await;
    data(&server, &owner, revoke, json!({"id": current})).await;
    server.stop().await;
}
