//! Forms of messages, files, reports and times that real senders use, posted at the door and read over GraphQL.

use inlet_domain::ambient::Ambient;
use inlet_tests::{TestServer, database, spawn};
use serde_json::{Value, json};

async fn post(server: &TestServer, provider: &str, body: Value) -> Value {
    let (status, answer) = server.post(provider, None, &body.to_string()).await;
    assert_eq!(status, 200, "{answer}");
    answer["outcome"].clone()
}

async fn oblic(server: &TestServer, kind: &str, payload: Value) -> Value {
    post(server, "oblic", json!({"id": database::unique(), "type": kind, "payload": payload})).await
}

async fn shown(server: &TestServer) -> Vec<Value> {
    let query = "{ conversations(first: 100) { nodes { externalId unread group { name description } contact { lastActiveAt attributes } \
                 messages(last: 20) { nodes { kind content contentType reactions details attachments { nodes { externalId url } } \
                 author { __typename ... on ProviderAgent { name } } } } } } }";
    server.graphql(query, json!({})).await["conversations"]["nodes"].as_array().unwrap().clone()
}

fn whatsapp(from: &str, user: Value, message: Value) -> Value {
    json!({"event": "whatsapp:message:in", "payload": {
        "id": database::unique(), "channels": [{"name": "whatsapp", "to": "919019120000"}],
        "recipient": {"from": from, "user": user}, "message": message}})
}

fn new_message(conversation: &str, message: Value) -> Value {
    json!({"event": "newMessage", "message": message, "conversation": {"id": conversation, "status": "in-queue",
        "customer": {"name": "Nia", "email": format!("{conversation}@example.com")}, "lastMessageAt": "2026-01-01T00:00:00.000Z"}})
}

