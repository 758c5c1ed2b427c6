//! The main job: a provider's event is posted, and the same moment it is a message over GraphQL, a frame on a live
//! subscription, and a signed webhook.

use inlet_tests::{LiveClient, Sink, TestServer, sign, spawn};
use serde_json::{Value, json};

fn new_message(id: &str, content: &str) -> String {
    json!({
        "event": "newMessage",
        "message": {
            "sender": {"name": "Ada", "authUser": false, "lastActivity": "2026-11-20T10:00:00.000Z"},
            "externalId": id, "content": content, "contentType": "TEXT", "conversation_id": "c-1",
        },
        "conversation": {
            "id": "c-1", "subject": null, "agent": null, "customer": {"name": "Ada", "email": "ada@example.com"},
            "lastMessageAt": "2026-11-20T10:00:00.000Z", "status": "in-queue", "read": false,
            "createdAt": "2026-11-20T10:00:00.000Z", "updatedAt": "2026-11-20T10:00:00.000Z",
            "Channel": {"id": "8bad2edc-2973-4cec-8f33-a17c54dc0686", "medium": "WHATSAPP", "identifier": "Identifier"},
        },
    })
    .to_string()
}

async fn register(server: &TestServer, url: &str) -> String {
    let mutation = "mutation ($url: String!) { registerWebhook(input: {name: \"crm\", url: $url,
        eventTypes: [\"message.created\"], idempotencyKey: \"k1\"}) { webhook { id status } secret } }";
    let data = server.graphql(mutation, json!({"url": url})).await;
    data["registerWebhook"]["secret"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_becomes_a_message_a_frame_and_a_webhook() {
    let server = spawn().await;
    let sink = Sink::start().await;
    let secret = register(&server, sink.url()).await;
    // From a cursor that was read before: what is posted next comes, whenever the subscription begins to stand.
    let head = server.graphql("query { head }", json!({})).await["head"].as_str().unwrap().to_owned();
    let mut live = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    let subscription = format!(
        "subscription {{ events(after: \"{head}\") {{ __typename
           ... on Event {{ id cursor type payload message {{ content }} conversation {{ status unread }} }} }} }}"
    );
    live.subscribe("1", &subscription).await;

    let body = new_message("m-1", "Hello World!");
    let (status, answer) = server.post("oneroute", None, &body).await;
    assert_eq!((status, &answer["outcome"]), (200, &Value::from("accepted")), "{answer}");

    let frame = loop {
        let frame = live.data("1").await;
        if frame["events"]["type"] == "message.created" {
            break frame["events"].clone();
        }
    };
    assert_eq!(frame["message"]["content"], "Hello World!");
    assert_eq!((&frame["conversation"]["status"], &frame["conversation"]["unread"]), (&"IN_QUEUE".into(), &1.into()));

    let webhook = sink.wait(|all| !all.is_empty()).await.remove(0);
    let event = webhook.json();
    assert_eq!((&event["type"], &event["payload"]["content"]), (&"message.created".into(), &"Hello World!".into()));
    assert_eq!(event["workspace_id"], server.workspace_id.as_str());
    assert_eq!(webhook.header("webhook-id"), event["id"].as_str().unwrap());
    assert_eq!(webhook.header("x-inlet-signature"), sign::sha256(&secret, &webhook.body));
    let mut headers = standardwebhooks_headers(&webhook);
    let verifier = standardwebhooks::Webhook::new(&secret).unwrap();
    verifier.verify(&webhook.body, &headers).unwrap();
    headers.insert("webhook-id", "evt_other".parse().unwrap());
    assert!(verifier.verify(&webhook.body, &headers).is_err());

    let query = "query { conversations(first: 20, filter: {status: [IN_QUEUE]}) { nodes { status unread
        channel { medium } contact { name email } messages(last: 50) { nodes { id content direction status } } } } }";
    let conversations = server.graphql(query, json!({})).await["conversations"]["nodes"].clone();
    assert_eq!(conversations.as_array().unwrap().len(), 1);
    let conversation = &conversations[0];
    assert_eq!(conversation["contact"], json!({"name": "Ada", "email": "ada@example.com"}));
    assert_eq!(conversation["channel"]["medium"], "WHATSAPP");
    let messages = conversation["messages"]["nodes"].as_array().unwrap();
    assert_eq!(messages.len(), 1);
    assert_eq!((&messages[0]["content"], &messages[0]["status"]), (&"Hello World!".into(), &Value::Null));
    assert_eq!(messages[0]["id"], event["payload"]["id"]);
    server.stop().await;
}

