//! Every example of the contract's sections on GraphQL and on live updates, as it is written there.

use inlet_tests::{LiveClient, TestServer, spawn};
use serde_json::{Value, json};

/// A signed message of `phone`, as MobTexting's document shows one.
async fn receive(server: &TestServer, id: &str, phone: &str, text: &str) {
    let body = json!({"event": "whatsapp:message:in", "payload": {
        "id": id,
        "channels": [{"name": "whatsapp", "to": "919019120123"}],
        "recipient": {"from": phone, "user": {"id": format!("u-{phone}"), "first_name": "Asha", "phone": phone}},
        "message": {"type": "text", "payload": {"text": text}},
    }});
    let (status, answer) = server.post("mobtexting", None, &body.to_string()).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("accepted")), "{answer}");
}

#[tokio::test]
async fn login_gives_a_session_that_can_end() {
    let server = spawn().await;
    let query = format!(
        "mutation {{ login(input: {{email: \"{}\", password: \"{}\"}}) {{ token member {{ id role }} }} }}",
        server.email, server.password
    );
    let anonymous = |query: String, token: Option<String>| {
        let mut request = server.client.post(&server.graphql_url).json(&json!({"query": query}));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        async move { request.send().await.unwrap() }
    };
    let answer: Value = anonymous(query.clone(), None).await.json().await.unwrap();
    assert_eq!(answer["data"]["login"]["member"]["role"], "OWNER", "{answer}");
    let token = answer["data"]["login"]["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("is_"));

    let mut socket = LiveClient::connect(&server.graphql_url, &token).await;
    socket.subscribe("1", "subscription { events { __typename } }").await;
    let answer: Value =
        anonymous("mutation { logout { deletedSessionId } }".into(), Some(token.clone())).await.json().await.unwrap();
    assert!(answer["data"]["logout"]["deletedSessionId"].as_str().unwrap().starts_with("sess_"), "{answer}");
    assert_eq!(socket.next().await.closed(), 4401, "what ran under the session ends with it");
    assert_eq!(anonymous("{ head }".into(), Some(token)).await.status(), 401);

    for (email, password) in [(server.email.as_str(), "not the password"), ("nobody@example.com", "password")] {
        let query =
            format!("mutation {{ login(input: {{email: \"{email}\", password: \"{password}\"}}) {{ token }} }}");
        let answer: Value = anonymous(query, None).await.json().await.unwrap();
        assert_eq!(answer["errors"][0]["extensions"]["code"], "LOGIN_REFUSED", "{answer}");
        assert_eq!(answer["data"], json!({"login": null}));
    }
    server.stop().await;
}

#[tokio::test]
async fn creates_happen_once_and_show_their_secrets_once() {
    let server = spawn().await;
    let webhook = "mutation { registerWebhook(input: {name: \"crm\", url: \"http://127.0.0.1:9009/\", \
                   eventTypes: [\"message.created\"], idempotencyKey: \"k1\"}) { webhook { id url status } secret } }";
    let first = server.graphql(webhook, json!({})).await;
    assert_eq!(first["registerWebhook"]["webhook"]["status"], "ACTIVE");
    assert!(first["registerWebhook"]["secret"].as_str().unwrap().starts_with("whsec_"));
    let again = server.graphql(webhook, json!({})).await;
    assert_eq!(again["registerWebhook"]["webhook"], first["registerWebhook"]["webhook"]);
    assert!(again["registerWebhook"]["secret"].is_null(), "a secret is shown once");
    let other = server.graphql_raw(&webhook.replace("crm", "erp"), json!({})).await;
    assert_eq!(other["errors"][0]["extensions"]["code"], "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(other["errors"][0]["extensions"]["inputPath"], json!(["input", "idempotencyKey"]));
    assert!(other["errors"][0]["extensions"]["requestId"].is_string());

    let source = "mutation { createSource(input: {name: \"two\", provider: ONEROUTE, secret: \"s\", \
                  verification: HMAC, idempotencyKey: \"k2\"}) { source { id provider url } } }";
    let first = server.graphql(source, json!({})).await;
    let url = first["createSource"]["source"]["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{}/in/", server.url)), "{url}");
    assert_eq!(server.graphql(source, json!({})).await, first);

    let key = "mutation { createApiKey(input: {name: \"reader\", scopes: [READ], idempotencyKey: \"k3\"}) \
               { token apiKey { id scopes } } }";
    let made = server.graphql(key, json!({})).await["createApiKey"].clone();
    let token = made["token"].as_str().unwrap();
    assert_eq!(made["apiKey"]["scopes"], json!(["READ"]));
    let mut socket = LiveClient::connect(&server.graphql_url, token).await;
    let read: Value = server
        .client
        .post(&server.graphql_url)
        .bearer_auth(token)
        .json(&json!({"query": "{ head webhooks { nodes { id } } }"}))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(read["data"]["webhooks"], Value::Null);
    assert_eq!(read["errors"][0]["extensions"]["code"], "FORBIDDEN", "{read}");
    let revoke = format!(
        "mutation {{ revokeApiKey(input: {{id: \"{}\"}}) {{ apiKey {{ revokedAt }} }} }}",
        made["apiKey"]["id"].as_str().unwrap()
    );
    assert!(server.graphql(&revoke, json!({})).await["revokeApiKey"]["apiKey"]["revokedAt"].is_string());
    assert_eq!(socket.next().await.closed(), 4401);
    server.stop().await;
}

