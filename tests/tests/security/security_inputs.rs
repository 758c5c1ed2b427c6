//! What is no input of a mutation changes nothing (mass assignment), and no text of a filter is anything but text
//! (injection).

use inlet_tests::{
    Options, Pool, SeededWorkspace, TestServer, filled,
    operation::Operation,
    pool::is_granted,
    schema::{Field, Schema},
    seeded_workspace::Term,
    server::mail_hook,
};
use serde_json::{Value, json};

/// Members that a row has and no input takes.
const ROW_MEMBERS: [&str; 16] = [
    "workspaceId",
    "workspace_id",
    "id",
    "role",
    "createdAt",
    "updatedAt",
    "revision",
    "memberId",
    "personId",
    "scope",
    "deletedAt",
    "disabledAt",
    "tokenHash",
    "status",
    "__typename",
    "__proto__",
];

/// Texts that mean something to SQL, to JSON, to patterns or to terminals.
const TEXTS: [&str; 18] = [
    "' OR '1'='1",
    "'; DROP TABLE message; --",
    "\" OR \"\"=\"",
    "%",
    "_",
    "%%%",
    "\\",
    "\\%",
    "$1",
    "$$",
    "{\"$ne\": null}",
    "[]",
    "\u{0}",
    "a\u{0}b",
    "\u{202e}\u{2066}rtl",
    "\u{feff}",
    "*",
    "\u{1b}[31m",
];

async fn house() -> (TestServer, Schema, SeededWorkspace) {
    let (server, [party, _]) = filled::spawn(Options { mail_hook: Some(mail_hook()), ..Options::default() }).await;
    let schema = Schema::of(&server).await;
    (server, schema, party)
}

fn call(schema: &Schema, pool: &Pool, party: &SeededWorkspace, field: &Field) -> Operation {
    let fill = |field: &Field, path: &str, input: &_| match (field.name.as_str(), path) {
        ("login", "input.email") => Some(json!(party.email)),
        ("login", "input.password") | ("changePassword", "input.oldPassword" | "input.newPassword") => {
            Some(json!(party.password))
        }
        _ => pool.fill(schema, field, path, input, ""),
    };
    schema.operation_of_depth("Mutation", field, None, &fill, 1)
}

/// Every object within the variables, as a way to it.
fn objects(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.push(at.to_owned());
            members.iter().for_each(|(name, value)| objects(value, &format!("{at}/{name}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(number, item)| objects(item, &format!("{at}/{number}"), found));
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_takes_no_member_that_it_does_not_have() {
    let (server, schema, party) = house().await;
    let mut pool = Pool::of(&schema, &party).await;
    let mut tried = 0;
    for field in schema.roots("Mutation").iter().filter(|field| !field.args.is_empty()) {
        pool.replenish(&schema, &party).await;
        let mut places = Vec::new();
        objects(&call(&schema, &pool, &party, field).variables["input"], "/input", &mut places);
        let known: Vec<String> = field
            .args
            .iter()
            .flat_map(|argument| &schema.ty(&argument.ty.name).inputs)
            .map(|it| it.name.clone())
            .collect();
        let before = party.rows().await;
        for place in &places {
            for member in ROW_MEMBERS.iter().filter(|member| !known.iter().any(|name| name == *member)) {
                let mut operation = call(&schema, &pool, &party, field);
                operation.variables.pointer_mut(place).unwrap()[member] = json!(party.workspace.to_string());
                let answer = party.ask(&operation).await;
                let code = &answer["errors"][0]["extensions"]["code"];
                assert!(
                    ["GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"].map(|it| json!(it)).contains(code),
                    "{} takes {place}/{member}: {answer}",
                    field.name
                );
                tried += 1;
            }
        }
        assert_eq!(party.changed(&before).await, [""; 0], "{}: what was refused changed something", field.name);
        // Without the member the same call is granted.
        let key = match field.name.as_str() {
            "logout" | "changePassword" | "setTyping" | "setAvailability" => {
                party.session(party.owner_id().await, Term::default()).await
            }
            _ => party.key.clone(),
        };
        let answer = party.send(&key, &call(&schema, &pool, &party, field)).await;
        assert!(is_granted(&answer), "{}: {answer}", field.name);
    }
    assert!(tried > 150, "{tried}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_text_of_a_query_is_anything_but_text() {
    let (server, schema, party) = house().await;
    let pool = Pool::of(&schema, &party).await;
    let before = party.rows().await;
    let places = schema
        .positions()
        .into_iter()
        .filter(|place| place.owner == "Query" && ["String", "ID", "Cursor"].contains(&place.ty.name.as_str()));
    let mut tried = 0;
    for place in places {
        for text in TEXTS {
            let value = json!(text);
            let fill = |field: &_, path: &str, input: &_| pool.fill(&schema, field, path, input, "");
            let operation = schema.operation_of_depth("Query", &place.field, Some((&place.path, &value)), &fill, 2);
            let answer = party.ask(&operation).await;
            let rows = answer["data"][&place.field.name]["edges"].as_array().map_or(0, Vec::len);
            let code = &answer["errors"][0]["extensions"]["code"];
            // Refused as no id or cursor; as text, it is a part of nothing that stands in the rows.
            let is_refused = *code == json!("BAD_USER_INPUT");
            assert!(is_refused || is_granted(&answer), "{} {text:?}: {answer}", place.name());
            assert_eq!(rows, 0, "{} {text:?}", place.name());
            tried += 1;
        }
    }
    assert!(tried > 500, "{tried}");
    assert_eq!(party.changed(&before).await, [""; 0]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_of_a_pattern_in_a_filter_is_that_sign() {
    let (server, _, party) = house().await;
    let found = async |part: &str| {
        let query = "query Q($part: String) { inboundEvents(filter: {error: $part}) { nodes { error } } }".to_owned();
        let answer = party.ask(&Operation { query, variables: json!({"part": part}) }).await;
        answer["data"]["inboundEvents"]["nodes"].as_array().unwrap_or_else(|| panic!("{answer}")).len()
    };
    let answer = party.post("mobtexting", None, "not JSON").await.text().await.unwrap();
    assert!(answer.contains("in_") || answer.contains("error"), "{answer}");
    assert_eq!(found("JSON").await, 1);
    for sign in ["%", "J%N", "_", "JS_N", "\\", "J.*N"] {
        assert_eq!(found(sign).await, 0, "{sign}");
    }
    server.stop().await;
}
