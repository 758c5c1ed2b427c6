//! Custom sources: what they take, and the dry run of their mapping.

use inlet_tests::{TestServer, sign, spawn};
use serde_json::{Value, json};

const CREATE: &str =
    "mutation($input: CreateSourceInput!) { createSource(input: $input) { source { id url mapping } } }";
const PREVIEW: &str = "mutation($input: PreviewMappingInput!) { previewMapping(input: $input) { outcome event rule \
    reason lenient commands { kind key fields } requests { outcome rule reason commands { kind key fields } } } }";

async fn create(server: &TestServer, input: Value) -> Value {
    server.graphql(CREATE, json!({"input": input})).await["createSource"]["source"].clone()
}

fn mapping() -> Value {
    json!({"rules": [
        {"name": "in", "kind": "message", "when": {"at": {"first": ["/text", {"query": "text"}]}, "exists": true},
         "fields": {"id": {"first": ["/id", {"query": "id"}]}, "address": {"first": ["/mobile", {"query": "mobile"}]},
                    "medium": {"value": "whatsapp"}, "content": {"first": ["/text", {"query": "text"}]}}},
        {"name": "dlr", "kind": "status",
         "fields": {"id": "/id", "status": "/message_status", "address": "/mobile", "medium": {"value": "whatsapp"},
                    "read_at": "/read_at"}}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custom_source_takes_json_forms_and_queries() {
    let server = spawn().await;
    let made = create(
        &server,
        json!({"name": "c", "provider": "CUSTOM", "secret": "Jefe", "mapping": mapping(), "idempotencyKey": "k"}),
    )
    .await;
    assert_eq!(made["mapping"], mapping(), "shown as it was written");
    let signed = |what: &str| sign::sha256("Jefe", what.as_bytes());
    let take = async |body: &str| server.post_to(&made["url"], ("x-signature", &signed(body)), body).await.1;
    let text = r#"{"id": "m1", "mobile": "919019120123", "text": "Hello"}"#;
    assert_eq!(take(text).await["outcome"], "accepted");
    assert_eq!(take(text).await["outcome"], "duplicate");
    let left = take(r#"{"id": "@{{payload.id}}", "mobile": "919019120123", "message_status": "read"}"#).await;
    assert_eq!(left["outcome"], "unrecognised");
    let read = r#"{"id": "m9", "mobile": "919019120123", "message_status": "read", "read_at": "2024-12-04T13:49:05Z"}"#;
    assert_eq!(take(read).await["outcome"], "accepted");

    let query = "id=m2&mobile=919019120123&text=From%20a%20query";
    let get = |signature: String| {
        let url = format!("{}?{query}", made["url"].as_str().unwrap());
        server.client.get(url).header("x-signature", signature).send()
    };
    assert_eq!(get(signed("")).await.unwrap().status(), 401, "the query is what is signed");
    assert_eq!(get(signed(query)).await.unwrap().status(), 200);

    let seen = server
        .graphql(
            "{ conversations(first: 5, filter: {status: [IN_QUEUE]}) { nodes { contact { phone } channel { medium } \
             messages(last: 5) { nodes { content direction } } } } \
             inboundEvents(filter: {outcome: [UNRECOGNISED]}) { nodes { error event } } }",
            json!({}),
        )
        .await;
    let conversation = &seen["conversations"]["nodes"][0];
    assert_eq!(conversation["contact"]["phone"], "+919019120123");
    assert_eq!(conversation["channel"]["medium"], "WHATSAPP");
    let contents: Vec<_> =
        conversation["messages"]["nodes"].as_array().unwrap().iter().map(|it| it["content"].clone()).collect();
    assert!(contents.contains(&json!("Hello")) && contents.contains(&json!("From a query")), "{contents:?}");
    let kept = &seen["inboundEvents"]["nodes"][0];
    assert_eq!(kept["event"], "dlr");
    assert!(kept["error"].as_str().unwrap().contains("`/id` holds the placeholder"), "{kept}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_what_a_body_would_become_and_writes_nothing() {
    let server = spawn().await;
    let state = server.state().await;
    let body = r#"{"id": "m1", "mobile": "919019120123", "text": "Hello"}"#;
    let preview = async |input: Value| server.graphql(PREVIEW, json!({"input": input})).await["previewMapping"].clone();
    let shown = preview(json!({"mapping": mapping(), "body": body})).await;
    assert_eq!((&shown["outcome"], &shown["rule"], &shown["reason"]), (&json!("ACCEPTED"), &json!("in"), &Value::Null));
    let command = &shown["commands"][0];
    assert_eq!((&command["kind"], &command["key"]), (&json!("message"), &json!({"kind": "in", "id": "m1"})));
    assert_eq!(command["fields"]["person"]["identities"][0]["value"], "+919019120123");
    assert_eq!(command["fields"]["content"], json!({"value": "Hello"}));

    let composed = json!({"mapping": mapping(), "body": r#"{"id": "@{{id}}", "message_status": "read"}"#});
    let shown = preview(composed).await;
    assert_eq!((&shown["outcome"], &shown["commands"]), (&json!("UNRECOGNISED"), &json!([])));
    assert!(shown["reason"].as_str().unwrap().starts_with("rule `dlr`: `/id` holds the placeholder"), "{shown}");
    let get = preview(json!({"mapping": mapping(), "query": "id=m2&mobile=919019120123&text=Hi"})).await;
    assert_eq!(get["outcome"], "ACCEPTED", "{get}");
    let form = json!({"mapping": mapping(), "contentType": "application/x-www-form-urlencoded", "body": "id=1&message_status=sent"});
    assert_eq!(preview(form).await["commands"][0]["kind"], "status");
    assert_eq!(preview(json!({"mapping": mapping(), "body": "{"})).await["outcome"], "QUARANTINED");
    let three = format!("[{body}, {{}}, {{\"id\": \"m1\", \"message_status\": \"read\"}}]");
    let shown = preview(json!({"mapping": mapping(), "body": three})).await;
    let each: Vec<_> = shown["requests"].as_array().unwrap().iter().map(|it| (&it["outcome"], &it["rule"])).collect();
    let (accepted, unrecognised) = (json!("ACCEPTED"), json!("UNRECOGNISED"));
    assert_eq!(each, [(&accepted, &json!("in")), (&unrecognised, &Value::Null), (&accepted, &json!("dlr"))]);
    assert_eq!((&shown["outcome"], &shown["commands"]), (&accepted, &shown["requests"][0]["commands"]));

    let otp = r#"{"event": "otpVerified", "id": "1", "otp": "01234", "verified": true}"#;
    let of_oneroute = preview(json!({"provider": "ONEROUTE", "body": otp})).await;
    assert_eq!((&of_oneroute["event"], &of_oneroute["rule"]), (&json!("otpVerified"), &Value::Null));
    assert!(!of_oneroute.to_string().contains("01234"), "a code is shown nowhere");

    let made = create(
        &server,
        json!({"name": "c", "provider": "CUSTOM", "secret": "s", "phoneRegion": "IN", "mapping": mapping(), "idempotencyKey": "k"}),
    )
    .await;
    let national = r#"{"id": "m1", "mobile": "9019120123", "text": "Hello"}"#;
    let by_source = preview(json!({"sourceId": made["id"], "body": national})).await;
    assert_eq!(by_source["commands"][0]["fields"]["person"]["identities"][0]["value"], "+919019120123");
    let wrong = json!({"mapping": {"rules": [{"kind": "x"}]}, "body": "{}"});
    assert_eq!(server.refused(PREVIEW, wrong).await.0, "input.mapping");
    let other = json!({"provider": "OBLIC", "mapping": mapping(), "body": "{}"});
    assert!(server.refused(PREVIEW, other).await.1.contains("CUSTOM"));
    assert_eq!(server.state().await, state);
    let raw = server.graphql("{ inboundEvents { nodes { id } } }", json!({})).await;
    assert_eq!(raw["inboundEvents"]["nodes"], json!([]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d2_each_element_of_a_nested_list_is_applied_on_its_own() {
    let server = spawn().await;
    let mapping = json!({"rules": [{"name": "in", "kind": "message", "items": "/entry/0/changes/0/value/messages",
        "fields": {"id": "/id", "address": "/from", "content": "/text", "channel": "#/entry/0/to",
                   "medium": {"value": "whatsapp"}},
        "attachments": [{"url": "/MediaUrl*"}, {"items": "/files", "url": "/href", "filename": "/title"}]}]});
    let messages = json!([
        {"id": "m1", "from": "919019120123", "text": "first"},
        {"id": "m2", "text": "from nobody"},
        {"id": "m3", "from": "919019120123", "text": {"body": "third"}, "MediaUrl0": "https://x.example/a.png",
         "MediaUrl1": "https://x.example/b.png", "files": [{"href": "https://x.example/c", "title": "c.pdf"}]},
    ]);
    let body = json!({"entry": [{"to": "919000000001", "changes": [{"value": {"messages": messages}}]}]}).to_string();
    let shown = server.graphql(PREVIEW, json!({"input": {"mapping": mapping, "body": body}})).await;
    let requests = shown["previewMapping"]["requests"].as_array().unwrap().clone();
    let outcomes: Vec<_> = requests.iter().map(|request| request["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["ACCEPTED", "UNRECOGNISED", "ACCEPTED"]);
    assert!(requests[1]["reason"].as_str().unwrap().contains("`address` at `/from`"), "{requests:?}");

    let input = json!({"name": "c", "provider": "CUSTOM", "secret": "Jefe", "mapping": mapping, "idempotencyKey": "k"});
    let made = create(&server, input).await;
    let signature = sign::sha256("Jefe", body.as_bytes());
    let (status, answer) = server.post_to(&made["url"], ("x-signature", &signature), &body).await;
    let outcomes: Vec<_> =
        answer["events"].as_array().unwrap().iter().map(|event| event["outcome"].as_str().unwrap()).collect();
    assert_eq!(status, 200, "{answer}");
    assert_eq!(outcomes, ["accepted", "unrecognised", "accepted"], "{answer}");
    let (_, again) = server.post_to(&made["url"], ("x-signature", &signature), &body).await;
    assert_eq!(
        (&again["events"][0]["outcome"], &again["events"][2]["outcome"]),
        (&json!("duplicate"), &json!("duplicate"))
    );

    let seen = server
        .graphql(
            "{ conversations(first: 5) { nodes { messages(last: 5) { nodes { content attachments { nodes { url filename } } } } } } \
             inboundEvents(filter: {outcome: [UNRECOGNISED]}) { nodes { error request { body } } } }",
            json!({}),
        )
        .await;
    let told = seen["conversations"]["nodes"][0]["messages"]["nodes"].as_array().unwrap().clone();
    let contents: Vec<_> = told.iter().map(|message| message["content"].as_str().unwrap()).collect();
    assert!(contents.len() == 2 && contents.contains(&"first") && contents.contains(&"third"), "{contents:?}");
    let third = told.iter().find(|message| message["content"] == "third").unwrap();
    let names: Vec<_> = third["attachments"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["filename"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["a.png", "b.png", "c.pdf"]);
    let kept = &seen["inboundEvents"]["nodes"][0];
    assert!(kept["error"].as_str().unwrap().contains("`address`"), "{kept}");
    let kept = kept["request"]["body"].as_str().unwrap();
    assert!(kept.contains("from nobody") && kept.contains("919000000001") && !kept.contains("third"), "{kept}");
    server.stop().await;
}

/// A mapping that puts the text of a message into so many places beside.
fn copies(count: usize) -> Value {
    let mut mapping = mapping();
    let details: serde_json::Map<_, _> = (0..count).map(|number| (format!("d{number}"), json!("/text"))).collect();
    mapping["rules"][0]["details"] = Value::Object(details);
    mapping
}

#[tokio::test(flavor = "multi_thread")]
async fn c4_p6_a_mapping_that_makes_too_much_of_a_request_fails_it_and_loses_nothing() {
    let server = spawn().await;
    let input =
        json!({"name": "c", "provider": "CUSTOM", "secret": "Jefe", "mapping": copies(90), "idempotencyKey": "k"});
    let made = create(&server, input).await;
    let large = json!({"id": "m1", "mobile": "919019120123", "text": "x".repeat(200_000)}).to_string();
    let small = json!({"id": "m2", "mobile": "919019120123", "text": "x".repeat(2_000)}).to_string();
    let take = async |body: &str| {
        let signature = sign::sha256("Jefe", body.as_bytes());
        server.post_to(&made["url"], ("x-signature", &signature), body).await
    };
    assert_eq!(take(&small).await.1["outcome"], "accepted");
    let (status, answer) = take(&large).await;
    assert_eq!((status.as_u16(), &answer["outcome"]), (200, &json!("failed")), "{answer}");
    let query = "{ inboundEvents(filter: {outcome: [FAILED]}) { nodes { id error event request { body } } } }";
    let kept = server.graphql(query, json!({})).await["inboundEvents"]["nodes"][0].clone();
    assert!(kept["error"].as_str().unwrap().contains("more than 4194304 bytes"), "{}", kept["error"]);
    assert_eq!((&kept["event"], kept["request"]["body"].as_str()), (&json!("in"), Some(large.as_str())));

    let shown = server.graphql(PREVIEW, json!({"input": {"mapping": copies(90), "body": large}})).await;
    assert_eq!(shown["previewMapping"]["outcome"], "FAILED");
    assert!(shown["previewMapping"]["reason"].as_str().unwrap().contains("4194304"), "{shown}");

    // A replay of it fails too, until the mapping names fewer places.
    let replay =
        "mutation { replayInboundEvents(input: {filter: {outcome: [FAILED]}}) { results { id after error } } }";
    let replayed = async || server.graphql(replay, json!({})).await["replayInboundEvents"]["results"][0].clone();
    let again = replayed().await;
    assert_eq!((&again["id"], &again["after"]), (&kept["id"], &json!("FAILED")), "{again}");
    let update = "mutation($input: UpdateSourceInput!) { updateSource(input: $input) { source { id } } }";
    let input = json!({"id": made["id"], "mapping": copies(2), "idempotencyKey": "u"});
    server.graphql(update, json!({ "input": input })).await;
    let again = replayed().await;
    assert_eq!((&again["id"], &again["after"]), (&kept["id"], &json!("ACCEPTED")), "{again}");
    server.stop().await;
}
