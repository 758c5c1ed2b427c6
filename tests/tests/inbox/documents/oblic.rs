//! The lines OB-1 to OB-10.

use inlet_tests::fixtures;
use serde_json::{Value, json};

use super::{CONTACTS, assert_has, conversations, identities, messages, nodes, only, post, taught};

const KEVIN: &str = "WAz8eIbvDR60rouK";
const BUZZ: &str = "Bz71hQ0PpWl2RkUe";

/// A server that has taken all but the last samples, which delete.
async fn before_deletions() -> inlet_tests::TestServer {
    let server = inlet_tests::spawn().await;
    for fixture in fixtures::of("oblic").iter().filter(|fixture| !fixture.file.contains("deleted")) {
        assert_eq!(post(&server, fixture).await, "accepted", "{}", fixture.file);
    }
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn ob_2_contacts_are_created_and_updated() {
    let server = before_deletions().await;
    let query = "{ contacts(first: 20) { nodes { name phone email username avatarUrl lastActiveAt identities { nodes { kind value } } } } }";
    let contacts = nodes(&server, query).await;
    assert_eq!(contacts.len(), 2, "{contacts:#?}");
    let kevin = only(&contacts, "/username", "KevinMcCallister");
    let expected = json!({
        "name": "KevinMcCallister", "phone": "+18007593000", "email": null,
        "avatarUrl": "https://assets.oblic.chat/avatars/kevin.jpg", "lastActiveAt": "1992-05-05T22:00:00.000Z",
    });
    assert_has(kevin, expected);
    // The profile's number is shown and is no address.
    assert_eq!(identities(kevin), [format!("PROVIDER_USER {KEVIN}"), "USERNAME KevinMcCallister".to_owned()]);
    let buzz = only(&contacts, "/username", "BuzzMcCallister");
    assert_has(buzz, json!({"phone": "+14155552671", "avatarUrl": null, "lastActiveAt": "1991-12-08T23:01:00.000Z"}));
    assert!(identities(buzz).contains(&format!("PROVIDER_USER {BUZZ}")));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ob_3_10_a_conversation_keeps_what_an_update_leaves_out() {
    let server = before_deletions().await;
    let queue = conversations(&server, "IN_QUEUE").await;
    assert_eq!(queue.len(), 2);
    for (id, name) in [("xgQQXg3hrtjh7AvZ", "KevinMcCallister"), ("p0ZkT1v3NnQw8sLd", "BuzzMcCallister")] {
        let conversation = only(&queue, "/externalId", id);
        assert_has(conversation, json!({"unread": 1, "status": "IN_QUEUE"}));
        assert_has(&conversation["channel"], json!({"medium": "WEBCHAT"}));
        assert_eq!(conversation["contact"]["name"], name);
    }
    let query = "{ conversations(first: 20) { nodes { externalId attributes } } }";
    let all = nodes(&server, query).await;
    let updated = &only(&all, "/externalId", "xgQQXg3hrtjh7AvZ")["attributes"];
    assert_has(updated, json!({"pinned": true, "muted": false, "created_at": "1991-12-08T23:00:00.000Z"}));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ob_4_8_10_messages_are_inbound_and_an_equal_version_adds_its_read_time() {
    let server = before_deletions().await;
    let queue = conversations(&server, "IN_QUEUE").await;
    let [kevins] = messages(only(&queue, "/externalId", "xgQQXg3hrtjh7AvZ")) else { panic!("{queue:#?}") };
    let expected = json!({
        "externalId": "SIuAFUNKdSYHZF2w", "direction": "INBOUND", "kind": "MESSAGE", "status": null,
        "content": "I’m traveling with my dad. He’s at a meeting. I hate meetings.",
        "occurredAt": "1991-12-08T23:00:00.000Z", "readAt": "1992-05-05T22:00:00.000Z",
    });
    assert_has(kevins, expected);
    let [buzzs] = messages(only(&queue, "/externalId", "p0ZkT1v3NnQw8sLd")) else { panic!("{queue:#?}") };
    let expected = json!({
        "externalId": "q8WzVt3uRk1LmC0a", "readAt": null, "occurredAt": "1991-12-08T23:01:00.000Z",
        "content": "I wouldn’t let you sleep in my room if you were growing on my face.",
    });
    assert_has(buzzs, expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ob_6_groups_name_their_contacts() {
    let server = before_deletions().await;
    let groups = nodes(&server, "{ groups(first: 20) { nodes { externalId name participants } } }").await;
    assert_eq!(groups.len(), 2);
    let cases = [
        ("g5RkX0mNwT2yLq9J", "The McCallisters in Paris", ["KevinMcCallister", "BuzzMcCallister"]),
        ("g7Hn3BvLc8SdQ4tY", "Wet Bandits", ["HarryLime", "MarvMerchants"]),
    ];
    for (id, name, people) in cases {
        let people = people.map(|username| json!({"username": username}));
        assert_has(only(&groups, "/externalId", id), json!({"name": name, "participants": people}));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ob_7_attachments_join_their_message() {
    let server = before_deletions().await;
    let queue = conversations(&server, "IN_QUEUE").await;
    let [message] = messages(only(&queue, "/externalId", "xgQQXg3hrtjh7AvZ")) else { panic!("{queue:#?}") };
    let expected = json!([
        {"kind": "DOCUMENT", "url": "https://assets.oblic.chat/files/ticket.pdf", "filename": "boarding-pass.pdf"},
        {"kind": "IMAGE", "url": "https://assets.oblic.chat/files/plan.jpg", "filename": "plan.jpg"},
    ]);
    assert_eq!(message["attachments"]["nodes"], expected);
    let query = "query($id: ID!) { message(id: $id) { attachments { nodes { externalId mimeType sizeBytes } } } }";
    let more = server.graphql(query, json!({"id": message["id"]})).await["message"]["attachments"]["nodes"].clone();
    assert_eq!(more[0]["externalId"], "f3PqW8xZr1TnKd6B");
    assert_eq!((&more[0]["mimeType"], more[0]["sizeBytes"].as_f64()), (&json!("application/pdf"), Some(48213.0)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ob_9_deleted_hides_and_leaves_all_else() {
    let server = taught("oblic").await;
    let queue = conversations(&server, "IN_QUEUE").await;
    let [conversation] = queue.as_slice() else { panic!("Buzz's conversation is hidden: {queue:#?}") };
    assert_eq!(conversation["externalId"], "xgQQXg3hrtjh7AvZ");
    let [message] = messages(conversation) else { panic!("{conversation:#}") };
    let attachments: Vec<&Value> =
        message["attachments"]["nodes"].as_array().unwrap().iter().map(|it| &it["filename"]).collect();
    assert_eq!(attachments, ["boarding-pass.pdf"]);
    let contacts = nodes(&server, CONTACTS).await;
    assert_eq!(contacts.iter().map(|it| &it["name"]).collect::<Vec<_>>(), ["KevinMcCallister"]);
    let groups = nodes(&server, "{ groups(first: 20) { nodes { name } } }").await;
    assert_eq!(groups, [json!({"name": "The McCallisters in Paris"})]);

    let log = nodes(&server, "{ events(first: 100, after: null) { nodes { type payload } } }").await;
    for kind in ["attachment", "message", "conversation", "group", "contact"] {
        let of_kind: Vec<&Value> = log.iter().filter(|event| event["type"] == format!("{kind}.deleted")).collect();
        assert_eq!(of_kind.len(), 1, "one {kind}.deleted, for a deletion never cascades");
        assert!(of_kind[0]["payload"]["deleted_at"].is_string(), "{}", of_kind[0]);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ob_10_a_create_that_comes_again_under_another_envelope_revives_nothing() {
    let server = taught("oblic").await;
    let before = server.state().await;
    for fixture in fixtures::of("oblic").iter().filter(|fixture| fixture.file.contains("created-second")) {
        let mut body: Value = serde_json::from_str(&fixture.body).unwrap();
        body["id"] = json!(format!("{}-again", body["id"].as_str().unwrap()));
        let (status, answer) = server.post("oblic", None, &body.to_string()).await;
        assert_eq!(status, 200, "{}: {answer}", fixture.file);
    }
    assert_eq!(server.state().await, before);
    server.stop().await;
}
