//! Contacts that people delete, and conversations that a provider deletes.

use inlet_tests::{LiveClient, fixtures, spawn};
use serde_json::json;

use super::{act, code, done, events_after, head, hear, phone, types};

#[tokio::test]
async fn a_deleted_contact_leaves_its_conversations_and_comes_back_as_a_new_one() {
    let server = spawn().await;
    let phone = phone();
    let conversation = hear(&server, &phone).await;
    let (id, contact) = (&conversation["id"], &conversation["contact"]["id"]);
    let stale = act(
        &server,
        &server.api_key,
        "deleteContact",
        "deletedContactId contact { id }",
        json!({"id": contact, "ifRevision": 9}),
    )
    .await;
    assert_eq!((code(&stale), &stale["data"]["deleteContact"]["contact"]["id"]), ("CONFLICT", contact), "{stale}");
    let from = head(&server).await;
    let gone = done(&server, "deleteContact", "deletedContactId", json!({"id": contact})).await;
    assert_eq!(gone["deletedContactId"], *contact);
    let events = events_after(&server, &from).await;
    assert_eq!(types(&events), ["contact.deleted", "conversation.updated"]);
    assert_eq!(events[0]["payload"]["id"], *contact);
    assert_eq!((&events[1]["previous"]["contact"]["id"], &events[1]["payload"]["contact"]), (contact, &json!(null)));
    let query = "query($id: ID!, $contact: ID!) { conversation(id: $id) { contact { id } messages(last: 1) { nodes { content } } }
        node(id: $contact) { id } contacts { nodes { id } } }";
    let shown = server.graphql(query, json!({"id": id, "contact": contact})).await;
    assert_eq!(
        (&shown["conversation"]["contact"], &shown["node"], &shown["contacts"]["nodes"]),
        (&json!(null), &json!(null), &json!([]))
    );
    assert_eq!(shown["conversation"]["messages"]["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(
        code(&act(&server, &server.api_key, "deleteContact", "deletedContactId", json!({"id": contact})).await),
        "NOT_FOUND"
    );

    let again = hear(&server, &phone).await;
    assert_eq!(again["id"], *id);
    assert!(again["contact"]["id"].is_string() && again["contact"]["id"] != *contact, "{again}");
    server.stop().await;
}

#[tokio::test]
async fn the_refusal_of_a_deleted_contact_goes_on_to_bind_its_addresses() {
    let server = spawn().await;
    let phone = phone();
    let conversation = hear(&server, &phone).await;
    let body = json!({"event": "whatsapp:unsubscription", "payload": {
        "id": 1, "receiver": phone, "type": "all", "value": "*", "status": "created"}});
    assert_eq!(server.post("mobtexting", None, &body.to_string()).await.0, 200);
    done(&server, "deleteContact", "deletedContactId", json!({"id": conversation["contact"]["id"]})).await;
    let query = "{ optOuts { nodes { medium address { kind value } contact { id } } } }";
    let freed = server.graphql(query, json!({})).await;
    let address = json!({"kind": "PHONE", "value": format!("+{phone}")});
    assert_eq!(freed["optOuts"]["nodes"], json!([{"medium": "WHATSAPP", "address": address, "contact": null}]));

    let again = hear(&server, &phone).await["contact"]["id"].clone();
    assert!(again.is_string() && again != conversation["contact"]["id"], "who writes later is somebody");
    let bound = server.graphql(query, json!({})).await;
    assert_eq!(bound["optOuts"]["nodes"][0]["contact"]["id"], again);
    server.stop().await;
}

#[tokio::test]
async fn a_conversation_that_the_provider_deletes_reaches_who_watches_and_stands_nowhere() {
    let server = spawn().await;
    let of_oblic = fixtures::all().into_iter().filter(|fixture| fixture.provider == "oblic");
    let (deleting, others): (Vec<_>, Vec<_>) = of_oblic.partition(|fixture| fixture.file.contains("deleted"));
    for fixture in &others {
        assert_eq!(server.post("oblic", fixture.suffix.as_deref(), &fixture.body).await.0, 200, "{}", fixture.file);
    }
    let listed = server.graphql("{ conversations(first: 50) { nodes { id } } }", json!({})).await;
    let listed = listed["conversations"]["nodes"].as_array().unwrap().clone();
    let mut socket = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    let query = format!(
        "subscription {{ events(after: \"{}\") {{ ... on Event {{ type payload conversation {{ id }} }} }} }}",
        head(&server).await
    );
    socket.subscribe("1", &query).await;
    let fixture =
        deleting.iter().find(|fixture| fixture.file.contains("conversation")).expect("Oblic deletes conversations");
    let (status, answer) = server.post("oblic", fixture.suffix.as_deref(), &fixture.body).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("accepted")), "{answer}");
    let event = socket.data("1").await["events"].clone();
    assert_eq!((&event["type"], &event["conversation"]), (&json!("conversation.deleted"), &json!(null)), "{event}");
    let id = event["payload"]["id"].clone();
    assert!(listed.iter().any(|it| it["id"] == id) && event["payload"]["deleted_at"].is_string(), "{event}");
    let query = "query($id: ID!) { node(id: $id) { id } conversation(id: $id) { id } conversations(first: 50) { nodes { id } } }";
    let found = server.graphql(query, json!({"id": id})).await;
    assert_eq!((&found["node"], &found["conversation"]), (&json!(null), &json!(null)));
    assert!(!found["conversations"].to_string().contains(id.as_str().unwrap()));
    for (name, input) in [
        ("setPriority", json!({"id": id, "priority": "LOW"})),
        ("markRead", json!({"id": id})),
        ("setConversationStatus", json!({"id": id, "status": "OPEN"})),
    ] {
        assert_eq!(
            code(&act(&server, &server.api_key, name, "conversation { id }", input).await),
            "NOT_FOUND",
            "{name}"
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn p2_a_replay_brings_no_deleted_contact_back() {
    let server = spawn().await;
    let number = phone();
    let contact = hear(&server, &number).await["contact"]["id"].clone();
    let refusal = json!({"event": "whatsapp:unsubscription", "payload": {"id": number, "receiver": number,
        "type": "tag", "value": "news", "status": "created"}});
    let profile = json!({"event": "contacts:subscriber:subscription", "payload": {"id": number, "identity": number,
        "attributes": {"name": "Zed"}}});
    for body in [&refusal, &profile] {
        let (_, answer) = server.post("mobtexting", None, &body.to_string()).await;
        assert_eq!(answer["outcome"], "accepted", "{answer}");
    }
    done(&server, "deleteContact", "deletedContactId", json!({ "id": contact })).await;
    let from = head(&server).await;
    for _ in 0..3 {
        let replayed = "mutation { replayInboundEvents(input: {filter: {}}) { results { after eventIds } } }";
        let replayed = server.graphql(replayed, json!({})).await["replayInboundEvents"]["results"].clone();
        let replayed = replayed.as_array().unwrap();
        assert_eq!(replayed.len(), 3, "{replayed:?}");
        for request in replayed {
            assert_eq!(request, &json!({"after": "ACCEPTED", "eventIds": []}));
        }
    }
    assert_eq!(types(&events_after(&server, &from).await), [""; 0]);
    let shown = server.graphql("{ contacts { nodes { name } } }", json!({})).await;
    assert_eq!(shown["contacts"]["nodes"], json!([]));

    // Who writes again is somebody.
    hear(&server, &number).await;
    let shown = server.graphql("{ contacts { nodes { name } } }", json!({})).await;
    assert_eq!(shown["contacts"]["nodes"].as_array().unwrap().len(), 1);
    server.stop().await;
}
