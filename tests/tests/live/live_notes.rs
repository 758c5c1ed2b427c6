//! Notes, one's own reads and settings reach those alone who may see them, by whatever way.

use inlet_domain::{
    ids::{ConversationId, MessageId},
    model::right::{KeyScope, Role},
};
use inlet_tests::{
    LiveClient, SeededWorkspace, TestServer, database,
    log::{Written, append_to, id, notify},
    operation::Operation,
    seeded_workspace::Term,
    spawn,
};
use serde_json::{Value, json};

const SECRET: &str = "he is a difficult customer";

async fn ask(party: &SeededWorkspace, token: &str, query: &str, variables: Value) -> Value {
    let answer = party.send(token, &Operation { query: query.to_owned(), variables }).await;
    assert!(answer["errors"].is_null(), "{query}: {answer}");
    answer["data"].clone()
}

/// A conversation whose newest message is a note.
async fn noted(server: &TestServer, party: &SeededWorkspace) -> (ConversationId, MessageId, i64) {
    party.hear_marked().await;
    let (conversation, note): (ConversationId, MessageId) = (party.newest("conversation").await.into(), id());
    sqlx::query(
        "INSERT INTO message (workspace_id, id, conversation_id, direction, kind, origin, content, author_kind, \
           occurred_at, created_at, updated_at) \
         VALUES ($1, $2, $3, 'outbound', 'note', 'inlet', $4, 'member', now() + interval '1 hour', now(), now())",
    )
    .bind(party.workspace)
    .bind(note)
    .bind(conversation)
    .bind(SECRET)
    .execute(&server.database)
    .await
    .unwrap();
    sqlx::query("UPDATE conversation SET last_message_id = $3 WHERE workspace_id = $1 AND id = $2")
        .bind(party.workspace)
        .bind(conversation)
        .bind(note)
        .execute(&server.database)
        .await
        .unwrap();
    let entry = Written {
        internal: true,
        message: Some(note),
        payload: json!({"id": note, "kind": "note", "content": SECRET}),
        ..Written::message(conversation, &json!({"status": "in_queue"}))
    };
    let seq = append_to(&server.database, party.workspace, entry).await;
    notify(&server.database).await;
    (conversation, note, seq)
}

#[tokio::test(flavor = "multi_thread")]
async fn p8_a_note_never_reaches_who_may_not_read_it() {
    let server = spawn().await;
    let party = SeededWorkspace::of(&server).await;
    let reader = party.key_of(&[KeyScope::Read, KeyScope::Admin], Term::default()).await;
    let insider = party.key_of(&[KeyScope::Read, KeyScope::Notes], Term::default()).await;
    let viewer = party.member(Role::Viewer, false).await;
    let follow = "subscription { events(after: \"1-0\") { ... on Event { cursor payload message { content } } } }";
    let mut sockets = Vec::new();
    for token in [&reader, &insider] {
        let mut socket = LiveClient::connect(&server.graphql_url, token).await;
        socket.subscribe("1", follow).await;
        sockets.push(socket);
    }
    let (conversation, note, seq) = noted(&server, &party).await;
    let event = format!("1-{}", seq - 1);
    party.hear_marked().await;
    let head = ask(&party, &party.key, "{ head }", json!({})).await["head"].clone();

    let places = "query Q($c: ID!, $m: ID!, $after: Cursor) {
        conversation(id: $c) { lastMessage { content } messages(last: 5) { nodes { content } } }
        conversations(first: 5) { nodes { lastMessage { content } messages(first: 5) { nodes { content } } } }
        message(id: $m) { content } node(id: $m) { id } nodes(ids: [$m]) { id }
        forwards: events(first: 1, after: $after) { nodes { cursor payload message { content } } pageInfo { endCursor } }
        backwards: events(last: 100) { nodes { payload message { content } } } }";
    let variables = json!({"c": conversation, "m": note, "after": event});
    for (token, may) in [(&reader, false), (&insider, true), (&viewer, true), (&party.key, true)] {
        let shown = ask(&party, token, places, variables.clone()).await;
        assert_eq!(shown.to_string().contains(SECRET), may, "{shown}");
        assert_eq!(shown["message"].is_null(), !may);
        assert_eq!(shown["nodes"] == json!([null]), !may);
        assert_eq!(shown["conversation"]["messages"]["nodes"].as_array().unwrap().len(), if may { 2 } else { 1 });
        assert!(shown["conversation"]["lastMessage"]["content"].is_string(), "the newest that may be seen");
        // A page is filled from beyond what is hidden.
        let first = &shown["forwards"]["nodes"][0]["cursor"];
        assert_eq!(*first == json!(format!("1-{seq}")), may, "{shown}");
        assert!(first.is_string());
    }
    let id = sqlx::query_scalar::<_, inlet_domain::ids::EventId>(
        "SELECT id FROM event WHERE workspace_id = $1 AND seq = $2",
    )
    .bind(party.workspace)
    .bind(seq)
    .fetch_one(&server.database)
    .await
    .unwrap();
    let by_id = "query Q($id: ID!) { node(id: $id) { id } trace(id: $id) { steps { event { payload } } } }";
    let shown = ask(&party, &reader, by_id, json!({"id": id})).await;
    assert_eq!(shown, json!({"node": null, "trace": {"steps": [{"event": null}]}}));

    for (mut socket, may) in sockets.into_iter().zip([false, true]) {
        let mut seen = false;
        loop {
            let event = socket.data("1").await["events"].clone();
            seen |= event.to_string().contains(SECRET) || event["cursor"] == json!(format!("1-{seq}"));
            if event["cursor"] == head {
                break;
            }
        }
        assert_eq!(seen, may);
    }
    server.stop().await;
}

