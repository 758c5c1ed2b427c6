//! Lists read page by page, in both directions, give each item once and in order.

use inlet_tests::{TestServer, spawn};
use serde_json::{Value, json};

/// Ten conversations, two messages each, some at the same moment; returns nothing but rows.
async fn fill(server: &TestServer) {
    for statement in [
        "INSERT INTO channel (workspace_id, id, provider_account_id, medium, created_at) \
         SELECT workspace_id, gen_random_uuid(), id, 'sms', now() FROM provider_account LIMIT 1",
        "INSERT INTO contact (workspace_id, id, name, created_at, updated_at) \
         SELECT id, gen_random_uuid(), 'C' || n, now(), now() FROM workspace, generate_series(1, 10) n",
        "INSERT INTO conversation (workspace_id, id, channel_id, address_id, contact_id, status, inbound_count, \
           read_count, last_activity_at, created_at, updated_at) \
         SELECT c.workspace_id, gen_random_uuid(), h.id, gen_random_uuid(), c.id, \
           CASE WHEN c.name IN ('C1', 'C2') THEN 'closed' ELSE 'open' END, 3, 1, \
           '2026-11-20T10:00:00Z'::timestamptz + (substr(c.name, 2)::int / 3) * interval '1 minute', now(), now() \
         FROM contact c, channel h",
        "INSERT INTO message (workspace_id, id, conversation_id, direction, kind, origin, content, author_kind, \
           occurred_at, created_at, updated_at) \
         SELECT workspace_id, gen_random_uuid(), id, 'inbound', 'message', 'provider', n::text, 'contact', \
           '2026-11-20T10:00:00Z'::timestamptz + (n / 2) * interval '1 minute', now(), now() \
         FROM conversation, generate_series(1, 5) n",
    ] {
        sqlx::query(statement).execute(&server.database).await.unwrap();
    }
}

