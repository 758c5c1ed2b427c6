//! What real senders write, posted at the door and read over GraphQL.

use inlet_domain::ambient::Ambient;
use inlet_tests::{TestServer, database, sign, spawn};
use serde_json::{Value, json};

async fn post(server: &TestServer, provider: &str, body: Value) -> String {
    let (status, answer) = server.post(provider, None, &body.to_string()).await;
    assert_eq!(status, 200, "{answer}");
    answer["outcome"].as_str().unwrap().to_owned()
}

async fn contacts(server: &TestServer) -> Vec<Value> {
    let query = "{ contacts(first: 100) { nodes { id name phone email identities { nodes { kind value original } } \
                 optOuts { nodes { address { value } } } suggestedMerges { reason value contact { phone } } } } }";
    server.graphql(query, json!({})).await["contacts"]["nodes"].as_array().unwrap().clone()
}

/// A WhatsApp message from this address, of a user with these members.
fn whatsapp(from: impl Into<Value>, user: Value) -> Value {
    json!({"event": "whatsapp:message:in", "payload": {
        "id": database::unique(), "channels": [{"name": "whatsapp", "to": "919019120000"}],
        "recipient": {"from": from.into(), "user": user},
        "message": {"type": "text", "payload": {"text": "hello"}}}})
}

fn new_message(conversation: Value, customer: Value, external_id: Value, content: &str) -> Value {
    json!({"event": "newMessage",
        "message": {"sender": {"name": "x", "authUser": false}, "externalId": external_id, "content": content,
                    "contentType": "TEXT"},
        "conversation": {"id": conversation, "customer": customer, "status": "in-queue",
                         "lastMessageAt": "2026-01-01T00:00:00.000Z",
                         "Channel": {"id": "c1", "medium": "WHATSAPP", "identifier": "shop"}}})
}

