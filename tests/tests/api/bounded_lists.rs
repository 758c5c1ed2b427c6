//! C1: what a list shows of an object is bounded, and so is each list that belongs to an object.

use inlet_tests::{TestServer, spawn};
use serde_json::{Value, json};

/// The characters of a text beyond which a list does not show all of it.
const MOST: usize = 16 * 1024;

async fn receive(server: &TestServer, id: &str, message: Value) {
    let body = json!({"event": "whatsapp:message:in", "payload": {
        "id": id,
        "channels": [{"name": "whatsapp", "to": "919019120123"}],
        "recipient": {"from": "919876543210", "user": {"id": "u-1", "first_name": "Asha", "phone": "919876543210"}},
        "message": message,
    }});
    let (status, answer) = server.post("mobtexting", None, &body.to_string()).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("accepted")), "{answer}");
}

#[tokio::test]
async fn c1_a_list_cuts_content_and_whoever_asks_for_the_message_has_all_of_it() {
    let server = spawn().await;
    let long = format!("{}{}", "ü".repeat(MOST), "b".repeat(100_000));
    receive(&server, "m-1", json!({"type": "text", "payload": {"text": "short"}})).await;
    receive(&server, "m-2", json!({"type": "text", "payload": {"text": long}})).await;
    let fields = "id content contentTruncated";
    let query = format!(
        "{{ conversations {{ nodes {{ lastMessage {{ {fields} }} messages {{ nodes {{ {fields} }} }} }} }}
            events(last: 100) {{ nodes {{ message {{ {fields} }} }} }} }}"
    );
    let shown = server.graphql(&query, json!({})).await;
    let conversation = &shown["conversations"]["nodes"][0];
    let [short, cut] = conversation["messages"]["nodes"].as_array().unwrap().as_slice() else { panic!("{shown}") };
    assert_eq!((&short["content"], &short["contentTruncated"]), (&json!("short"), &json!(false)));
    assert_eq!((&cut["content"], &cut["contentTruncated"]), (&json!("ü".repeat(MOST)), &json!(true)));
    assert_eq!(&conversation["lastMessage"], cut);
    let of_events = shown["events"]["nodes"].as_array().unwrap().iter().map(|event| &event["message"]);
    assert!(of_events.filter(|message| message["id"] == cut["id"]).all(|message| message == cut));
    let by_id = format!(
        "query($id: ID!) {{ message(id: $id) {{ {fields} }} node(id: $id) {{ ... on Message {{ {fields} }} }}
            nodes(ids: [$id]) {{ ... on Message {{ {fields} }} }} }}"
    );
    let shown = server.graphql(&by_id, json!({"id": cut["id"]})).await;
    assert_eq!(shown["nodes"], json!([cut]));
    for whole in ["message", "node"] {
        assert_eq!(shown[whole], json!({"id": cut["id"], "content": long, "contentTruncated": false}));
    }
    server.stop().await;
}

#[tokio::test]
async fn c1_a_list_leaves_out_what_is_told_beside_where_it_is_long() {
    let server = spawn().await;
    let many: Vec<usize> = (0..30_000).collect();
    receive(&server, "m-1", json!({"type": "text", "payload": {"text": "hi"}})).await;
    let enlarge = format!("jsonb_build_object('many', '{}'::jsonb)", json!(many));
    for (table, column) in
        [("message", "details"), ("message", "reactions"), ("contact", "attributes"), ("conversation", "attributes")]
    {
        let update = sqlx::AssertSqlSafe(format!("UPDATE {table} SET {column} = {enlarge}"));
        assert_eq!(sqlx::query(update).execute(&server.database).await.unwrap().rows_affected(), 1);
    }
    let lists = "{ conversations { nodes { id attributes contact { id attributes }
        messages { nodes { id details reactions } } } } contacts { nodes { attributes } } }";
    let shown = server.graphql(lists, json!({})).await;
    let conversation = &shown["conversations"]["nodes"][0];
    let (contact, message) = (&conversation["contact"], &conversation["messages"]["nodes"][0]);
    assert_eq!(conversation["attributes"], Value::Null);
    assert_eq!((&contact["attributes"], &shown["contacts"]["nodes"][0]["attributes"]), (&Value::Null, &Value::Null));
    assert_eq!((&message["details"], &message["reactions"]), (&Value::Null, &Value::Null));
    let whole = json!({ "many": many });
    for (kind, id, members) in [
        ("Conversation", &conversation["id"], vec!["attributes"]),
        ("Contact", &contact["id"], vec!["attributes"]),
        ("Message", &message["id"], vec!["details", "reactions"]),
    ] {
        let (field, fields) = (kind.to_lowercase(), members.join(" "));
        let query = format!(
            "query($id: ID!) {{ {field}(id: $id) {{ {fields} }} node(id: $id) {{ ... on {kind} {{ {fields} }} }} }}"
        );
        let shown = server.graphql(&query, json!({ "id": id })).await;
        for member in members {
            assert_eq!((&shown[&field][member], &shown["node"][member]), (&whole, &whole), "{kind}.{member}");
        }
    }
    server.stop().await;
}