async fn walk(server: &TestServer, list: &str, forward: bool) -> Vec<String> {
    let (size, bound, end, more) = if forward {
        ("first", "after", "endCursor", "hasNextPage")
    } else {
        ("last", "before", "startCursor", "hasPreviousPage")
    };
    let (name, arguments) = list.split_once('(').unwrap_or((list, ")"));
    let (mut ids, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let query = format!(
            "query Q($c: Cursor) {{ {name}({size}: 3, {bound}: $c {arguments} {{ nodes {{ id }} \
             pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
        );
        let page = server.graphql(&query, json!({"c": cursor})).await[name].clone();
        let mut found: Vec<String> =
            page["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect();
        if !forward {
            found.reverse();
        }
        ids.extend(found);
        cursor = page["pageInfo"][end].clone();
        if page["pageInfo"][more] == json!(false) {
            break;
        }
    }
    if !forward {
        ids.reverse();
    }
    ids
}

#[tokio::test]
async fn a_list_is_the_same_from_either_end() {
    let server = spawn().await;
    fill(&server).await;
    for (list, count) in [
        ("conversations", 10),
        ("conversations(, orderBy: {field: LAST_ACTIVITY, direction: ASC})", 10),
        ("conversations(, orderBy: {field: CREATED, direction: ASC})", 10),
        ("conversations(, filter: {status: [CLOSED]})", 2),
        ("conversations(, filter: {status: [OPEN, CLOSED], medium: [SMS, EMAIL], unassigned: true})", 10),
        ("conversations(, filter: {medium: [EMAIL]})", 0),
        ("contacts", 10),
        ("sources", 3),
        ("members", 1),
        ("providerAccounts", 3),
    ] {
        let forward = walk(&server, list, true).await;
        assert_eq!(forward.len(), count, "{list}");
        assert_eq!(walk(&server, list, false).await, forward, "{list}");
        let distinct: std::collections::HashSet<_> = forward.iter().collect();
        assert_eq!(distinct.len(), count, "{list}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_messages_of_many_conversations_are_their_own_last_ones() {
    let server = spawn().await;
    fill(&server).await;
    let query = "{ conversations { nodes { id unread messages(last: 2) { edges { cursor node { content } } \
                 pageInfo { hasPreviousPage hasNextPage } } } } }";
    let data = server.graphql(query, json!({})).await;
    for node in data["conversations"]["nodes"].as_array().unwrap() {
        let page = &node["messages"];
        let contents: Vec<_> = page["edges"].as_array().unwrap().iter().map(|edge| &edge["node"]["content"]).collect();
        assert_eq!(contents.len(), 2);
        assert!(contents.iter().all(|content| **content == json!("4") || **content == json!("5")), "{contents:?}");
        assert_eq!(page["pageInfo"], json!({"hasPreviousPage": true, "hasNextPage": false}));
        assert_eq!(node["unread"], 2, "of a key: what no one has read");
        let query = "query Q($id: ID!, $c: Cursor) { conversation(id: $id) { messages(first: 10, before: $c) \
                     { nodes { content } } } }";
        let before = json!({"id": node["id"], "c": page["edges"][0]["cursor"]});
        let rest = server.graphql(query, before).await;
        assert_eq!(rest["conversation"]["messages"]["nodes"].as_array().unwrap().len(), 3);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_cursor_of_another_order_is_refused() {
    let server = spawn().await;
    fill(&server).await;
    let page = server.graphql("{ contacts(first: 1) { pageInfo { endCursor } } }", json!({})).await;
    let cursor = &page["contacts"]["pageInfo"]["endCursor"];
    let query = "query Q($c: Cursor) { conversations(after: $c) { nodes { id } } }";
    let answer = server.graphql_raw(query, json!({"c": cursor})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    assert_eq!(answer["errors"][0]["extensions"]["inputPath"], json!(["after"]));
    server.stop().await;
}

#[tokio::test]
async fn every_entity_that_is_read_fits_its_table() {
    let server = spawn().await;
    fill(&server).await;
    for statement in [
        "INSERT INTO identity (workspace_id, scope_id, kind, value, id, contact_id, created_at) \
         SELECT workspace_id, gen_random_uuid(), 'username', name, gen_random_uuid(), id, now() FROM contact",
        "INSERT INTO attachment (workspace_id, id, message_id, kind, created_at, updated_at) \
         SELECT workspace_id, gen_random_uuid(), id, 'image', now(), now() FROM message",
        "INSERT INTO status_report (workspace_id, id, message_id, raw_status, received_at) \
         SELECT workspace_id, gen_random_uuid(), id, 'odd', now() FROM message",
        "INSERT INTO campaign (workspace_id, id, provider_account_id, external_id, status, created_at) \
         SELECT workspace_id, gen_random_uuid(), id, 'c', 'running', now() FROM provider_account",
        "INSERT INTO external_ref (workspace_id, provider_account_id, kind, external_id, target_id) \
         SELECT workspace_id, provider_account_id, 'campaign', external_id, id FROM campaign",
        "UPDATE message SET campaign_external_id = 'c', quoted_external_id = 'q', \
           provider_account_id = (SELECT id FROM provider_account LIMIT 1)",
        "INSERT INTO external_ref (workspace_id, provider_account_id, kind, external_id, target_id) \
         SELECT workspace_id, provider_account_id, 'message', 'q', id FROM message LIMIT 1",
        "INSERT INTO opt_out (workspace_id, id, address_scope_id, address_kind, address_value, medium, scope, value, \
           created_at) \
         SELECT workspace_id, gen_random_uuid(), scope_id, kind, value, 'sms', 'all', '', now() FROM identity",
        "INSERT INTO verification (workspace_id, id, provider_account_id, external_id, verified, created_at) \
         SELECT workspace_id, gen_random_uuid(), id, 'v', true, now() FROM provider_account",
        "INSERT INTO balance_alert (workspace_id, id, provider_account_id, firm, units, created_at) \
         SELECT workspace_id, gen_random_uuid(), id, 'f', 12.50, now() FROM provider_account",
        "INSERT INTO contact_group (workspace_id, id, created_at, updated_at) \
         SELECT id, gen_random_uuid(), now(), now() FROM workspace",
        "INSERT INTO team (workspace_id, id, name, created_at) SELECT id, gen_random_uuid(), 't', now() FROM workspace",
        "INSERT INTO team_member SELECT t.workspace_id, t.id, m.id FROM team t, member m",
        "INSERT INTO label (workspace_id, id, name, created_at) SELECT id, gen_random_uuid(), 'l', now() FROM workspace",
        "UPDATE conversation SET label_ids = ARRAY(SELECT id FROM label), team_id = (SELECT id FROM team), \
           assignee_id = (SELECT id FROM member), group_id = (SELECT id FROM contact_group)",
        "INSERT INTO inbound_event (workspace_id, id, source_id, received_at, outcome, sealed) \
         SELECT workspace_id, gen_random_uuid(), id, now(), 'failed', '' FROM source",
        "INSERT INTO delivery (workspace_id, id, webhook_id, event_id, event_seq, event_type, status, created_at) \
         SELECT id, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 1, 'x', 'succeeded', now() FROM workspace",
        "INSERT INTO attempt (workspace_id, id, delivery_id, number, started_at, duration_ms) \
         SELECT workspace_id, gen_random_uuid(), id, 1, now(), 3 FROM delivery",
        "INSERT INTO event (workspace_id, id, seq, type, occurred_at, actor_kind, actor_id, payload) \
         SELECT workspace_id, gen_random_uuid(), 1, 'x', now(), 'member', id, '{}' FROM member",
    ] {
        sqlx::query(statement).execute(&server.database).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    let query = "{ conversations(first: 1, filter: {labelId: []}) { nodes { id labels { id name } team { id members { nodes { id } } } \
        assignee { id name availability } group { id participants } channel { id providerAccount { id provider } } \
        contact { id identities { nodes { id kind value } } } messages(first: 1) { nodes { id campaign { id status } \
        quoted { id } attachments { nodes { id kind sizeBytes } } statusHistory { nodes { id status rawStatus } } \
        conversation { id } details reactions } } } } \
        optOuts { nodes { id contact { id } } } verifications { nodes { id providerAccount { id } } } \
        balanceAlerts { nodes { id units } } campaigns { nodes { id status } } groups { nodes { id } } \
        teams { nodes { id } } labels { nodes { id } } inboundEvents { nodes { id sourceId } } \
        deliveries { nodes { id webhook { id } attempts { nodes { id durationMs } } } } \
        events { nodes { id actor { __typename ... on Member { email } } } } sources { nodes { id } } \
        members { nodes { id } } channels { nodes { id } } providerAccounts { nodes { id } } }";
    let data = server.graphql(query, json!({})).await;
    let mut ids = Vec::new();
    collect_ids(&data, &mut ids);
    assert!(!data["conversations"]["nodes"][0]["messages"]["nodes"][0]["quoted"].is_null(), "{data}");
    assert!(!data["conversations"]["nodes"][0]["messages"]["nodes"][0]["campaign"].is_null(), "{data}");
    ids.sort();
    ids.dedup();
    assert!(ids.len() > 20, "{ids:?}");
    let found = server.graphql("query Q($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({"ids": ids})).await;
    for (id, node) in ids.iter().zip(found["nodes"].as_array().unwrap()) {
        assert_eq!(node["id"], json!(id), "each object is found again by its id");
    }
    server.stop().await;
}

fn collect_ids(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            into.extend(members.get("id").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| collect_ids(member, into));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_ids(item, into)),
        _ => {}
    }
}