fn standardwebhooks_headers(webhook: &inlet_tests::sink::Received) -> reqwest::header::HeaderMap {
    let mut headers = reqwest::header::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, webhook.header(name).parse().unwrap());
    }
    headers
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_a_repeat_is_told_and_changes_nothing() {
    let server = spawn().await;
    let sink = Sink::start().await;
    register(&server, sink.url()).await;
    let body = new_message("m-1", "once");
    assert_eq!(server.post("oneroute", None, &body).await.1["outcome"], "accepted");
    assert_eq!(server.post("oneroute", None, &body).await.1["outcome"], "duplicate");
    assert_eq!(server.post("oneroute", None, &new_message("m-2", "last")).await.1["outcome"], "accepted");
    let received = sink.wait(|all| all.iter().any(|one| one.json()["payload"]["content"] == "last")).await;
    // What the repeat had raised would stand before the last in the log, and have a number of its own.
    let mut numbers: Vec<&str> = received.iter().map(|one| one.header("inlet-sequence")).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, ["1", "2"]);
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM message").fetch_one(&server.database).await.unwrap();
    assert_eq!(count, 2);
    server.stop().await;
}

async fn counts(server: &TestServer) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in ["event", "message", "contact", "conversation", "idempotency_key"] {
        let count = format!("SELECT count(*) FROM {table}");
        counts.push(sqlx::query_scalar(sqlx::AssertSqlSafe(count)).fetch_one(&server.database).await.unwrap());
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_says_why_and_changes_nothing() {
    let server = spawn().await;
    let source = &server.sources["oneroute"];
    let post = |url: String, body: String, signature: Option<String>| {
        let mut request = server.client.post(url).header("content-type", "application/json").body(body);
        if let Some(signature) = signature {
            request = request.header("x-oneroute-signature", signature);
        }
        async move {
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            let body: Value = answer.json().await.unwrap();
            assert!(body["error"]["code"].is_string() && body["error"]["message"].is_string(), "{status}: {body}");
            status
        }
    };
    let signed = |body: &str| Some(sign::header("oneroute", &source.secret, body.as_bytes()).1);
    let body = new_message("m-1", "x");
    let before = counts(&server).await;
    assert_eq!(post(source.url.clone(), body.clone(), None).await, 401);
    assert_eq!(post(source.url.clone(), body.clone(), signed("another body")).await, 401);
    assert_eq!(post(format!("{}/in/nothing", server.url), body.clone(), signed(&body)).await, 404);
    let large = new_message("m-1", &"x".repeat(2 << 20));
    assert_eq!(post(source.url.clone(), large.clone(), signed(&large)).await, 413);
    let broken = body[..body.len() / 2].to_owned();
    assert_eq!(post(source.url.clone(), broken.clone(), signed(&broken)).await, 400);
    assert_eq!(counts(&server).await, before);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_logs_in_and_sees_the_same() {
    let server = spawn().await;
    let login = "mutation ($email: String!, $password: String!) {
        login(input: {email: $email, password: $password}) { token member { id role } } }";
    let answer = server
        .client
        .post(&server.graphql_url)
        .json(&json!({"query": login, "variables": {"email": server.email, "password": server.password}}))
        .send()
        .await
        .unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["data"]["login"]["member"]["role"], "OWNER", "{answer}");
    let token = answer["data"]["login"]["token"].as_str().unwrap();
    let viewer = server
        .client
        .post(&server.graphql_url)
        .bearer_auth(token)
        .json(&json!({"query": "query { conversations(first: 1) { nodes { id } } }"}))
        .send()
        .await
        .unwrap();
    let viewer: Value = viewer.json().await.unwrap();
    assert!(viewer["errors"].is_null(), "{viewer}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p13_a_stop_answers_what_is_in_hand() {
    let server = spawn().await;
    let bodies: Vec<String> = (0..50).map(|n| new_message(&format!("m-{n}"), "in hand")).collect();
    let posts = futures::future::join_all(bodies.iter().map(|body| server.post("oneroute", None, body))).await;
    assert!(posts.iter().all(|(status, _)| *status == 200));
    let url = server.halt().await;
    let database = sqlx::PgPool::connect(&url).await.unwrap();
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM message").fetch_one(&database).await.unwrap();
    assert_eq!(count, 50);
    database.close().await;
    inlet_tests::database::drop(&url).await;
}