const CONVERSATIONS: &str = "query { conversations(first: 20, filter: {status: [IN_QUEUE]}, \
    orderBy: {field: LAST_ACTIVITY, direction: DESC}) { edges { cursor node { \
    id revision status unread lastMessageAt externalId lastMessage { id content } channel { id medium identifier } \
    contact { id name phone email } \
    messages(last: 50) { nodes { id direction kind contentType content externalId occurredAt status deliveredAt readAt \
      failedAt failure { code text retryable } statusHistory { nodes { status rawStatus reason reportedAt receivedAt } } \
      attachments { nodes { kind url filename } } quoted { id } author { __typename } } } } } \
    pageInfo { hasNextPage endCursor } } }";

#[tokio::test]
async fn what_a_provider_posted_is_a_conversation() {
    let server = spawn().await;
    receive(&server, "m-1", "919876543210", "first").await;
    receive(&server, "m-2", "919876543210", "second").await;
    receive(&server, "m-3", "919876543211", "other").await;
    let page = server.graphql(CONVERSATIONS, json!({})).await["conversations"].clone();
    let edges = page["edges"].as_array().unwrap();
    assert_eq!(edges.len(), 2, "{page}");
    assert_eq!(page["pageInfo"]["hasNextPage"], false);
    assert_eq!(page["pageInfo"]["endCursor"], edges[1]["cursor"]);
    let older = &edges[1]["node"];
    assert_eq!(older["contact"]["phone"], "+919876543210");
    assert_eq!(older["channel"]["medium"], "WHATSAPP");
    assert_eq!((&older["status"], &older["unread"]), (&json!("IN_QUEUE"), &json!(2)));
    assert_eq!(older["lastMessage"]["content"], "second");
    let messages = older["messages"]["nodes"].as_array().unwrap();
    let contents: Vec<_> = messages.iter().map(|message| message["content"].as_str().unwrap()).collect();
    assert_eq!(contents, ["first", "second"], "ascending in time");
    assert_eq!(messages[0]["direction"], "INBOUND");
    assert_eq!(messages[0]["status"], Value::Null, "nothing was sent");
    assert_eq!(messages[0]["author"]["__typename"], "Contact");
    assert!(messages[0]["occurredAt"].as_str().unwrap().ends_with('Z'));

    let id = older["id"].as_str().unwrap();
    let query = "query Q($id: ID!) { node(id: $id) { __typename id } conversation(id: $id) { id } \
                 nodes(ids: [$id]) { id } contacts(first: 20) { nodes { id name phone email \
                 identities { nodes { kind value } } attributes } } }";
    let found = server.graphql(query, json!({"id": id})).await;
    assert_eq!(found["node"], json!({"__typename": "Conversation", "id": id}));
    assert_eq!(found["nodes"], json!([{"id": id}]));
    let identities = found["contacts"]["nodes"][1]["identities"]["nodes"].as_array().unwrap();
    assert!(identities.contains(&json!({"kind": "PHONE", "value": "+919876543210"})), "{identities:?}");
    server.stop().await;
}

#[tokio::test]
async fn the_other_lists_of_the_contract_answer() {
    let server = spawn().await;
    for query in [
        "query { optOuts(first: 20) { nodes { id medium scope value contact { phone } } } }",
        "query { verifications(first: 5) { nodes { id identifier verified } } \
         balanceAlerts(first: 5) { nodes { firm units } } campaigns(first: 5) { nodes { externalId status } } }",
        "query { inboundEvents(first: 20, filter: {outcome: [QUARANTINED, UNRECOGNISED, FAILED]}) \
         { nodes { id outcome error lenient receivedAt } } }",
        "{ viewer { workspaceId scopes member { id } apiKey { name } } sources { nodes { url providerAccount { name } } } \
         channels { nodes { id } } providerAccounts { nodes { provider } } members { nodes { email role } } \
         teams { nodes { members { nodes { id } } } } labels { nodes { name } } groups { nodes { name } } \
         webhooks { nodes { url } } deliveries(filter: {status: [PENDING]}) { nodes { attempts { nodes { number } } } } eventTypes }",
    ] {
        let data = server.graphql(query, json!({})).await;
        assert!(data.as_object().unwrap().values().all(|field| !field.is_null()), "{query}: {data}");
    }
    server.stop().await;
}

#[tokio::test]
async fn p8_pull_and_push_are_one_sequence() {
    let server = spawn().await;
    receive(&server, "m-1", "919876543210", "first").await;
    let pulled = server
        .graphql(
            "query { head events(first: 100, after: null) { edges { cursor node { id type payload } } \
             pageInfo { endCursor hasNextPage } } }",
            json!({}),
        )
        .await;
    let edges = pulled["events"]["edges"].as_array().unwrap();
    let types: Vec<_> = edges.iter().map(|edge| edge["node"]["type"].as_str().unwrap()).collect();
    assert!(types.contains(&"message.created") && types.contains(&"conversation.created"), "{types:?}");
    assert_eq!(pulled["head"], edges.last().unwrap()["cursor"]);
    assert_eq!(pulled["events"]["pageInfo"], json!({"endCursor": pulled["head"], "hasNextPage": false}));

    let mut socket = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    let first = edges[0]["cursor"].as_str().unwrap();
    let query = |after: &str| {
        format!(
            "subscription {{ events(after: {after}) {{ __typename ... on Event {{ id cursor type payload \
             message {{ content }} }} ... on Reset {{ reason }} }} }}"
        )
    };
    socket.subscribe("1", &query(&format!("\"{first}\""))).await;
    for edge in &edges[1..] {
        let event = socket.data("1").await["events"].clone();
        assert_eq!((&event["id"], &event["cursor"]), (&edge["node"]["id"], &edge["cursor"]));
        assert_eq!(event["payload"], edge["node"]["payload"]);
    }
    receive(&server, "m-2", "919876543210", "second").await;
    let event = socket.data("1").await["events"].clone();
    assert_eq!((&event["type"], &event["message"]["content"]), (&json!("message.created"), &json!("second")));
    server.stop().await;
}
