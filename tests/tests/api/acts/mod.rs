//! What agents do in the inbox, and what reaches those who watch.

mod assignees;
mod contacts;
mod conversations;
mod deletions;
mod labels;
mod merges;
mod presence;
mod reads;

use inlet_tests::{TestServer, database};
use serde_json::{Value, json};

/// The answer to an operation under a token.
pub async fn ask(server: &TestServer, token: &str, query: &str, variables: Value) -> Value {
    let request = server.client.post(&server.graphql_url).bearer_auth(token);
    request.json(&json!({"query": query, "variables": variables})).send().await.unwrap().json().await.unwrap()
}

/// The code of the first error.
pub fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("none")
}

/// Asks for a mutation of `input` that shows its payload as `shown`; the whole answer.
pub async fn act(server: &TestServer, token: &str, name: &str, shown: &str, input: Value) -> Value {
    let ty = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
    let query = format!("mutation($input: {ty}!) {{ {name}(input: $input) {{ {shown} }} }}");
    ask(server, token, &query, json!({ "input": input })).await
}

/// The same with the key of every scope; the payload, or a panic.
pub async fn done(server: &TestServer, name: &str, shown: &str, input: Value) -> Value {
    let answer = act(server, &server.api_key, name, shown, input).await;
    assert!(answer["errors"].is_null(), "{name}: {answer}");
    answer["data"][name].clone()
}

/// A number that no other test has.
pub fn phone() -> String {
    let name = database::unique();
    (919_000_000_000 + u64::from_str_radix(&name[22..], 16).unwrap() % 1_000_000_000).to_string()
}

/// A person writes; the conversation that it went to.
pub async fn hear(server: &TestServer, phone: &str) -> Value {
    let unique = database::unique();
    let body = json!({"event": "whatsapp:message:in", "payload": {
        "id": unique,
        "channels": [{"name": "whatsapp", "to": "919019120000"}],
        "recipient": {"from": phone, "user": {"id": phone, "first_name": format!("p{phone}"), "phone": phone}},
        "message": {"type": "text", "payload": {"text": format!("said {unique}")}},
    }});
    let (status, answer) = server.post("mobtexting", None, &body.to_string()).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("accepted")), "{answer}");
    let query = "{ conversations(first: 100) { nodes { id status revision unread contact { id name phone }
        lastMessage { content } } } }";
    let found = server.graphql(query, json!({})).await["conversations"]["nodes"].clone();
    let said = format!("said {unique}");
    found.as_array().unwrap().iter().find(|it| it["lastMessage"]["content"] == json!(said)).unwrap().clone()
}

/// Every event of the inbox after the cursor, not of settings: the whole nodes, in order.
pub async fn events_after(server: &TestServer, cursor: &str) -> Vec<Value> {
    let query = "query($after: Cursor) { events(first: 100, after: $after) { nodes {
        type revision payload previous actor { __typename } } } }";
    let found = server.graphql(query, json!({"after": cursor})).await;
    let of_inbox = |event: &&Value| event["type"] != "settings.changed";
    found["events"]["nodes"].as_array().unwrap().iter().filter(of_inbox).cloned().collect()
}

/// Where the log stands.
pub async fn head(server: &TestServer) -> String {
    server.graphql("{ head }", json!({})).await["head"].as_str().unwrap().to_owned()
}

/// The types of events, in order.
pub fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// The id of a new member of the server's workspace, and a session of theirs.
pub async fn member(server: &TestServer, role: &str) -> (String, String) {
    let email = format!("m{}@example.com", &database::unique()[16..]);
    let input = json!({"email": email, "name": role, "role": role, "idempotencyKey": email});
    let made = done(server, "inviteMember", "link", input).await;
    let token = made["link"].as_str().unwrap().split_once('#').unwrap().1.to_owned();
    let query =
        "mutation($t: String!) { acceptInvitation(input: {token: $t, password: \"a lamp under seven hedgehogs\"})
        { token member { id } } }";
    loop {
        let answer = server.graphql_raw(query, json!({"t": token})).await;
        // Passwords are hashed one a core, and the tests of one process share the cores.
        if code(&answer) != "OVERLOADED" {
            let accepted = &answer["data"]["acceptInvitation"];
            let token = accepted["token"].as_str().unwrap_or_else(|| panic!("{answer}"));
            return (accepted["member"]["id"].as_str().unwrap().to_owned(), token.to_owned());
        }
    }
}
