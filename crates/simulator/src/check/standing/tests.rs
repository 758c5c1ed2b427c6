use std::sync::Arc;

use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::{target::Target, wire::Wire};

/// A server that answers each operation by `answer`, which gets the query and its variables.
async fn fake(answer: impl Fn(&str, &Value) -> Value + Send + Sync + 'static) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/graphql", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut wire = Wire::over(stream).unwrap();
                while let Ok(Some(request)) = wire.receive().await {
                    assert_eq!(request.header("authorization"), Some("Bearer ik_1"));
                    let asked: Value = serde_json::from_slice(&request.body).unwrap();
                    let body = answer(asked["query"].as_str().unwrap(), &asked["variables"]).to_string();
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                    wire.send(format!("{head}{body}").as_bytes()).await.unwrap();
                }
            });
        }
    });
    let target = json!({ "url": "", "graphql_url": url, "database_url": "", "api_key": "ik_1", "sources": {} });
    Client::new(&serde_json::from_value::<Target>(target).unwrap()).unwrap()
}

fn told(id: &str) -> Value {
    json!({ "id": id, "direction": "INBOUND", "kind": "MESSAGE", "content": id, "externalId": null, "status": null })
}

#[tokio::test]
async fn reads_every_page_of_every_list() {
    let client = fake(|query, variables| {
        let second = !variables["after"].is_null();
        let page = json!({ "hasNextPage": !second, "endCursor": "c" });
        let list = |name: &str, node: Value| json!({ name: { "nodes": [node], "pageInfo": page } });
        let number = if second { 2 } else { 1 };
        let data = if query.contains("conversations(") {
            if !query.contains("[SMS]") {
                return json!({ "data": { "conversations": { "nodes": [], "pageInfo": { "hasNextPage": false } } } });
            }
            let id = format!("conv_{number}");
            let newer = json!({ "hasNextPage": !second, "endCursor": "m" });
            let messages = json!({ "nodes": [told(&format!("{id}_first"))], "pageInfo": newer });
            list("conversations", json!({ "id": id, "channel": { "medium": "SMS" }, "messages": messages }))
        } else if query.contains("conversation(") {
            assert_eq!(variables, &json!({ "id": "conv_1", "after": "m" }));
            let messages = json!({ "nodes": [told("conv_1_last")], "pageInfo": { "hasNextPage": false } });
            json!({ "conversation": { "messages": messages } })
        } else if query.contains("contacts(") {
            let identities = json!([{ "kind": "PHONE", "value": format!("+9198{number}"), "original": null },
                { "kind": "PROVIDER_USER", "value": "user:7", "original": "7" }]);
            list("contacts", json!({ "id": format!("ctc_{number}"), "identities": { "nodes": identities } }))
        } else {
            let name = query.split(") { ").nth(1).and_then(|rest| rest.split('(').next()).unwrap().trim();
            list(name, json!({ "id": format!("{name}_{number}"), "externalId": "x", "medium": "SMS" }))
        };
        json!({ "data": data })
    })
    .await;
    let standing = Standing::ask(&client, "r", vec![], None).await.unwrap();
    let ids = |kind: Kind| {
        let mut ids: Vec<_> =
            standing.entities.iter().filter(|one| one.kind == kind).map(|one| one.id.clone()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids(Kind::Message), ["conv_1_first", "conv_1_last", "conv_2_first"]);
    assert_eq!(ids(Kind::Contact), ["ctc_1", "ctc_2"]);
    for (kind, name) in [(Kind::Group, "groups"), (Kind::OptOut, "optOuts"), (Kind::Campaign, "campaigns")] {
        assert_eq!(ids(kind), [format!("{name}_1"), format!("{name}_2")]);
    }
    let contact = standing.entities.iter().find(|one| one.id == "ctc_1").unwrap();
    assert_eq!(contact.names, ["PHONE/91981", "PROVIDER_USER/7"]);
}

#[tokio::test]
async fn reads_the_log_to_its_end_and_remembers_where_that_was() {
    let client = fake(|_, variables| {
        let after = variables["after"].as_str().unwrap();
        let number: usize = after.trim_start_matches('c').parse().unwrap();
        let node = json!({ "id": format!("evt_{number}"), "type": "message.created",
            "payload": { "id": "msg_1", "external_id": "x", "channel": { "medium": "sms" }, "content": "about simrx0000000a", "contact": { "name": null } } });
        let edges =
            if number < 3 { json!([{ "cursor": format!("c{}", number + 1), "node": node }]) } else { json!([]) };
        json!({ "data": { "events": { "edges": edges, "pageInfo": { "hasNextPage": number < 2 } } } })
    })
    .await;
    let (entries, end) = client.events_after("c0", |event| Entry::read("r", event)).await.unwrap();
    assert_eq!((entries.len(), end.as_str()), (3, "c3"));
    assert_eq!(
        (entries[0].subject.as_deref(), entries[0].names.as_slice()),
        (Some("msg_1"), &["SMS/x".to_owned()][..])
    );
    assert_eq!(entries[0].tokens, BTreeSet::from([Token::new("r", 10)]));
    assert_eq!(client.events_after("c3", |event| event).await.unwrap(), (vec![], "c3".to_owned()));
}

#[tokio::test]
async fn an_answer_with_errors_is_an_error() {
    let client = fake(|_, _| json!({ "data": { "head": "x" }, "errors": [{ "message": "no" }] })).await;
    assert_eq!(client.head().await.map_err(|error| error.code()), Err("refused"));
}