/// Lists that belong to objects: the query of the object, where the list stands, its field, and how the table is filled
/// with 24 more rows.
const LISTS: [(&str, &str, &str, &str); 7] = [
    (
        "contacts(first: 1)",
        "/contacts/nodes/0",
        "identities",
        "INSERT INTO identity (workspace_id, scope_id, kind, value, id, contact_id, created_at) \
         SELECT workspace_id, gen_random_uuid(), 'username', n::text, gen_random_uuid(), id, now() \
         FROM contact, generate_series(1, 24) n",
    ),
    (
        "contacts(first: 1)",
        "/contacts/nodes/0",
        "optOuts",
        "INSERT INTO opt_out (workspace_id, id, address_scope_id, address_kind, address_value, medium, scope, value, \
           created_at) \
         SELECT workspace_id, gen_random_uuid(), scope_id, kind, value, 'sms', 'tag', n::text, now() \
         FROM (SELECT * FROM identity WHERE contact_id IS NOT NULL ORDER BY id LIMIT 1) i, generate_series(1, 24) n",
    ),
    (
        "contacts(first: 1) { nodes { identities(first: 1)",
        "/contacts/nodes/0/identities/nodes/0",
        "optOuts",
        "SELECT 1",
    ),
    (
        "conversations(first: 1) { nodes { messages(first: 1)",
        "/conversations/nodes/0/messages/nodes/0",
        "statusHistory",
        "INSERT INTO status_report (workspace_id, id, message_id, raw_status, received_at) \
         SELECT workspace_id, gen_random_uuid(), id, 'odd', now() FROM message, generate_series(1, 24)",
    ),
    (
        "conversations(first: 1) { nodes { messages(first: 1)",
        "/conversations/nodes/0/messages/nodes/0",
        "attachments",
        "INSERT INTO attachment (workspace_id, id, message_id, position, kind, created_at, updated_at) \
         SELECT workspace_id, gen_random_uuid(), id, n / 2, 'image', now(), now() FROM message, generate_series(1, 24) n",
    ),
    (
        "deliveries(first: 1)",
        "/deliveries/nodes/0",
        "attempts",
        "INSERT INTO attempt (workspace_id, id, delivery_id, number, started_at, duration_ms) \
         SELECT workspace_id, gen_random_uuid(), id, n, now(), 3 FROM delivery, generate_series(1, 24) n",
    ),
    (
        "teams(first: 1)",
        "/teams/nodes/0",
        "members",
        "WITH people AS (INSERT INTO person (id, workspace_id, name, email, created_at) \
           SELECT gen_random_uuid(), w.id, 'n', n || '@example.org', now() FROM workspace w, generate_series(1, 24) n \
           RETURNING id), \
         joined AS (INSERT INTO member (workspace_id, id, person_id, role, created_at) \
           SELECT w.id, gen_random_uuid(), p.id, 'agent', now() FROM workspace w, people p RETURNING workspace_id, id) \
         INSERT INTO team_member SELECT t.workspace_id, t.id, j.id FROM team t, joined j",
    ),
];

async fn page(server: &TestServer, object: &str, place: &str, field: &str, part: &str) -> Value {
    let end = " }".repeat(1 + object.matches('{').count());
    let query = format!(
        "{{ {object} {{ nodes {{ {field}{part} {{ nodes {{ id }} pageInfo {{ hasNextPage hasPreviousPage \
                 startCursor endCursor }} }} }}{end} }}"
    );
    server.graphql(&query, json!({})).await.pointer(place).unwrap()[field].clone()
}