/// The kinds of settings that a token is told of, in order, up to a label called `end`.
async fn settings(socket: &mut LiveClient, end: &str) -> Vec<String> {
    let mut kinds = Vec::new();
    loop {
        let event = socket.data("1").await["events"].clone();
        if event["payload"]["id"] == json!(end) {
            return kinds;
        }
        kinds.push(event["payload"]["kind"].as_str().unwrap().to_owned());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p8_settings_that_change_reach_those_who_are_shown_them() {
    let server = spawn().await;
    let party = SeededWorkspace::of(&server).await;
    let agent = party.member(Role::Agent, false).await;
    let member = party.newest("member").await;
    let follow =
        "subscription { events(filter: {types: [\"settings.changed\"]}) { ... on Event { type payload membership } } }";
    let mut sockets = Vec::new();
    for token in [&party.owner, &agent] {
        let mut socket = LiveClient::connect(&server.graphql_url, token).await;
        socket.subscribe("1", follow).await;
        // It is answered after the subscription has begun.
        socket.subscribe("2", "{ head }").await;
        assert_eq!(socket.next().await.message()["id"], "2");
        assert_eq!(socket.next().await.message()["type"], "complete");
        sockets.push(socket);
    }
    party.source().await;
    party.webhook().await;
    let key = database::unique();
    let query = "mutation Q($k: String!, $m: ID!) {
        createApiKey(input: {name: \"k\", scopes: [READ], idempotencyKey: $k}) { apiKey { id } }
        updateMember(input: {id: $m, role: VIEWER}) { member { role } } }";
    let member = inlet_domain::ids::MemberId(member);
    ask(&party, &party.owner, query, json!({"k": key, "m": member})).await;
    let query = "mutation Q($k: String!) { createLabel(input: {name: $k, idempotencyKey: $k}) { label { id } } }";
    let made = ask(&party, &party.owner, query, json!({"k": key})).await;
    let end = made["createLabel"]["label"]["id"].as_str().unwrap();
    assert_eq!(settings(&mut sockets[0], end).await, ["source", "webhook", "api_key", "member"]);
    assert_eq!(settings(&mut sockets[1], end).await, ["member"], "what an agent's lists show, and their own role");
    let hello = |text: &str, description: &str| {
        let channel =
            json!({"id": "8bad2edc-2973-4cec-8f33-a17c54dc0687", "medium": "SMS", "description": description});
        let message =
            json!({"sender": {"name": "Ada"}, "content": text, "contentType": "TEXT", "conversation_id": "c"});
        let customer = json!({"name": "Ada", "email": "ada@example.com"});
        let conversation = json!({"id": "c", "status": "in-queue", "customer": customer, "Channel": channel});
        json!({"event": "newMessage", "message": message, "conversation": conversation}).to_string()
    };
    for (text, description) in [("one", "a channel"), ("two", "a channel"), ("three", "the channel")] {
        assert_eq!(party.post("oneroute", None, &hello(text, description)).await.status(), 200);
    }
    let key = database::unique();
    let made = ask(&party, &party.owner, query, json!({"k": key})).await;
    let end = made["createLabel"]["label"]["id"].as_str().unwrap();
    for socket in &mut sockets {
        assert_eq!(settings(socket, end).await, ["channel", "channel"], "made on sight, and described anew");
    }
    let types = "{ sent: eventTypes all: eventTypes(live: true) }";
    let types = ask(&party, &party.owner, types, json!({})).await;
    for live_only in ["settings.changed", "conversation.read"] {
        assert!(!types["sent"].as_array().unwrap().contains(&json!(live_only)));
        assert!(types["all"].as_array().unwrap().contains(&json!(live_only)));
    }
    let deliveries: i64 = sqlx::query_scalar("SELECT count(*) FROM delivery WHERE event_type = 'settings.changed'")
        .fetch_one(&server.database)
        .await
        .unwrap();
    assert_eq!(deliveries, 0);
    server.stop().await;
}
