//! P10: two workspaces that hear the same events under the same ids at the same time never touch.

use std::collections::BTreeSet;

use inlet_tests::{Tenant, TestServer, fixtures, spawn};
use serde_json::{Map, Value};
use sqlx::AssertSqlSafe;

/// Every documented event, one after the other.
async fn hear(tenant: &Tenant) {
    for fixture in fixtures::all() {
        let answer = tenant.post(&fixture.provider, fixture.suffix.as_deref(), &fixture.body).await;
        assert_eq!(answer.status(), 200, "{}", fixture.file);
        let answer: Value = answer.json().await.unwrap();
        let outcome = answer["outcome"].as_str().unwrap();
        assert!(["accepted", "duplicate"].contains(&outcome), "{}: {answer}", fixture.file);
    }
}

/// What the state says, without what is minted here and what hangs on when it was: ids, revisions, arrivals.
fn without_own(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, _)| !["id", "revision", "head"].contains(&name.as_str()));
            Value::Object(kept.map(|(name, value)| (name.clone(), without_own(value))).collect::<Map<_, _>>())
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(without_own).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        Value::String(text) if text.starts_with("202") && text.ends_with('Z') && text.contains('T') => {
            let arrival = text.as_str() > "2026";
            Value::from(if arrival { "on arrival" } else { text.as_str() })
        }
        other => other.clone(),
    }
}

/// Fails unless a tenant's state is the expected one, and names the members that differ.
fn assert_same(state: &Value, expected: &Value) {
    let state = without_own(state);
    let mut differences = Vec::new();
    differ("", &state, expected, &mut differences);
    assert!(differences.is_empty(), "{differences:#?}");
}

fn differ(path: &str, one: &Value, other: &Value, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) if one.keys().eq(other.keys()) => {
            one.iter().for_each(|(name, value)| differ(&format!("{path}.{name}"), value, &other[name], found));
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            one.iter()
                .zip(other)
                .enumerate()
                .for_each(|(at, (one, other))| differ(&format!("{path}.{at}"), one, other, found));
        }
        (one, other) if one != other => found.push(format!("{path}: {one} is not {other}")),
        _ => {}
    }
}

/// Every id that the state shows.
fn ids(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| match (name.as_str(), value) {
            ("id", Value::String(id)) => found.push(id.clone()),
            _ => ids(value, found),
        }),
        Value::Array(items) => items.iter().for_each(|item| ids(item, found)),
        _ => {}
    }
}

/// For each column of each table that is named after what it refers to: how many rows name another workspace's row.
async fn strangers(server: &TestServer) -> Vec<(String, i64)> {
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT c.table_name::text, c.column_name::text FROM information_schema.columns c \
         JOIN information_schema.columns w USING (table_schema, table_name) \
         JOIN pg_class t ON t.relname = c.table_name AND NOT t.relispartition AND t.relkind IN ('r', 'p') \
         WHERE c.table_schema = 'public' AND w.column_name = 'workspace_id' AND c.data_type = 'uuid' \
           AND c.column_name <> 'workspace_id' ORDER BY 1, 2",
    )
    .fetch_all(&server.database)
    .await
    .unwrap();
    assert!(columns.len() > 40, "{columns:?}");
    // Every id of every row with its workspace: a column that holds an id must hold one of the row's own workspace.
    let owned: Vec<String> = columns
        .iter()
        .filter(|(_, column)| column == "id")
        .map(|(table, _)| format!("SELECT workspace_id AS w, id FROM {table}"))
        .collect();
    let owned = owned.join(" UNION ALL ");
    let mut found = Vec::new();
    for (table, column) in columns.iter().filter(|(_, column)| column != "id") {
        let sql =
            format!("SELECT count(*) FROM {table} t JOIN ({owned}) o ON o.id = t.{column} WHERE o.w <> t.workspace_id");
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&server.database).await.unwrap();
        found.push((format!("{table}.{column}"), count));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_two_workspaces_with_the_same_provider_ids_never_touch() {
    let server = spawn().await;
    let alone = Tenant::of(&server).await;
    hear(&alone).await;
    let expected = without_own(&alone.state().await);

    // In step: each event comes to both before the next comes to either, in one batch as often as not.
    let (one, other) = (Tenant::of(&server).await, Tenant::of(&server).await);
    for fixture in fixtures::all() {
        let suffix = fixture.suffix.as_deref();
        let (a, b) = tokio::join!(
            one.post(&fixture.provider, suffix, &fixture.body),
            other.post(&fixture.provider, suffix, &fixture.body)
        );
        assert_eq!((a.status().as_u16(), b.status().as_u16()), (200, 200), "{}", fixture.file);
    }
    let mut seen = Vec::new();
    for tenant in [&one, &other] {
        let state = tenant.state().await;
        assert_same(&state, &expected);
        let mut shown = Vec::new();
        ids(&state, &mut shown);
        seen.push(shown.into_iter().collect::<BTreeSet<_>>());
    }
    assert!(seen[0].len() > 50 && seen[0].is_disjoint(&seen[1]), "an id is shown to both");

    // At whatever pace each has, and twice at once: a repeat in one workspace is none in another.
    let crowd = [Tenant::of(&server).await, Tenant::of(&server).await];
    tokio::join!(hear(&crowd[0]), hear(&crowd[1]), hear(&one), hear(&crowd[0]), hear(&crowd[1]));
    for tenant in [&crowd[0], &crowd[1], &one, &other] {
        assert_same(&tenant.state().await, &expected);
    }
    for (column, count) in strangers(&server).await {
        assert_eq!(count, 0, "{column} names rows of another workspace");
    }
    server.stop().await;
}
