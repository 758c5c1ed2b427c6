//! What was done is told, and what it was done with is not.

use inlet_tests::{Options, server::mail_hook, spawn, spawn_with};
use serde_json::{Value, json};

use super::{LOGIN, accept, ask_at, data, invite, login};

/// A password that no log may hold.
const SECRET: &str = "t0p s3cret of hedgehogs";

const LOG: &str = "query($filter: AuditLogFilter) { auditLog(first: 100, filter: $filter) { nodes { id action subjectId
    detail refusal requestId clientAddress occurredAt actor { __typename ... on Member { id } ... on ApiKey { id } } } } }";

async fn log(server: &inlet_tests::TestServer, filter: Value) -> Vec<Value> {
    let log = data(server, &server.api_key, LOG, json!({ "filter": filter })).await;
    log["auditLog"]["nodes"].as_array().unwrap().clone()
}

/// Each mutation of the schema, made to succeed: a new one has to be added here, or this fails.
#[tokio::test]
async fn every_mutation_that_succeeds_leaves_an_entry_and_no_secret() {
    let server = spawn_with(Options { mail_hook: Some(mail_hook()), ..Options::default() }).await;
    let owner = login(&server, &server.email, &server.password).await;
    let spare = login(&server, &server.email, &server.password).await;
    let schema = data(&server, &owner, "{ __schema { mutationType { fields { name } } } }", json!({})).await;
    let names = schema["__schema"]["mutationType"]["fields"].as_array().unwrap().clone();
    let source = data(&server, &owner, "{ sources { nodes { id } } }", json!({})).await["sources"]["nodes"][0].clone();
    let sessions = "{ sessions { nodes { id current } } }";
    let spare_id = data(&server, &spare, sessions, json!({})).await["sessions"]["nodes"][0]["id"].clone();
    let token = invite(&server, &owner, "m@example.com", "VIEWER").await;
    let member = accept(&server, &token, SECRET).await["data"]["acceptInvitation"]["member"]["id"].clone();
    let token = invite(&server, &owner, "n@example.com", "VIEWER").await;
    invite(&server, &owner, "o@example.com", "VIEWER").await;
    let waiting = "{ invitations(first: 1) { nodes { id } } }";
    let waiting = data(&server, &owner, waiting, json!({})).await["invitations"]["nodes"][0]["id"].clone();
    // The owner has proven the email and has asked for a new password.
    let sql = "UPDATE person SET workspace_id = NULL, proven_at = now() WHERE email = $1";
    sqlx::query(sql).bind(&server.email).execute(&server.database).await.unwrap();
    let sql = "INSERT INTO password_reset (id, person_id, token_hash, created_at, expires_at) \
               SELECT gen_random_uuid(), id, $2, now(), now() + interval '1 hour' FROM person WHERE email = $1";
    let hash = inlet_domain::secrets::token_hash("reset_t0p s3cret");
    sqlx::query(sql).bind(&server.email).bind(&hash[..]).execute(&server.database).await.unwrap();
    let made =
        "mutation { createApiKey(input: {name: \"k\", scopes: [READ], idempotencyKey: \"k\"}) { apiKey { id } } }";
    let key = data(&server, &owner, made, json!({})).await["createApiKey"]["apiKey"]["id"].clone();
    let made = "mutation { registerWebhook(input: {name: \"w\", url: \"http://127.0.0.1:9/\", idempotencyKey: \"w0\"}) \
                { webhook { id } } }";
    let webhook = data(&server, &owner, made, json!({})).await["registerWebhook"]["webhook"]["id"].clone();
    let made = "mutation($id: ID!) { testWebhook(input: {id: $id, idempotencyKey: \"t0\"}) { delivery { id } } }";
    let delivery = data(&server, &owner, made, json!({"id": webhook})).await["testWebhook"]["delivery"]["id"].clone();
    let (source, key, member) = (&source["id"], &key, &member);
    for number in 1..=3 {
        let body = json!({"event": "whatsapp:message:in", "payload": {
            "id": format!("m{number}"), "channels": [{"name": "whatsapp", "to": "919019120000"}],
            "recipient": {"from": format!("91901912000{number}"), "user": {"id": format!("u{number}")}},
            "message": {"type": "text", "payload": {"text": "hello"}},
        }});
        assert_eq!(server.post("mobtexting", None, &body.to_string()).await.0, 200);
    }
    let made = "mutation { one: createLabel(input: {name: \"1\", idempotencyKey: \"1\"}) { label { id } }
        two: createLabel(input: {name: \"2\", idempotencyKey: \"2\"}) { label { id } } }";
    let labels = data(&server, &owner, made, json!({})).await;
    let (label, other) = (&labels["one"]["label"]["id"], &labels["two"]["label"]["id"]);
    let inbox = "{ conversations { nodes { id } } contacts { nodes { id } } }";
    let inbox = data(&server, &owner, inbox, json!({})).await;
    let conversation = &inbox["conversations"]["nodes"][0]["id"];
    let contacts: Vec<&Value> = (0..3).map(|number| &inbox["contacts"]["nodes"][number]["id"]).collect();
    let input = |name: &str| match name {
        "login" => Some(json!({"email": server.email, "password": server.password})),
        // What is said of the moment is told nowhere.
        "createApiKey" | "logout" | "setTyping" | "setAvailability" => None,
        "inviteMember" => Some(json!({"email": "t0p-s3cret@example.com", "name": "t0p s3cret", "role": "ADMIN",
            "idempotencyKey": "i"})),
        "revokeInvitation" => Some(json!({"id": waiting})),
        "acceptInvitation" => Some(json!({"token": token, "password": SECRET, "name": "t0p s3cret"})),
        "requestPasswordReset" => Some(json!({"email": server.email})),
        "resetPassword" => Some(json!({"token": "reset_t0p s3cret", "newPassword": SECRET})),
        "assignConversation" => Some(json!({"id": conversation, "memberId": null})),
        "setConversationStatus" => Some(json!({"id": conversation, "status": "OPEN"})),
        "snoozeConversation" => Some(json!({"id": conversation, "until": "2099-01-01T00:00:00Z"})),
        "setPriority" => Some(json!({"id": conversation, "priority": "HIGH"})),
        "addLabels" | "removeLabels" => Some(json!({"id": conversation, "labelIds": [label]})),
        "markRead" | "markUnread" => Some(json!({"id": conversation})),
        "createLabel" => Some(json!({"name": "t0p s3cret", "idempotencyKey": "l"})),
        "updateLabel" => Some(json!({"id": label, "name": "t0p s3cret too"})),
        "deleteLabel" => Some(json!({"id": other})),
        "mergeContacts" => Some(json!({"contactId": contacts[0], "intoId": contacts[1]})),
        "unmergeContacts" => Some(json!({"contactId": contacts[0]})),
        "updateContact" => Some(json!({"id": contacts[2], "name": "t0p s3cret"})),
        "deleteContact" => Some(json!({"id": contacts[2]})),
        "updateMember" => Some(json!({"id": member, "role": "AGENT", "name": "t0p s3cret"})),
        "revokeApiKey" => Some(json!({"id": key})),
        "revokeSession" => Some(json!({"id": spare_id})),
        "changePassword" => Some(json!({"oldPassword": server.password, "newPassword": SECRET})),
        "createProviderAccount" => Some(json!({"provider": "OBLIC", "name": "t0p s3cret", "idempotencyKey": "a"})),
        "createSource" => Some(json!({"name": "s", "provider": "ONEROUTE", "secret": "t0p s3cret",
            "idempotencyKey": "t0p s3cret"})),
        "updateSource" => Some(json!({"id": source, "name": "t0p s3cret"})),
        "rotateSourceSecret" => Some(json!({"id": source, "secret": "t0p s3cret"})),
        "deleteSource" => Some(json!({"id": source})),
        "previewComposition" => Some(json!({"url": "https://crm.example.com/", "composition": {}})),
        "previewMapping" => Some(json!({"body": "t0p s3cret"})),
        "registerWebhook" => Some(json!({"name": "w", "url": "http://127.0.0.1:9/t0p s3cret".replace(' ', "%20"),
            "legacySignature": {"header": "x-signed", "secret": "t0p s3cret"}, "idempotencyKey": "w"})),
        "updateWebhook" => Some(json!({"id": webhook, "name": "t0p s3cret", "retryDelays": [1],
            "headers": [{"name": "x-key", "value": "t0p s3cret", "secret": true}]})),
        "pauseWebhook" | "resumeWebhook" | "finishWebhookRotation" | "deleteWebhook" | "rotateWebhookSecret" => {
            Some(json!({"id": webhook}))
        }
        "testWebhook" => Some(json!({"id": webhook, "idempotencyKey": "t"})),
        "recoverWebhook" => Some(json!({"id": webhook, "since": "2020-01-01T00:00:00Z", "idempotencyKey": "c"})),
        "redeliver" => Some(json!({"deliveryId": delivery, "idempotencyKey": "d"})),
        "replayInboundEvents" => Some(json!({"filter": {}})),
        other => panic!("say here how `{other}` succeeds"),
    };
    // What ends what the others need comes last.
    let mut names: Vec<&str> = names.iter().map(|field| field["name"].as_str().unwrap()).collect();
    names.sort_by_key(|name| (*name == "resetPassword", *name == "logout", name.starts_with("delete")));
    for name in &names {
        let before = log(&server, json!({"action": [name]})).await.len();
        if let Some(input) = input(name) {
            let kind = if *name == "login" {
                "LoginInput".to_owned()
            } else {
                format!("{}{}Input", name[..1].to_uppercase(), &name[1..])
            };
            let query = format!("mutation($input: {kind}!) {{ {name}(input: $input) {{ __typename }} }}");
            // By then the owner has logged out.
            let token = (*name != "resetPassword").then_some(owner.as_str());
            let answer = ask_at(&server.graphql_url, token, &query, json!({ "input": input })).await;
            assert!(answer["errors"].is_null(), "{query}: {answer}");
        } else if *name == "logout" {
            data(&server, &owner, "mutation { logout { __typename } }", json!({})).await;
        }
        let told = log(&server, json!({"action": [name]})).await;
        let expected = before + usize::from(input(name).is_some() || *name == "logout");
        assert_eq!(told.len(), expected, "{name}");
        let Some(last) = told.first() else {
            assert!(["setTyping", "setAvailability"].contains(name), "{name} leaves no entry");
            continue;
        };
        assert!(last["refusal"].is_null() && last["requestId"].is_string(), "{last}");
        // Who asks for a new password may be anyone.
        let actor = if *name == "requestPasswordReset" { json!("System") } else { json!("Member") };
        assert_eq!((&last["actor"]["__typename"], &last["clientAddress"]), (&actor, &json!("127.0.0.1")), "{name}");
    }
    let all = Value::from(log(&server, json!({})).await).to_string();
    assert!(!all.contains("s3cret") && !all.contains(&server.password), "{all}");
    let change = &log(&server, json!({"action": ["updateMember"]})).await[0];
    assert_eq!(change["detail"]["fields"], json!({"id": member, "role": "AGENT", "name": "[given]"}));
    assert_eq!(&change["subjectId"], member);
    server.stop().await;
}

#[tokio::test]
async fn the_log_is_found_by_actor_subject_action_and_time_and_refusals_are_told() {
    let server = spawn().await;
    let owner = login(&server, &server.email, &server.password).await;
    let wrong = json!({"email": server.email, "password": "wrong password"});
    ask_at(&server.graphql_url, None, LOGIN, wrong).await;
    ask_at(&server.graphql_url, None, LOGIN, json!({"email": "nobody@example.com", "password": "wrong"})).await;
    let make =
        "mutation { createApiKey(input: {name: \"k\", scopes: [READ], idempotencyKey: \"k\"}) { apiKey { id } } }";
    let by_member = data(&server, &owner, make, json!({})).await["createApiKey"]["apiKey"]["id"].clone();
    data(&server, &server.api_key, make, json!({})).await;
    // A repeat and a refusal do nothing, and a failure leaves nothing.
    data(&server, &owner, make, json!({})).await;

    let logins = log(&server, json!({"action": ["login"]})).await;
    let refusals: Vec<_> = logins.iter().map(|entry| entry["refusal"].clone()).collect();
    assert_eq!(refusals, [json!("LOGIN_REFUSED"), json!(null)], "newest first");
    let made = log(&server, json!({"action": ["createApiKey"]})).await;
    assert_eq!(made.len(), 2, "{made:?}");
    let who = logins[1]["actor"]["id"].clone();
    assert_eq!(log(&server, json!({"actorId": [who], "action": ["createApiKey"]})).await[0]["subjectId"], by_member);
    assert_eq!(log(&server, json!({"subjectId": [by_member]})).await.len(), 1);
    let at = made[1]["occurredAt"].clone();
    assert!(log(&server, json!({"occurredTo": at})).await.iter().all(|entry| entry["action"] == "login"));
    assert!(log(&server, json!({"occurredFrom": at})).await.iter().all(|entry| entry["action"] == "createApiKey"));
    let node = "query($id: ID!) { node(id: $id) { ... on AuditEntry { action } } }";
    let found = data(&server, &server.api_key, node, json!({"id": made[0]["id"]})).await;
    assert_eq!(found["node"]["action"], "createApiKey");
    server.stop().await;
}
