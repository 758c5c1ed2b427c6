//! What each member has read.

use inlet_tests::{TestServer, spawn};
use serde_json::{Value, json};

use super::{act, ask, code, done, events_after, head, hear, member, phone, types};

const SHOWN: &str = "conversation { unread revision }";

#[tokio::test]
async fn each_member_has_a_mark_of_their_own_and_a_key_sees_what_anyone_has_read() {
    let server = spawn().await;
    let phone = phone();
    hear(&server, &phone).await;
    let id = hear(&server, &phone).await["id"].clone();
    let ((one, first), (_, second)) = (member(&server, "AGENT").await, member(&server, "AGENT").await);
    let key = server.api_key.clone();
    let unread = async |token: &str| -> Value {
        let answer =
            ask(&server, token, "query($id: ID!) { conversation(id: $id) { unread } }", json!({"id": id})).await;
        answer["data"]["conversation"]["unread"].clone()
    };
    let mark = async |token: &str, name: &str| {
        act(&server, token, name, SHOWN, json!({"id": id})).await["data"][name]["conversation"].clone()
    };
    let from = head(&server).await;
    let revision = mark(&first, "markRead").await["revision"].clone();
    assert_eq!((unread(&first).await, unread(&second).await, unread(&key).await), (json!(0), json!(2), json!(0)));
    mark(&first, "markRead").await;
    mark(&second, "markUnread").await;
    assert!(events_after(&server, &from).await.is_empty(), "what one has read is one's own");
    let query = "query($after: Cursor) { events(first: 100, after: $after) { nodes { type payload } } }";
    let events = ask(&server, &first, query, json!({"after": from})).await["data"]["events"]["nodes"].clone();
    let events = events.as_array().unwrap();
    assert_eq!(types(events), ["conversation.read"], "what stands so already is not told");
    assert_eq!((&events[0]["payload"]["member_id"], &events[0]["payload"]["unread"]), (&json!(one), &json!(0)));

    hear(&server, &phone).await;
    assert_eq!((unread(&first).await, unread(&key).await), (json!(1), json!(1)));
    mark(&second, "markRead").await;
    mark(&first, "markRead").await;
    assert_eq!(
        mark(&first, "markUnread").await,
        json!({"unread": 1, "revision": revision}),
        "no change of the conversation"
    );
    assert_eq!(unread(&key).await, json!(0), "the other has read it");
    mark(&second, "markUnread").await;
    assert_eq!((unread(&second).await, unread(&key).await), (json!(1), json!(1)));
    mark(&key, "markRead").await;
    assert_eq!((unread(&key).await, unread(&first).await), (json!(0), json!(1)), "a key has no mark of a member's");
    server.stop().await;
}

#[tokio::test]
async fn a_webhook_never_gets_what_was_read() {
    let server = spawn().await;
    let refused = server
        .refused(
            "mutation($input: RegisterWebhookInput!) { registerWebhook(input: $input) { webhook { id } } }",
            json!({"name": "w", "url": "http://127.0.0.1:9/", "eventTypes": ["conversation.read"], "idempotencyKey": "k"}),
        )
        .await;
    assert!(refused.0.starts_with("input.eventTypes"), "{refused:?}");
    server.stop().await;
}

/// The conversation that a person's messages went to, with the ids of these in the order in which they came.
async fn heard(server: &TestServer, phone: &str, count: usize) -> (Value, Vec<Value>) {
    let mut messages = Vec::new();
    let mut conversation = Value::Null;
    for _ in 0..count {
        conversation = hear(server, phone).await["id"].clone();
        let query = "query($id: ID!) { conversation(id: $id) { lastMessage { id } } }";
        let shown = server.graphql(query, json!({"id": conversation})).await;
        messages.push(shown["conversation"]["lastMessage"]["id"].clone());
    }
    (conversation, messages)
}

#[tokio::test]
async fn c5_what_came_after_the_message_stays_unread() {
    let server = spawn().await;
    let (id, messages) = heard(&server, &phone(), 5).await;
    let ((_, agent), (_, other)) = (member(&server, "AGENT").await, member(&server, "AGENT").await);
    let read = async |token: &str, up_to: &Value| {
        act(&server, token, "markRead", SHOWN, json!({"id": id, "upTo": up_to})).await
    };
    let unread = async |token: &str| -> Value {
        let answer =
            ask(&server, token, "query($id: ID!) { conversation(id: $id) { unread } }", json!({"id": id})).await;
        answer["data"]["conversation"]["unread"].clone()
    };
    let from = head(&server).await;
    // A mark never moves back, and what it stands at already raises no event.
    for (up_to, left) in [(1, 3), (0, 3), (1, 3), (3, 1)] {
        let answer = read(&agent, &messages[up_to]).await;
        assert_eq!(answer["data"]["markRead"]["conversation"]["unread"], json!(left), "{answer}");
    }
    assert_eq!((unread(&other).await, unread(&server.api_key).await), (json!(5), json!(1)));
    let query = "query($after: Cursor) { events(first: 100, after: $after) { nodes { type payload } } }";
    let events = ask(&server, &agent, query, json!({"after": from})).await["data"]["events"]["nodes"].clone();
    let events = events.as_array().unwrap();
    assert_eq!(types(events), ["conversation.read"; 2]);
    assert_eq!((&events[0]["payload"]["read_count"], &events[0]["payload"]["unread"]), (&json!(2), &json!(3)));

    // Of another conversation, of nobody, and no message at all.
    let (_, elsewhere) = heard(&server, &phone(), 1).await;
    let answer = read(&agent, &elsewhere[0]).await;
    assert_eq!(
        (code(&answer), &answer["errors"][0]["extensions"]["inputPath"]),
        ("BAD_USER_INPUT", &json!(["input", "upTo"]))
    );
    assert_eq!(code(&read(&agent, &json!("msg_01h455vb4pex5vsknk084sn02q")).await), "NOT_FOUND");
    assert_eq!(code(&read(&agent, &id).await), "BAD_USER_INPUT");

    // Without it all is read; unread again is the last one.
    act(&server, &agent, "markRead", SHOWN, json!({"id": id, "upTo": null})).await;
    assert_eq!(unread(&agent).await, json!(0));
    done(&server, "markRead", SHOWN, json!({"id": id, "upTo": messages[2]})).await;
    act(&server, &agent, "markUnread", SHOWN, json!({"id": id})).await;
    assert_eq!(unread(&agent).await, json!(1));
    let answer = read(&agent, &messages[3]).await;
    assert_eq!(answer["data"]["markRead"]["conversation"]["unread"], json!(1));
    let answer = read(&agent, &messages[4]).await;
    assert_eq!(answer["data"]["markRead"]["conversation"]["unread"], json!(0));
    server.stop().await;
}