#[tokio::test]
async fn c1_a_list_that_belongs_to_an_object_is_read_by_pages_in_both_directions() {
    let server = spawn().await;
    receive(&server, "m-1", json!({"type": "text", "payload": {"text": "hi"}})).await;
    for statement in [
        "INSERT INTO delivery (workspace_id, id, webhook_id, event_id, event_seq, event_type, status, created_at) \
         SELECT id, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 1, 'x', 'succeeded', now() FROM workspace",
        "INSERT INTO team (workspace_id, id, name, created_at) SELECT id, gen_random_uuid(), 't', now() FROM workspace",
    ] {
        sqlx::query(statement).execute(&server.database).await.unwrap();
    }
    for (object, place, field, fill) in LISTS {
        sqlx::query(fill).execute(&server.database).await.unwrap_or_else(|error| panic!("{fill}: {error}"));
        let name = format!("{field} of {object}");
        let by_default = page(&server, object, place, field, "").await;
        assert_eq!(by_default["nodes"].as_array().unwrap().len(), 10, "{name}");
        let all = page(&server, object, place, field, "(first: 100)").await;
        let all = all["nodes"].as_array().unwrap();
        assert!(all.len() >= 24, "{name}: {}", all.len());
        for (size, cursor, end, more) in
            [("first", "after", "endCursor", "hasNextPage"), ("last", "before", "startCursor", "hasPreviousPage")]
        {
            let (mut found, mut part) = (Vec::<Value>::new(), format!("({size}: 7)"));
            loop {
                let shown = page(&server, object, place, field, &part).await;
                let nodes = shown["nodes"].as_array().unwrap().clone();
                assert!(!nodes.is_empty(), "{name} {part}");
                let at = if size == "first" { found.len() } else { 0 };
                found.splice(at..at, nodes);
                if shown["pageInfo"][more] != json!(true) {
                    break;
                }
                part = format!("({size}: 7, {cursor}: {})", shown["pageInfo"][end]);
            }
            assert_eq!(&found, all, "{name} by `{size}`");
        }
    }
    let too_many = server.graphql_raw("{ contacts { nodes { identities(first: 101) { nodes { id } } } } }", json!({}));
    assert_eq!(too_many.await["errors"][0]["extensions"]["inputPath"], json!(["first"]));
    server.stop().await;
}

#[tokio::test]
async fn c1_a_page_of_the_log_ends_where_its_payloads_are_long() {
    let server = spawn().await;
    receive(&server, "m-1", json!({"type": "text", "payload": {"text": "hi"}})).await;
    sqlx::query(
        "INSERT INTO event (workspace_id, id, seq, type, occurred_at, actor_kind, payload) \
         SELECT w.id, gen_random_uuid(), h.seq + n, 'message.created', now(), 'system', \
                json_build_object('x', repeat('x', 700000)) \
         FROM workspace w, (SELECT max(seq) AS seq FROM event) h, generate_series(1, 60) n",
    )
    .execute(&server.database)
    .await
    .unwrap();
    let query = "query($after: Cursor) { events(first: 100, after: $after) { nodes { id payload } pageInfo { hasNextPage endCursor } } }";
    let (mut pages, mut ids, mut after) = (0, std::collections::HashSet::new(), Value::Null);
    loop {
        let page = server.graphql(query, json!({ "after": after })).await["events"].clone();
        ids.extend(page["nodes"].as_array().unwrap().iter().map(|node| node["id"].to_string()));
        (pages, after) = (pages + 1, page["pageInfo"]["endCursor"].clone());
        if page["pageInfo"]["hasNextPage"] != true {
            break;
        }
    }
    assert!(pages > 1 && ids.len() > 60, "{} events in {pages} pages", ids.len());
    server.stop().await;
}

#[tokio::test]
async fn c3_what_the_subscriptions_of_one_socket_keep_is_bounded() {
    let server = spawn().await;
    let mut socket = inlet_tests::live::LiveClient::connect(&server.graphql_url, &server.api_key).await;
    let query = "subscription($types: [String!]!, $after: Cursor) { events(after: $after, filter: {types: $types}) \
                 { __typename } }";
    let types: Vec<String> = (0..18_000).map(|_| "message.created".to_owned()).collect();
    let mut refused = None;
    for number in 0..10 {
        let payload = json!({"query": query, "variables": {"types": types}});
        socket.send(&json!({"id": number.to_string(), "type": "subscribe", "payload": payload})).await;
        socket.send(&json!({"type": "ping"})).await;
        let message = socket.next().await.message();
        if message["type"] == "error" {
            refused = Some((number, message));
            break;
        }
    }
    let (number, message) = refused.expect("one is refused");
    assert!(number > 0, "{message}");
    assert_eq!(message["payload"][0]["extensions"]["code"], "LIMIT_EXCEEDED", "{message}");
    assert!(message["payload"][0]["message"].as_str().unwrap().contains("subscriptions of this socket"), "{message}");
    for id in 0..number {
        socket.send(&json!({"id": id.to_string(), "type": "complete"})).await;
    }
    socket.subscribe("again", "subscription { events { __typename } }").await;
    socket.send(&json!({"type": "ping"})).await;
    while socket.next().await.message()["type"] != "pong" {}
    server.stop().await;
}
