//! What still waits for its other half is shown, with since when, until that comes (P4).

use inlet_tests::spawn;
use serde_json::{Value, json};

const WAITING: &str = "query ($first: Int, $after: Cursor, $last: Int, $before: Cursor) {
    waitingReferences(first: $first, after: $after, last: $last, before: $before) {
        edges { cursor node { id kind externalId waiting since message { id externalId } } }
        pageInfo { hasNextPage hasPreviousPage endCursor startCursor } } }";

fn oblic(id: &str, kind: &str, payload: Value) -> String {
    json!({"id": id, "type": kind, "payload": payload}).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_what_waits_is_shown_until_its_other_half_comes() {
    let server = spawn().await;
    let contact = json!({"id": "c1", "username": "ada", "phone_number": "+919800000001"});
    let halves = [
        oblic("e1", "message.updated", json!({"id": "m1", "reactions": {"+1": ["ada"]}, "updated_at": 1_700_000_300})),
        oblic("e2", "message.deleted", json!({"id": "m2"})),
        oblic(
            "e3",
            "attachment.created",
            json!({"id": "f1", "message_id": "m3", "file_url": "https://example.com/a.png"}),
        ),
    ];
    for body in &halves {
        assert_eq!(server.post("oblic", None, body).await.1["outcome"], "accepted", "{body}");
    }
    let report = json!({"event": "whatsapp:message:status", "payload": {"id": "m4", "channel": "whatsapp",
        "from": "919019120000", "to": "919800000002", "status": "delivered"}});
    assert_eq!(server.post("mobtexting", None, &report.to_string()).await.1["outcome"], "accepted");

    let all = server.graphql(WAITING, json!({"first": 10})).await["waitingReferences"].clone();
    let shown: Vec<(&str, &str, bool)> = all["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| {
            let node = &edge["node"];
            let since = node["since"].as_str().unwrap().starts_with("20");
            (node["externalId"].as_str().unwrap(), node["waiting"].as_str().unwrap(), since)
        })
        .collect();
    assert_eq!(
        shown,
        [("m1", "UPDATE", true), ("m2", "DELETION", true), ("m3", "ATTACHMENT", true), ("m4", "PLACEHOLDER", true)]
    );
    assert_eq!(all["edges"][3]["node"]["message"]["externalId"], "m4");

    // The same in pages, from both ends, and one by its id.
    let first = server.graphql(WAITING, json!({"first": 3})).await["waitingReferences"].clone();
    let rest = json!({"first": 3, "after": first["pageInfo"]["endCursor"]});
    let rest = server.graphql(WAITING, rest).await["waitingReferences"].clone();
    assert_eq!((&first["edges"][2], &rest["edges"][0]), (&all["edges"][2], &all["edges"][3]));
    let last = server.graphql(WAITING, json!({"last": 2})).await["waitingReferences"].clone();
    assert_eq!((&last["edges"][0], &last["edges"][1]), (&all["edges"][2], &all["edges"][3]));
    let node = "query ($id: ID!) { node(id: $id) { id ... on WaitingReference { externalId } } }";
    let one = server.graphql(node, json!({"id": all["edges"][0]["node"]["id"]})).await;
    assert_eq!(one["node"]["externalId"], "m1");

    let others = [
        oblic(
            "e4",
            "message.created",
            json!({"id": "m1", "conversation_id": "v1", "contact": contact,
            "message": "hello", "created_at": 1_700_000_000, "updated_at": 1_700_000_000}),
        ),
        oblic(
            "e5",
            "message.created",
            json!({"id": "m2", "conversation_id": "v1", "contact": contact,
            "message": "gone", "created_at": 1_700_000_001, "updated_at": 1_700_000_001}),
        ),
        oblic(
            "e6",
            "message.created",
            json!({"id": "m3", "conversation_id": "v1", "contact": contact,
            "message": "see this", "created_at": 1_700_000_002, "updated_at": 1_700_000_002}),
        ),
    ];
    for body in &others {
        assert_eq!(server.post("oblic", None, body).await.1["outcome"], "accepted", "{body}");
    }
    let left = server.graphql(WAITING, json!({"first": 10})).await["waitingReferences"].clone();
    assert_eq!(left["edges"], json!([all["edges"][3]]));
    let messages = "query { conversations(first: 5) { nodes { messages(first: 5) { nodes {
        externalId content attachments { nodes { url } } } } } } }";
    let messages = server.graphql(messages, json!({})).await.to_string();
    assert!(messages.contains("see this") && messages.contains("a.png") && !messages.contains("gone"), "{messages}");
    server.stop().await;
}
