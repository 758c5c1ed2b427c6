//! P11: documents that are written to cost much. Each is refused with its code, or answered, in a few bytes, over HTTP
//! and over a WebSocket alike.

use inlet_tests::{LiveClient, TestServer, live::Frame, spawn};
use serde_json::{Value, json};

/// The most bytes of a refusal.
const REFUSAL: usize = 32 * 1024;

/// Something to ask, and the code of its refusal; none where it is granted.
struct Case {
    name: &'static str,
    query: String,
    code: Option<&'static str>,
}

fn nested(levels: usize, open: &str, inner: &str, close: &str) -> String {
    format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
}

/// A fragment that asks for the next one twice, and so on: two to the power of `levels` fields.
fn doubling(levels: usize) -> String {
    let fragment = |level: usize| {
        let next = level + 1;
        format!(" fragment F{level} on Contact {{ a: mergedInto {{ ...F{next} }} b: mergedInto {{ ...F{next} }} }}")
    };
    let fragments: String = (0..levels).map(fragment).collect();
    format!("{{ contacts {{ nodes {{ ...F0 }} }} }}{fragments} fragment F{levels} on Contact {{ id }}")
}

fn cases() -> Vec<Case> {
    let case = |name, code, query: String| Case { name, query, code };
    let refused = Some("LIMIT_EXCEEDED");
    let invalid = Some("GRAPHQL_VALIDATION_FAILED");
    let inner = nested(20, "mergedInto { ", "id", " }");
    let types = nested(6, "type { fields { ", "name", " } }");
    let many = |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<String>();
    vec![
        case("deep", refused, format!("{{ contacts {{ nodes {{ {inner} }} }} }}")),
        case("deeper than the parser goes", Some("GRAPHQL_PARSE_FAILED"), nested(5_000, "{a", "{a}", "}")),
        case("brackets", Some("GRAPHQL_PARSE_FAILED"), format!("{{ nodes(ids: {}) {{ id }} }}", "[".repeat(20_000))),
        case(
            "lists in lists",
            Some("GRAPHQL_PARSE_FAILED"),
            format!("{{ nodes(ids: {}) {{ id }} }}", nested(5_000, "[", "", "]")),
        ),
        case("wide", refused, format!("{{ {} }}", "head ".repeat(12_000))),
        case("wide with what there is not", invalid, format!("{{ {} }}", "nope ".repeat(9_000))),
        case("aliases", refused, format!("{{ {} }}", many(1_000, &|n| format!("a{n}: head ")))),
        case("aliases in fragments", refused, {
            let fragment = |n| format!(" fragment F{n} on Query {{ a{n}: head }}");
            format!("{{ {} }}{}", many(150, &|n| format!("...F{n} ")), many(150, &fragment))
        }),
        case(
            "a circle of fragments",
            refused,
            "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".into(),
        ),
        case("a circle through a field", refused, {
            "{ contacts { nodes { ...A } } } fragment A on Contact { mergedInto { ...A } }".into()
        }),
        case("fragments that double", refused, doubling(12)),
        case("10,000 operations", refused, many(10_000, &|n| format!("query Q{n} {{ head }} "))),
        case("3,000 operations", refused, many(3_000, &|n| format!("query Q{n} {{ head }} "))),
        case("10,000 directives", refused, format!("{{ head {} }}", "@skip(if: false) ".repeat(10_000))),
        case("3,000 directives", refused, format!("{{ head {} }}", "@skip(if: false) ".repeat(3_000))),
        case("30,000 directives that there are not", refused, format!("{{ head {} }}", "@a".repeat(30_000))),
        case("directives on an operation", refused, format!("query {} {{ head }}", "@a".repeat(20_000))),
        case(
            "a list of 15,000 ids",
            Some("BAD_USER_INPUT"),
            format!("{{ nodes(ids: [{}]) {{ id }} }}", "\"a\" ".repeat(15_000)),
        ),
        case("10,000 arguments", invalid, format!("{{ nodes({}) {{ id }} }}", many(5_000, &|n| format!("a{n}: 1 ")))),
        case("8,000 variables", invalid, format!("query Q({}) {{ head }}", many(6_000, &|n| format!("$a{n}:Int ")))),
        case("comments", refused, format!("{}{{ head }}", "#\n".repeat(100_000))),
        case("types of fields of types", refused, format!("{{ __schema {{ types {{ fields {{ {types} }} }} }} }}")),
        case("fields of types by fragments", refused, {
            "{ __schema { types { ...A } } } fragment A on __Type { fields { type { ...B } } } \
             fragment B on __Type { fields { type { ...C } } } fragment C on __Type { fields { type { name } } }"
                .into()
        }),
        case("no document at all", Some("GRAPHQL_PARSE_FAILED"), String::new()),
        case("a plain one", None, "{ head }".into()),
    ]
}