#[tokio::test]
async fn a_a_message_that_belongs_nowhere_is_unrecognised() {
    let server = spawn().await;
    for contact in [json!(null), json!({"id": "null"}), json!({"id": 0}), json!("0"), json!({})] {
        let message = json!({"id": database::unique(), "conversation_id": "null", "contact": contact, "message": "x"});
        assert_eq!(oblic(&server, "message.created", message).await, "unrecognised", "{contact}");
    }
    // A change of one that is known tells neither.
    let message = json!({"id": "m1", "conversation_id": "v1", "contact": {"id": "c1"}, "message": "x", "created_at": 1_790_000_000});
    assert_eq!(oblic(&server, "message.created", message).await, "accepted");
    let change = json!({"id": "m1", "message": "y", "updated_at": 1_790_000_001});
    assert_eq!(oblic(&server, "message.updated", change).await, "accepted");
    assert_eq!(shown(&server).await[0]["messages"]["nodes"][0]["content"], "y");
    // A part of nothing is nothing: three messages, and no duplicate.
    for (number, id) in ["null:1", "undefined:1", "0:1"].into_iter().enumerate() {
        for turn in ["a", "b"] {
            let message = json!({"sender": {"authUser": false}, "externalId": id, "content": turn});
            assert_eq!(
                post(&server, "oneroute", new_message(&format!("{turn}{number}"), message)).await,
                "accepted",
                "{id}"
            );
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn c6_what_stands_elsewhere_is_shown() {
    let server = spawn().await;
    let url = "https://x.example/a.png";
    let text = json!({"sender": {"name": "Nia", "authUser": false}, "externalId": "e1", "text": "said here"});
    post(&server, "oneroute", new_message("t", text)).await;
    let found = shown(&server).await;
    assert_eq!(found[0]["messages"]["nodes"][0]["content"], "said here");
    for (number, (files, id)) in [
        (json!({"0": {"id": "f0", "file_url": url, "filename": "a.png"}}), json!("f0")),
        (json!({"a1": url}), json!("a1")),
        (json!([[{"file_url": url}]]), json!(null)),
    ]
    .into_iter()
    .enumerate()
    {
        let thread = format!("v{number}");
        oblic(&server, "message.created", json!({"id": format!("m{number}"), "conversation_id": thread,
            "contact": {"id": format!("c{number}")}, "message": null, "attachments": files, "created_at": 1_790_000_000})).await;
        let found = shown(&server).await;
        let mine = found.iter().find(|it| it["externalId"] == thread).unwrap();
        assert_eq!(
            mine["messages"]["nodes"][0]["attachments"]["nodes"],
            json!([{"externalId": id, "url": url}]),
            "{files}"
        );
    }
    let image = json!({"type": "image", "payload": {"image": {"link": url, "caption": "cap g"}}});
    post(&server, "mobtexting", whatsapp("919800000001", json!({}), image)).await;
    assert!(shown(&server).await.iter().any(|it| it["messages"]["nodes"][0]["content"] == "cap g"));
    // A reaction is no message, and opens no conversation.
    let before = shown(&server).await.len();
    let reaction =
        json!({"sender": {"authUser": false}, "externalId": "e2", "content": null, "contentType": "REACTION"});
    assert_eq!(post(&server, "oneroute", new_message("r", reaction)).await, "unrecognised");
    let reaction = json!({"sender": {"authUser": false}, "externalId": "e3", "content": "\u{1f44d}", "contentType": "REACTION",
        "quoted_message_id": "e1"});
    assert_eq!(post(&server, "oneroute", new_message("t", reaction)).await, "accepted");
    let found = shown(&server).await;
    assert_eq!(found.len(), before);
    let said = found.iter().find(|it| it["externalId"] == "t").unwrap();
    assert_eq!(
        (&said["unread"], &said["messages"]["nodes"][0]["reactions"]),
        (&json!(1), &json!({"\u{1f44d}": ["t@example.com"]}))
    );
    server.stop().await;
}

#[tokio::test]
async fn c3_nobody_was_seen_and_no_call_ended_after_it_was_told() {
    let server = spawn().await;
    let now = Ambient::system().now();
    let past = |value: &Value| {
        value.as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap() <= Ambient::system().now()
    };
    let later = "2031-01-01T00:00:00.000Z";
    let message = json!({"sender": {"name": "Nia", "authUser": false, "lastActivity": later}, "externalId": "e1", "content": "x"});
    post(&server, "oneroute", new_message("t", message)).await;
    oblic(&server, "contact.created", json!({"id": "c9", "username": "u9", "last_active_at": 1_990_000_000})).await;
    post(
        &server,
        "mobtexting",
        whatsapp("919800000001", json!({}), json!({"type": "text", "payload": {"text": "hi"}})),
    )
    .await;
    let call = json!({"mid": "1", "bridge": "918000000000", "from": "918000000001", "to": "919800000002", "status": "ANSWER",
        "start_at": "2031-01-01 00:00:00", "end_at": "2031-01-01 00:01:00", "duration": "60"});
    assert_eq!(post(&server, "mobtexting", json!({"event": "voice:message:out", "payload": call})).await, "accepted");
    let query = "{ contacts(first: 100) { nodes { phone email username lastActiveAt } } }";
    let contacts = server.graphql(query, json!({})).await["contacts"]["nodes"].as_array().unwrap().clone();
    let of =
        |member: &str, value: &str| contacts.iter().find(|it| it[member] == value).unwrap()["lastActiveAt"].clone();
    for seen in [of("email", "t@example.com"), of("username", "u9"), of("phone", "+919800000001")] {
        assert!(past(&seen), "{seen} {now}");
    }
    let found = shown(&server).await;
    let call = found.iter().find(|it| it["messages"]["nodes"][0]["kind"] == "CALL").unwrap();
    let details = &call["messages"]["nodes"][0]["details"];
    assert!(past(&details["started_at"]) && past(&details["ended_at"]), "{details}");
    server.stop().await;
}

#[tokio::test]
async fn e3_a_conversation_tells_of_its_group_and_a_group_of_its_writers() {
    let server = spawn().await;
    let group = json!({"id": "g1", "name": "Climbers", "description": "on rocks"});
    oblic(&server, "conversation.created", json!({"id": "v1", "group": group, "created_at": 1_790_000_000})).await;
    let message =
        json!({"id": "m1", "conversation_id": "v1", "contact": {"id": "a1", "username": "ann"}, "message": "hi"});
    oblic(&server, "message.created", message).await;
    let found = shown(&server).await;
    assert_eq!(found[0]["group"], json!({"name": "Climbers", "description": "on rocks"}));
    let user = json!({"id": "u7", "first_name": "Bea", "last_name": "Moss", "phone": "919800000007"});
    let text = json!({"type": "text", "payload": {"text": "from a group"}});
    post(&server, "mobtexting", whatsapp("120363025246125486@g.us", user, text)).await;
    let found = shown(&server).await;
    let said = found.iter().map(|it| &it["messages"]["nodes"][0]).find(|it| it["content"] == "from a group").unwrap();
    assert_eq!(said["author"]["name"], "Bea Moss", "{said}");
    assert_eq!(said["details"]["sender"], json!({"name": "Bea Moss", "phone": "919800000007", "id": "u7"}));
    server.stop().await;
}

#[tokio::test]
async fn e4_what_is_named_like_a_secret_is_not_kept_in_details() {
    let server = spawn().await;
    let message =
        json!({"type": "weird", "payload": {"a": 1, "password": "S3CRET", "n": {"apiKey": "S3CRET"}, "pin": "S3CRET"}});
    let user = json!({"first_name": "Ada", "attributes": {"token": "S3CRET", "plan": "free"}});
    post(&server, "mobtexting", whatsapp("919800000001", user, message)).await;
    let found = Value::from(shown(&server).await).to_string();
    assert!(!found.contains("S3CRET") && found.contains(r#""a":1"#) && found.contains(r#""plan":"free""#), "{found}");
    let told = server.graphql("{ events(first: 20) { nodes { payload } } }", json!({})).await.to_string();
    assert!(!told.contains("S3CRET"), "{told}");
    let verified = json!({"event": "otpVerified", "id": "o1", "identifier": "k", "verified": true, "otp": "012345", "code": "012345"});
    assert_eq!(post(&server, "oneroute", verified).await, "accepted");
    let kept =
        server.graphql("{ inboundEvents(first: 20) { nodes { request { body } } } }", json!({})).await.to_string();
    assert!(!kept.contains("012345"), "{kept}");
    server.stop().await;
}