/// An Oblic message of this person's; of the same thread always.
async fn oblic(server: &TestServer, kind: &str, id: &str, phone: &str) {
    let at = 1_700_000_000;
    let payload = match kind {
        "message.deleted" => json!({"id": id}),
        _ => json!({"id": id, "conversation_id": format!("t{phone}"), "message": format!("said {id}"),
                    "contact": {"id": format!("c{phone}"), "phone_number": format!("+{phone}")},
                    "created_at": at, "updated_at": at}),
    };
    let body = json!({"id": format!("{kind}-{id}"), "type": kind, "payload": payload});
    let (status, answer) = server.post("oblic", None, &body.to_string()).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("accepted")), "{answer}");
}

#[tokio::test]
async fn c5_deleting_lowers_what_is_unread_and_no_ordinal_is_given_again() {
    let server = spawn().await;
    let phone = phone();
    for number in 0..4 {
        oblic(&server, "message.created", &format!("m{number}"), &phone).await;
    }
    let query = "{ conversations { nodes { id unread messages(first: 10) { nodes { id externalId } } } } }";
    let shown = server.graphql(query, json!({})).await["conversations"]["nodes"][0].clone();
    let id = shown["id"].clone();
    let message = |external: &str| {
        let all = shown["messages"]["nodes"].as_array().unwrap();
        all.iter().find(|it| it["externalId"] == json!(external)).unwrap()["id"].clone()
    };
    let unread = async || server.graphql(query, json!({})).await["conversations"]["nodes"][0]["unread"].clone();
    done(&server, "markRead", SHOWN, json!({"id": id, "upTo": message("m1")})).await;
    assert_eq!(unread().await, json!(2));
    oblic(&server, "message.deleted", "m0", &phone).await;
    assert_eq!(unread().await, json!(2), "it was read");
    oblic(&server, "message.deleted", "m3", &phone).await;
    assert_eq!(unread().await, json!(1), "it was not");
    oblic(&server, "message.created", "m4", &phone).await;
    assert_eq!(unread().await, json!(2));
    done(&server, "markRead", SHOWN, json!({"id": id, "upTo": message("m2")})).await;
    assert_eq!(unread().await, json!(1), "the last one came after it");
    let gone = act(&server, &server.api_key, "markRead", SHOWN, json!({"id": id, "upTo": message("m3")})).await;
    assert_eq!(code(&gone), "NOT_FOUND", "{gone}");
    let ordinals: Vec<i64> =
        sqlx::query_scalar("SELECT ordinal FROM message ORDER BY id").fetch_all(&server.database).await.unwrap();
    assert_eq!(ordinals, [1, 2, 3, 4, 5]);
    server.stop().await;
}

#[tokio::test]
async fn c5_an_outbound_message_and_a_note_stand_for_what_came_before_them() {
    let server = spawn().await;
    let phone = phone();
    let (id, _) = heard(&server, &phone, 2).await;
    let note = "INSERT INTO message (workspace_id, id, conversation_id, direction, kind, origin, author_kind, occurred_at, \
                  created_at, updated_at, content) \
                SELECT workspace_id, $1, id, 'outbound', 'note', 'inlet', 'system', now(), now(), now(), 'seen' FROM conversation";
    let uuid = inlet_domain::ambient::Ambient::system().uuid();
    sqlx::query(note).bind(uuid).execute(&server.database).await.unwrap();
    heard(&server, &phone, 3).await;
    let note = inlet_domain::ids::MessageId(uuid).to_string();
    let input = json!({"name": "w", "scopes": ["READ", "WRITE"], "idempotencyKey": "w"});
    let blind = done(&server, "createApiKey", "token", input).await["token"].as_str().unwrap().to_owned();
    let input = json!({"id": id, "upTo": note});
    assert_eq!(code(&act(&server, &blind, "markRead", SHOWN, input.clone()).await), "NOT_FOUND", "they see no notes");
    let read = done(&server, "markRead", SHOWN, input).await;
    assert_eq!(read["conversation"]["unread"], json!(3));
    server.stop().await;
}