fn codes(errors: &Value) -> Vec<&str> {
    let errors = errors.as_array().unwrap();
    errors.iter().map(|error| error["extensions"]["code"].as_str().unwrap_or("none")).collect()
}

/// Whether no field was answered.
fn is_nothing(data: &Value) -> bool {
    data.as_object().into_iter().flatten().all(|(_, value)| value.is_null())
}

async fn post(server: &TestServer, query: &str) -> (u16, String) {
    let request = server.client.post(&server.graphql_url).bearer_auth(&server.api_key);
    let answer = request.json(&json!({"query": query, "operationName": null})).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_a_costly_document_is_refused_over_http() {
    let server = spawn().await;
    let mut wrong = Vec::new();
    for case in cases() {
        let (status, text) = post(&server, &case.query).await;
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(status, 200, "{}: {text}", case.name);
        assert!(text.len() < REFUSAL, "{}: an answer of {} bytes", case.name, text.len());
        let is_right = match case.code {
            None => answer.get("errors").is_none(),
            Some(code) => codes(&answer["errors"]).iter().all(|it| *it == code) && is_nothing(&answer["data"]),
        };
        if !is_right {
            wrong.push(format!("{}: {:?} instead of {:?}", case.name, answer["errors"][0], case.code));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_a_costly_document_is_refused_over_a_websocket() {
    let server = spawn().await;
    let mut socket = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    let mut wrong = Vec::new();
    for (number, case) in cases().into_iter().enumerate() {
        let id = number.to_string();
        socket.subscribe(&id, &case.query).await;
        let Frame::Message(message) = socket.next().await else { panic!("{}: the socket was closed", case.name) };
        assert_eq!(message["id"], json!(id));
        assert!(message.to_string().len() < REFUSAL, "{}", case.name);
        let (errors, data) = match message["type"].as_str().unwrap() {
            "error" => (&message["payload"], &Value::Null),
            _ => (&message["payload"]["errors"], &message["payload"]["data"]),
        };
        let is_right = match case.code {
            None => errors.is_null(),
            Some(code) => codes(errors).iter().all(|it| *it == code) && is_nothing(data),
        };
        if !is_right {
            wrong.push(format!("{}: {} instead of {:?}", case.name, message, case.code));
        }
        if message["type"] == "next" {
            assert_eq!(socket.next().await.message()["type"], "complete", "{}", case.name);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // The socket still serves; a message that is too long ends it.
    socket.subscribe("last", "{ head }").await;
    assert_eq!(socket.data("last").await["head"], "1-0");
    assert_eq!(socket.next().await.message()["type"], "complete");
    let long = json!({"id": "x", "type": "subscribe", "payload": {"query": "{ head }", "variables": {"x": "x".repeat(2 << 20)}}});
    socket.send(&long).await;
    assert!([1009, 4400].contains(&socket.next().await.closed()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_a_socket_runs_no_more_operations_than_it_may() {
    let server = spawn().await;
    let mut socket = LiveClient::connect(&server.graphql_url, &server.api_key).await;
    for number in 0..101 {
        socket.subscribe(&number.to_string(), "subscription { events { __typename } }").await;
    }
    let refused = socket.next().await.message();
    assert_eq!((&refused["id"], &refused["type"]), (&json!("100"), &json!("error")));
    assert_eq!(codes(&refused["payload"]), ["LIMIT_EXCEEDED"]);
    socket.send(&json!({"id": "0", "type": "complete"})).await;
    socket.subscribe("again", "{ head }").await;
    assert_eq!(socket.data("again").await["head"], "1-0", "one that ended makes room");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_a_batch_is_no_way_around_the_limits() {
    let server = spawn().await;
    let one = json!({"query": "{ head }"});
    for batch in [json!([]), json!([one]), Value::Array(vec![one; 1_000])] {
        let request = server.client.post(&server.graphql_url).bearer_auth(&server.api_key);
        let answer = request.json(&batch).send().await.unwrap();
        assert_eq!(answer.status(), 400);
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(codes(&answer["errors"]), ["BAD_USER_INPUT"]);
        assert!(answer.get("data").is_none());
    }
    server.stop().await;
}
