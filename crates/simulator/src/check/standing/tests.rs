use std::sync::Arc;

use tokio::net::TcpListener;

use super::*;
use crate::{target::Target, wire::Wire};

/// A server that answers each operation by `answer`, which gets the query's text and its variables.
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
    json!({ "id": id, "direction": "INBOUND", "content": id, "externalId": null, "status": null })
}

#[tokio::test]
async fn reads_every_page_of_every_list() {
    let client = fake(|query, variables| {
        let second = !variables["after"].is_null();
        let page = json!({ "hasNextPage": !second, "endCursor": "c" });
        let data = if query.contains("conversations(") {
            let id = if second { "conv_2" } else { "conv_1" };
            let older = json!({ "hasPreviousPage": !second, "startCursor": "m" });
            let messages = json!({ "nodes": [told(&format!("{id}_last"))], "pageInfo": older });
            json!({ "conversations": { "nodes": [{ "id": id, "messages": messages }], "pageInfo": page } })
        } else if query.contains("conversation(") {
            assert_eq!(variables, &json!({ "id": "conv_1", "before": "m" }));
            let messages = json!({ "nodes": [told("conv_1_first")], "pageInfo": { "hasPreviousPage": false } });
            json!({ "conversation": { "messages": messages } })
        } else {
            let identities = json!([{ "kind": "PHONE", "value": "+919800000001" }]);
            let node = json!({ "id": if second { "ctc_2" } else { "ctc_1" }, "phone": "+919800000001",
                "email": null, "identities": identities });
            json!({ "contacts": { "nodes": [node], "pageInfo": page } })
        };
        json!({ "data": data })
    })
    .await;
    let standing = Standing::ask(&client, vec![], HashMap::new()).await.unwrap();
    let mut messages: Vec<_> = standing.messages.iter().map(|message| message.id.as_str()).collect();
    messages.sort_unstable();
    assert_eq!(messages, ["conv_1_first", "conv_1_last", "conv_2_last"]);
    assert!(standing.messages.iter().all(|message| message.inbound && message.text.is_some()));
    let contacts: Vec<_> = standing.contacts.iter().map(|contact| contact.id.as_str()).collect();
    assert_eq!(contacts, ["ctc_1", "ctc_2"]);
    assert_eq!(standing.contacts[0].addresses, BTreeSet::from(["919800000001".to_owned()]));
}

#[tokio::test]
async fn reads_the_log_to_its_end_and_remembers_where_that_was() {
    let client = fake(|_, variables| {
        let after = variables["after"].as_str().unwrap();
        let number: usize = after.trim_start_matches('c').parse().unwrap();
        let node = json!({ "id": format!("evt_{number}"), "type": "message.created",
            "payload": { "external_id": "x", "content": "about simrx0000000a", "contact": { "name": null } } });
        let edges =
            if number < 3 { json!([{ "cursor": format!("c{}", number + 1), "node": node }]) } else { json!([]) };
        json!({ "data": { "events": { "edges": edges, "pageInfo": { "hasNextPage": number < 2 } } } })
    })
    .await;
    let (entries, end) = client.events_after("c0", |event| Entry::read("r", event)).await.unwrap();
    assert_eq!((entries.len(), end.as_str()), (3, "c3"));
    assert_eq!(entries[0].external_id.as_deref(), Some("x"));
    assert_eq!(entries[0].tokens, BTreeSet::from([Token::new("r", 10)]));
    assert_eq!(client.events_after("c3", |event| event).await.unwrap(), (vec![], "c3".to_owned()));
}

#[tokio::test]
async fn an_answer_with_errors_is_an_error() {
    let client = fake(|_, _| json!({ "data": { "head": "x" }, "errors": [{ "message": "no" }] })).await;
    assert_eq!(client.head().await.map_err(|error| error.code()), Err("refused"));
}
