//! What the staff writes of a contact, and that no provider overwrites it.

use inlet_domain::ambient::Ambient;
use inlet_tests::{TestServer, database, spawn};
use serde_json::{Value, json};

use super::{act, code, done, events_after, head, hear, phone, types};

const SHOWN: &str = "contact { id name phone email revision mergedInto { id } }";

/// Oblic's event of that type.
async fn oblic(server: &TestServer, kind: &str, payload: Value) {
    let body = json!({"id": database::unique(), "type": kind, "payload": payload}).to_string();
    let (status, answer) = server.post("oblic", None, &body).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("accepted")), "{answer}");
}

async fn named(server: &TestServer) -> Vec<Value> {
    let shown = server.graphql("{ contacts { nodes { id name phone email revision } } }", json!({})).await;
    shown["contacts"]["nodes"].as_array().unwrap().clone()
}

#[tokio::test]
async fn b6_what_the_staff_wrote_is_never_overwritten_by_a_provider() {
    let server = spawn().await;
    let now = Ambient::system().now().timestamp();
    let record = |name: &str, at: i64| json!({"id": "u1", "username": "kevin", "name": name, "phone_number": "+919800000001", "email": "k@example.com", "updated_at": at});
    let message = |id: &str, at: i64| json!({"id": id, "conversation_id": "k1", "contact": record("Told beside a message", at), "message": id, "created_at": at, "updated_at": at});
    oblic(&server, "contact.updated", record("Kevin", now - 600)).await;
    let before = &named(&server).await[0];
    assert_eq!((&before["name"], &before["phone"]), (&json!("Kevin"), &json!("+919800000001")));
    let from = head(&server).await;
    let written =
        json!({"id": before["id"], "name": " Dr. Kevin ", "phone": "+44 (0)7400 123456", "email": "Kev@Example.com"});
    let contact = done(&server, "updateContact", SHOWN, written).await["contact"].clone();
    let ours = json!({"id": before["id"], "name": "Dr. Kevin", "phone": "+447400123456", "email": "kev@example.com",
        "revision": before["revision"].as_i64().unwrap() + 1});
    for (member, value) in ours.as_object().unwrap() {
        assert_eq!(&contact[member], value, "{contact}");
    }
    let events = events_after(&server, &from).await;
    assert_eq!(types(&events), ["contact.updated"]);
    assert_eq!(
        (&events[0]["previous"]["name"], &events[0]["payload"]["name"], &events[0]["actor"]["__typename"]),
        (&json!("Kevin"), &json!("Dr. Kevin"), &json!("ApiKey"))
    );
    for at in [now - 700, now - 300, now - 1, now + 3600] {
        oblic(&server, "contact.updated", record("Kevin the second", at)).await;
        oblic(&server, "message.created", message(&format!("m{at}"), at)).await;
    }
    let after = &named(&server).await[0];
    for member in ["name", "phone", "email"] {
        assert_eq!(after[member], ours[member], "{after}");
    }

    // What is taken away goes back to the providers, and the rest stays the staff's.
    let contact =
        done(&server, "updateContact", SHOWN, json!({"id": before["id"], "name": null})).await["contact"].clone();
    assert_eq!((&contact["name"], &contact["phone"]), (&json!(null), &ours["phone"]));
    oblic(&server, "contact.updated", record("Kevin the third", now - 2)).await;
    let after = &named(&server).await[0];
    assert_eq!((&after["name"], &after["phone"]), (&json!("Kevin the third"), &ours["phone"]));
    server.stop().await;
}

#[tokio::test]
async fn b6_what_the_staff_wrote_joins_nobody_and_moves_with_a_merge() {
    let server = spawn().await;
    let (one, two) = (phone(), phone());
    let (first, second) = (hear(&server, &one).await["contact"].clone(), hear(&server, &two).await["contact"].clone());
    let written = json!({"id": first["id"], "email": "both@example.com", "phone": format!("+{two}")});
    done(&server, "updateContact", SHOWN, written).await;
    hear(&server, &two).await;
    assert_eq!(named(&server).await.len(), 2, "a written phone number is no address");
    let suggests = "query($id: ID!) { contact(id: $id) { suggestedMerges { value contact { id } } } }";
    let suggested = server.graphql(suggests, json!({"id": first["id"]})).await;
    assert_eq!(
        suggested["contact"]["suggestedMerges"],
        json!([{"value": format!("+{two}"), "contact": {"id": second["id"]}}])
    );

    let merged = json!({"contactId": first["id"], "intoId": second["id"]});
    done(&server, "mergeContacts", "contact { id }", merged).await;
    let after = named(&server).await;
    let survivor = after.iter().find(|contact| contact["id"] == second["id"]).unwrap();
    assert_eq!(survivor["email"], "both@example.com");
    for contact in [&first, &second] {
        let suggested = server.graphql(suggests, json!({"id": contact["id"]})).await;
        assert_eq!(suggested["contact"]["suggestedMerges"], json!([]), "of a tombstone and of who it went into");
    }
    let answer =
        act(&server, &server.api_key, "updateContact", SHOWN, json!({"id": first["id"], "name": "Gone"})).await;
    assert_eq!(code(&answer), "BAD_USER_INPUT", "{answer}");
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains(second["id"].as_str().unwrap()), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn b6_what_is_no_name_phone_or_email_is_refused_with_its_place() {
    let server = spawn().await;
    let contact = hear(&server, &phone()).await["contact"].clone();
    for (member, value) in [
        ("name", ""),
        ("name", "\u{200b}"),
        ("name", "a\nb"),
        ("phone", "07400 123456"),
        ("phone", "+1"),
        ("phone", "ada"),
        ("email", "ada"),
        ("email", "Ada <ada@example.com>"),
    ] {
        let input = json!({"id": contact["id"], member: value});
        let answer = act(&server, &server.api_key, "updateContact", SHOWN, input).await;
        assert_eq!(code(&answer), "BAD_USER_INPUT", "{member} {value:?}: {answer}");
        let path = &answer["errors"][0]["extensions"]["inputPath"];
        assert_eq!(path, &json!(["input", member]), "{answer}");
    }
    assert_eq!(named(&server).await[0]["name"], contact["name"]);

    let revision = named(&server).await[0]["revision"].clone();
    let write = |name: &str, revision: &Value| json!({"id": contact["id"], "name": name, "ifRevision": revision});
    done(&server, "updateContact", SHOWN, write("Ada", &revision)).await;
    let answer = act(&server, &server.api_key, "updateContact", SHOWN, write("Eve", &revision)).await;
    assert_eq!(code(&answer), "CONFLICT", "{answer}");
    assert_eq!(answer["data"]["updateContact"]["contact"]["name"], "Ada");
    server.stop().await;
}