#[tokio::test]
async fn a_an_id_that_is_no_id_loses_no_message_and_joins_nobody() {
    let server = spawn().await;
    for (n, placeholder) in
        [json!("null"), json!("NULL"), json!("undefined"), json!(0), json!(""), json!(" - "), json!("0"), json!("None")]
            .into_iter()
            .enumerate()
    {
        let customer = json!({"name": format!("n{n}"), "email": format!("c{n}@example.com")});
        let body = new_message(json!(format!("conv-{n}")), customer, placeholder.clone(), &format!("said {n}"));
        assert_eq!(post(&server, "oneroute", body).await, "accepted", "{placeholder}");
    }
    assert_eq!(contacts(&server).await.len(), 8);
    // Nothing tells two nameless customers apart: neither is taken for the other.
    let nobody = json!({"name": null, "email": null});
    for placeholder in [json!("null"), json!("Undefined"), json!("0000"), json!("---")] {
        let body = new_message(placeholder.clone(), nobody.clone(), json!("m"), "who am I?");
        assert_eq!(post(&server, "oneroute", body).await, "unrecognised", "{placeholder}");
    }
    assert_eq!(contacts(&server).await.len(), 8);

    let report = |id: &str, status: &str, reason: &str| {
        json!({"event": "smsDeliveryReport", "message": null, "conversation": {
            "id": id, "externalId": "null", "status": status, "reason": reason, "from": "Shop", "to": "919800000001"}})
    };
    post(&server, "oneroute", report("A", "delivered", "fine")).await;
    post(&server, "oneroute", report("B", "failed", "no such number")).await;
    let query = "{ conversations(first: 100) { nodes { messages(last: 10) { nodes { externalId status } } } } }";
    let shown = server.graphql(query, json!({})).await["conversations"]["nodes"].to_string();
    assert!(shown.contains(r#"{"externalId":"A","status":"DELIVERED"}"#), "{shown}");
    assert!(shown.contains(r#"{"externalId":"B","status":"FAILED"}"#), "{shown}");
    server.stop().await;
}

#[tokio::test]
async fn a_a_sender_who_hides_is_never_one_person_for_all() {
    let server = spawn().await;
    for hidden in ["anonymous", "Unknown", "PRIVATE", "0", "0000", "anonymous@anonymous.invalid", "Restricted"] {
        for _ in 0..2 {
            assert_eq!(post(&server, "mobtexting", whatsapp(hidden, json!({}))).await, "accepted", "{hidden}");
        }
    }
    let found = contacts(&server).await;
    assert_eq!(found.len(), 14, "each is a contact of its own");
    assert!(found.iter().all(|contact| contact["phone"].is_null() && contact["name"].is_null()), "{found:?}");
    server.stop().await;
}

#[tokio::test]
async fn b1_a_profile_joins_nobody_and_is_offered_as_a_merge() {
    let server = spawn().await;
    for n in 1..=3 {
        let user =
            json!({"id": format!("u{n}"), "first_name": format!("Guest {n} Rao"), "email": "desk@hotel.example"});
        post(&server, "mobtexting", whatsapp(format!("9198000000{n:02}"), user)).await;
    }
    let refusal = json!({"event": "whatsapp:unsubscription", "payload": {
        "id": 7, "receiver": "919800000001", "type": "all", "value": "*", "status": "created"}});
    assert_eq!(post(&server, "mobtexting", refusal).await, "accepted");
    let found = contacts(&server).await;
    assert_eq!(found.len(), 3);
    for contact in &found {
        let bound = contact["phone"] == "+919800000001";
        assert_eq!(contact["optOuts"]["nodes"].as_array().unwrap().len(), usize::from(bound), "{contact}");
        assert_eq!(contact["email"], "desk@hotel.example");
        let suggested = contact["suggestedMerges"].as_array().unwrap();
        assert_eq!(suggested.len(), 2, "{contact}");
        assert!(suggested.iter().all(|it| it["reason"] == "SAME_EMAIL" && it["value"] == "desk@hotel.example"));
    }
    // A customer's email is OneRoute's key in its own account: it joins nobody of another provider.
    let customer = json!({"name": "Desk", "email": "desk@hotel.example"});
    post(&server, "oneroute", new_message(json!("t1"), customer.clone(), json!("m1"), "hi")).await;
    post(&server, "oneroute", new_message(json!("t2"), customer, json!("m2"), "hi again")).await;
    assert_eq!(contacts(&server).await.len(), 4);
    let query =
        "{ contacts(first: 100) { nodes { identities { nodes { kind value providerAccount { provider } } } } } }";
    let shown = server.graphql(query, json!({})).await;
    let all = shown["contacts"]["nodes"].as_array().unwrap().iter();
    for identity in all.flat_map(|contact| contact["identities"]["nodes"].as_array().unwrap()) {
        let account = match (identity["kind"].as_str().unwrap(), identity["value"].as_str().unwrap()) {
            ("PHONE", _) => Value::Null,
            ("PROVIDER_USER", value) if value.starts_with("user:u") => json!({"provider": "MOBTEXTING"}),
            _ => json!({"provider": "ONEROUTE"}),
        };
        assert_eq!(identity["providerAccount"], account, "{identity}");
    }
    server.stop().await;
}

#[tokio::test]
async fn b2_ids_of_chats_are_no_phones() {
    let server = spawn().await;
    post(&server, "mobtexting", whatsapp("6597325156", json!({}))).await;
    let create = "mutation($input: CreateSourceInput!) { createSource(input: $input) { source { url } } }";
    let media = ["TELEGRAM", "MESSENGER", "WEBCHAT", "EMAIL", "OTHER"];
    for medium in media {
        let input = json!({"name": medium, "provider": "CUSTOM", "secret": "Jefe", "medium": medium, "idempotencyKey": medium,
            "mapping": {"rules": [{"name": "in", "kind": "message",
                                   "fields": {"id": "/id", "address": "/from", "content": "/text"}}]}});
        let url = server.graphql(create, json!({"input": input})).await["createSource"]["source"]["url"].clone();
        let body = json!({"id": "m1", "from": 6_597_325_156_i64, "text": "hi"}).to_string();
        let answer = server.post_to(&url, ("x-signature", &sign::sha256("Jefe", body.as_bytes())), &body).await.1;
        assert_eq!(answer["outcome"], "accepted", "{medium}: {answer}");
    }
    let found = contacts(&server).await;
    assert_eq!(found.len(), 1 + media.len());
    let kinds = |kind: &str| {
        found
            .iter()
            .filter(|it| {
                it["identities"]["nodes"][0]["kind"] == kind && it["identities"]["nodes"][0]["value"] == "6597325156"
            })
            .count()
    };
    assert_eq!((kinds("PROVIDER_USER"), kinds("PHONE")), (media.len(), 0), "{found:?}");
    server.stop().await;
}

#[tokio::test]
async fn b3_b4_e8_one_number_in_many_clothes_is_one_person() {
    let server = spawn().await;
    let one = |digits: &str| {
        vec![
            json!(digits),
            json!(format!("+{digits}")),
            json!(format!("00{digits}")),
            json!(format!("{digits}@s.whatsapp.net")),
            json!(format!("{digits}@c.us")),
            json!(format!("{digits}:12@s.whatsapp.net")),
            json!(format!("whatsapp:+{digits}")),
            json!(format!("tel:+{digits}")),
            json!(format!("sip:+{digits}@pbx.example.com")),
            json!(format!("\u{202a}+{digits}\u{202c}")),
            json!(format!("\u{200e}+{}\u{a0}{}\u{2011}{}", &digits[..2], &digits[2..6], &digits[6..])),
            json!(digits.parse::<i64>().unwrap()),
            json!(digits.parse::<f64>().unwrap()),
            json!(digits.chars().map(|c| char::from_u32(0x660 + c.to_digit(10).unwrap()).unwrap()).collect::<String>()),
        ]
    };
    // A number that is in use, and a fictional one that the numbering plan does not know.
    for (n, (digits, phone)) in
        [("447400123456", "+447400123456"), ("447700900123", "+447700900123"), ("15550100999", "+15550100999")]
            .into_iter()
            .enumerate()
    {
        for written in one(digits) {
            assert_eq!(
                post(&server, "mobtexting", whatsapp(written.clone(), json!({}))).await,
                "accepted",
                "{written}"
            );
        }
        let found = contacts(&server).await;
        assert_eq!(found.len(), n + 1, "{digits}: {found:#?}");
        assert!(found.iter().any(|contact| contact["phone"] == phone), "{digits}: {found:#?}");
    }
    let before = contacts(&server).await.len();
    for pair in
        [["5511987654321", "551187654321"], ["5215512345678", "525512345678"], ["5491123456789", "541123456789"]]
    {
        for written in pair {
            post(&server, "mobtexting", whatsapp(written, json!({}))).await;
        }
    }
    let found = contacts(&server).await;
    assert_eq!(found.len(), before + 3, "{found:#?}");
    // A group's address is a group, and no email.
    post(&server, "mobtexting", whatsapp("120363025246125486@g.us", json!({}))).await;
    assert_eq!(contacts(&server).await.len(), before + 3);
    server.stop().await;
}

#[tokio::test]
async fn b5_whom_oblic_deleted_is_nobody_and_who_writes_later_is_somebody() {
    let server = spawn().await;
    let now = Ambient::system().now().timestamp();
    let event = |kind: &str, payload: Value| json!({"id": database::unique(), "type": kind, "payload": payload});
    let contact = json!({"id": "u1", "username": "kevin", "name": "Kevin"});
    let message = |id: &str, at: i64| json!({"id": id, "conversation_id": "k1", "contact": contact, "message": id, "created_at": at, "updated_at": null});
    post(&server, "oblic", event("contact.created", contact.clone())).await;
    post(&server, "oblic", event("message.created", message("m1", now - 600))).await;
    post(&server, "oblic", event("contact.deleted", json!({"id": "u1", "updated_at": now - 300}))).await;
    let shown =
        "{ contacts { nodes { name } } conversations { nodes { contact { name } messages { nodes { content } } } } }";
    let gone = server.graphql(shown, json!({})).await;
    assert_eq!((&gone["contacts"]["nodes"], &gone["conversations"]["nodes"][0]["contact"]), (&json!([]), &json!(null)));
    post(&server, "oblic", event("message.created", message("m2", now - 60))).await;
    let back = server.graphql(shown, json!({})).await;
    assert_eq!(back["contacts"]["nodes"], json!([{"name": "Kevin"}]), "{back}");
    assert_eq!(back["conversations"]["nodes"].as_array().unwrap().len(), 1, "its history stays: {back}");
    server.stop().await;
}
