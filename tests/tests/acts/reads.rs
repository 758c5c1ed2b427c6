//! What each member has read.

use inlet_tests::spawn;
use serde_json::{Value, json};

use super::{act, ask, events_after, head, hear, member, phone, types};

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
