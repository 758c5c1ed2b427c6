//! Every sample of the providers' documents has its right effect, seen through GraphQL (PROVIDERS.md). The queries are
//! those that CONTRACT.md writes out.

mod again;
mod mobtexting;
mod oblic;
mod oneroute;

use inlet_tests::{
    TestServer,
    fixtures::{self, Fixture},
    spawn,
};
use serde_json::{Value, json};

/// The contract's query of conversations, for a status.
const CONVERSATIONS: &str = "query { conversations(first: 20, filter: {status: [IN_QUEUE]}, orderBy: {field: LAST_ACTIVITY, direction: DESC}) { edges { cursor node {
  id revision status unread lastMessageAt externalId lastMessage { id content } channel { id medium identifier } contact { id name phone email }
  messages(last: 50) { nodes { id direction kind contentType content externalId occurredAt status deliveredAt readAt failedAt failure { code text retryable }
    statusHistory { nodes { status rawStatus reason reportedAt receivedAt } } attachments { nodes { kind url filename } } quoted { id } author { __typename } } } } }
  pageInfo { hasNextPage endCursor } } }";

const CONTACTS: &str =
    "query { contacts(first: 20) { nodes { id name phone email identities { nodes { kind value } } attributes } } }";

/// A server that has taken every fixture of a provider.
async fn taught(provider: &str) -> TestServer {
    let server = spawn().await;
    for fixture in fixtures::of(provider) {
        assert_eq!(post(&server, &fixture).await, "accepted", "{}", fixture.file);
    }
    server
}

/// Posts it and returns the outcome.
async fn post(server: &TestServer, fixture: &Fixture) -> String {
    let (status, answer) = server.post(&fixture.provider, fixture.suffix.as_deref(), &fixture.body).await;
    assert_eq!(status, 200, "{}: {answer}", fixture.file);
    assert!(answer["id"].as_str().unwrap().starts_with("in_"), "{}: {answer}", fixture.file);
    answer["outcome"].as_str().unwrap().to_owned()
}

/// The conversations of a status, the latest first.
async fn conversations(server: &TestServer, status: &str) -> Vec<Value> {
    let data = server.graphql(&CONVERSATIONS.replace("IN_QUEUE", status), json!({})).await;
    assert_eq!(data["conversations"]["pageInfo"]["hasNextPage"], false);
    data["conversations"]["edges"].as_array().unwrap().iter().map(|edge| edge["node"].clone()).collect()
}

/// The nodes of the list that a query has at its root.
async fn nodes(server: &TestServer, query: &str) -> Vec<Value> {
    let data = server.graphql(query, json!({})).await;
    let list = data.as_object().unwrap().values().next().unwrap();
    list["nodes"].as_array().unwrap().clone()
}

/// More of a message than the contract's query asks for.
async fn message(server: &TestServer, shown: &Value) -> Value {
    let query = "query($id: ID!) { message(id: $id) { details placeholder occurredAtAssumed origin sentAt conversation { id } } }";
    server.graphql(query, json!({"id": shown["id"]})).await["message"].clone()
}

/// The only item that has the value at the JSON pointer.
fn only<'a>(items: &'a [Value], pointer: &str, value: &str) -> &'a Value {
    let mut found = items.iter().filter(|item| item.pointer(pointer).and_then(Value::as_str) == Some(value));
    let item = found.next().unwrap_or_else(|| panic!("none has {value} at {pointer}: {items:#?}"));
    assert!(found.next().is_none(), "more than one has {value} at {pointer}");
    item
}

/// The messages of a conversation.
fn messages(conversation: &Value) -> &[Value] {
    conversation["messages"]["nodes"].as_array().unwrap()
}

/// Fails unless `shown` has every member of `expected` with that value.
fn assert_has(shown: &Value, expected: Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&shown[name], value, "`{name}` of {shown:#}");
    }
}

/// The identities of a contact as `KIND value`, in order.
fn identities(contact: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let identity = |it: &Value| format!("{} {}", text(&it["kind"]), text(&it["value"]));
    let mut all: Vec<String> = contact["identities"]["nodes"].as_array().unwrap().iter().map(identity).collect();
    all.sort();
    all
}

/// Fails unless no queue shows anything and a closed conversation holds the placeholder of `external_id` alone (OR-9). A
/// report makes nobody, so it is with no contact. Returns conversation and message.
async fn assert_placeholder(server: &TestServer, external_id: &str) -> (Value, Value) {
    let closed = conversations(server, "CLOSED").await;
    let conversation = only(&closed, "/messages/nodes/0/externalId", external_id).clone();
    assert_has(&conversation, json!({"unread": 0, "status": "CLOSED", "contact": null}));
    let [placeholder] = messages(&conversation) else { panic!("one message: {conversation:#}") };
    let expected = json!({
        "externalId": external_id, "direction": "OUTBOUND", "kind": "MESSAGE", "content": null, "contentType": null,
        "attachments": {"nodes": []},
    });
    assert_has(placeholder, expected);
    assert_has(&message(server, placeholder).await, json!({"placeholder": true, "origin": "PROVIDER"}));
    for queue in ["IN_QUEUE", "OPEN", "SNOOZED"] {
        assert!(conversations(server, queue).await.iter().all(|it| it["id"] != conversation["id"]));
    }
    (conversation.clone(), placeholder.clone())
}
