//! Whatever is put at whatever place of the schema, the answer is data or errors with a code of `ErrorCode` that is not
//! the server's own fault; never a 5xx.

use std::{
    collections::BTreeSet,
    fs, panic,
    sync::atomic::{AtomicUsize, Ordering},
};

use inlet_store::records::page::{Position, Sort};
use inlet_tests::{
    Options, Pool, SeededWorkspace, TestServer, filled,
    operation::Operation,
    pool::is_granted,
    schema::{self, Field, Input, Schema},
    workspace,
};
use serde_json::{Value, json};

static PANICS: AtomicUsize = AtomicUsize::new(0);

fn count_panics() {
    let said = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        // What a test itself finds wrong is told by the test.
        if info.location().is_none_or(|at| !at.file().starts_with("tests/")) {
            PANICS.fetch_add(1, Ordering::SeqCst);
        }
        said(info);
    }));
}

struct Target {
    server: TestServer,
    schema: Schema,
    party: SeededWorkspace,
    pool: Pool,
    codes: BTreeSet<String>,
}

/// Introspection does not show the enum, for no field has its type: the committed schema does.
fn codes() -> BTreeSet<String> {
    let text = fs::read_to_string(workspace::root().join("schema.graphql")).unwrap();
    let (_, after) = text.split_once("enum ErrorCode {").unwrap();
    let (within, _) = after.split_once('}').unwrap();
    let is_value = |line: &&str| !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    within.lines().map(str::trim).filter(is_value).map(str::to_owned).collect()
}

async fn house() -> Target {
    let (server, [party, _]) = filled::spawn(Options::default()).await;
    let schema = Schema::of(&server).await;
    let mut pool = Pool::of(&schema, &party).await;
    pool.replenish(&schema, &party).await;
    let codes = codes();
    Target { server, schema, party, pool, codes }
}

impl Target {
    /// Fails unless each error has a code of the schema that is not the server's fault, and tells where it is.
    fn check(&self, what: &str, answer: &Value) {
        for error in answer["errors"].as_array().into_iter().flatten() {
            let code = error["extensions"]["code"].as_str().unwrap_or("none");
            assert!(self.codes.contains(code), "{what}: {error}");
            assert!(!["INTERNAL", "UNAVAILABLE"].contains(&code), "{what}: {error}");
            assert!(
                error["message"].as_str().is_some_and(|text| !text.is_empty() && text.len() < 2_000),
                "{what}: {error}"
            );
        }
    }

    fn fill(&self, field: &Field, path: &str, input: &Input) -> Option<Value> {
        self.pool.fill(&self.schema, field, path, input, "")
    }

    async fn put(&self, place: &schema::Position, value: &Value) -> Value {
        let fill = |field: &_, path: &str, input: &_| self.fill(field, path, input);
        let operation = match place.owner.as_str() {
            owner @ ("Query" | "Mutation") => {
                self.schema.operation_of_depth(owner, &place.field, Some((&place.path, value)), &fill, 2)
            }
            owner => self.schema.nested(place, &self.pool.types[owner][0], value, &fill),
        };
        self.party.ask(&operation).await
    }
}

/// Values of another type than the place takes: each is an error.
fn of_other_types(name: &str) -> Vec<Value> {
    let all = [json!({}), json!({"a": [1]}), json!([[]]), json!(true), json!(1.5), json!("text"), json!(-7)];
    let fits = |value: &Value| match name {
        "JSON" => true,
        "String" | "ID" | "Cursor" | "DateTime" | "Decimal" => value.is_string() || name == "ID" && value.is_i64(),
        "Int" | "Revision" => value.is_i64(),
        "Float" => value.is_number(),
        "Boolean" => value.is_boolean(),
        _ => value.is_string(),
    };
    all.into_iter().filter(|value| !fits(value)).collect()
}

/// Values of the right type that nobody means.
fn nasty(name: &str, pool: &Pool) -> Vec<Value> {
    let texts =
        ["", " ", "\u{0}", "a\u{0}b", "'", "%", "\\", "\u{202e}x", "\u{fffd}", "../../etc/passwd", "${x}", "$1"];
    let mut values: Vec<Value> = match name {
        "Int" => vec![json!(0), json!(-1), json!(i32::MAX), json!(i32::MIN), json!(1_000_000), json!(1_i64 << 40)],
        "Revision" => vec![json!(-1), json!((1_i64 << 53) + 1), json!(u64::MAX), json!(1e300)],
        "Float" => vec![json!(1e308), json!(-0.0)],
        "DateTime" => [
            "0000-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999Z",
            "-9999-01-01T00:00:00Z",
            "+262142-12-31T23:59:59Z",
            "2026-02-30T00:00:00Z",
            "2016-12-31T23:59:60Z",
            "2026-11-20",
            "now",
            "1e9",
            "2026-11-20T10:00:00+25:00",
            "9999-12-31T23:59:59-23:59",
        ]
        .map(|text| json!(text))
        .to_vec(),
        "Boolean" => vec![],
        "JSON" => vec![json!(null), json!("\u{0}"), json!({"a\u{0}": 1}), json!([1, [2, [3]]]), json!(1e300)],
        "Decimal" => vec![json!("1e99"), json!("NaN")],
        "String" | "ID" | "Cursor" => texts.map(|text| json!(text)).to_vec(),
        _ => vec![json!("NOPE"), json!("")],
    };
    if ["String", "ID", "Cursor"].contains(&name) {
        values.push(json!("x".repeat(100_000)));
        values.push(json!("conv_zzzzzzzzzzzzzzzzzzzzzzzzzz"));
        values.extend(pool.candidates(1).into_iter().map(|(_, ids)| json!(ids[0])));
    }
    if name == "Cursor" {
        let own = &pool.cursors["contacts"][0];
        values.extend([json!(own[..own.len() - 3]), json!(format!("{own}A")), json!(own.to_lowercase())]);
        let whole: Position = own.parse().unwrap();
        for sort in [Sort::Id, Sort::LastActivity, Sort::OccurredAt] {
            for at in [
                chrono::DateTime::UNIX_EPOCH,
                chrono::DateTime::<chrono::Utc>::MAX_UTC,
                chrono::DateTime::<chrono::Utc>::MIN_UTC,
            ] {
                values.push(json!(Position { sort, at, ..whole }.to_string()));
            }
        }
        values.extend(pool.cursors.values().map(|cursors| json!(cursors[0])));
        let numbers = ["1-0", "0-0", "1--1", "1-9223372036854775807", "2147483648-1", "-1-1", "1-99999999999999999999"];
        values.extend(numbers.map(|text| json!(text)));
    }
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_a_value_of_another_type_is_told_at_every_place() {
    count_panics();
    let house = house().await;
    let before = house.party.rows().await;
    let mut tried = 0;
    for place in house.schema.positions().iter().filter(|place| place.owner != "Subscription") {
        let mut values = of_other_types(&place.ty.name);
        let is_needed = place.ty.required && place.ty.lists == 0 && place.path.len() > 1;
        values.extend(is_needed.then_some(Value::Null));
        for value in values {
            let answer = house.put(place, &value).await;
            let what = format!("{} {value}", place.name());
            house.check(&what, &answer);
            assert!(!is_granted(&answer), "{what}: {answer}");
            tried += 1;
        }
    }
    assert!(tried > 500, "{tried}");
    assert_eq!(house.party.changed(&before).await, [""; 0]);
    assert_eq!(PANICS.load(Ordering::SeqCst), 0);
    house.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_a_value_that_nobody_means_is_no_fault_of_the_server() {
    count_panics();
    let house = house().await;
    let mut tried = 0;
    for place in house.schema.positions().iter().filter(|place| place.owner != "Subscription") {
        for value in nasty(&place.ty.name, &house.pool) {
            let answer = house.put(place, &value).await;
            let shown: String = value.to_string().chars().take(80).collect();
            house.check(&format!("{} {shown}", place.name()), &answer);
            tried += 1;
        }
    }
    assert!(tried > 1_500, "{tried}");
    assert_eq!(PANICS.load(Ordering::SeqCst), 0);
    house.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_a_page_has_a_size_and_one_end() {
    let house = house().await;
    let before = house.party.rows().await;
    let lists = house.schema.roots("Query").iter().filter(|field| field.ty.name.ends_with("Connection"));
    let mut tried = 0;
    for field in lists {
        for (arguments, path) in [
            ("first: 1000000", "first"),
            ("first: 101", "first"),
            ("first: 0", "first"),
            ("first: -1", "first"),
            ("last: 1000000", "last"),
            ("last: -5", "last"),
            ("first: 1, last: 1", "last"),
            ("after: \"nope\"", "after"),
            ("before: \"nope\"", "before"),
            ("last: 1, before: \"nope\"", "before"),
        ] {
            let query = format!("{{ {}({arguments}) {{ edges {{ cursor }} }} }}", field.name);
            let answer = house.party.ask(&Operation { query, variables: json!({}) }).await;
            let error = &answer["errors"][0];
            let what = format!("{}({arguments}): {answer}", field.name);
            assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT", "{what}");
            assert_eq!(error["path"], json!([field.name]), "{what}");
            let told = error["extensions"]["inputPath"].as_array().unwrap_or_else(|| panic!("{what}"));
            assert!(told == &[json!(path)] || arguments.contains("last: 1") && told.len() == 1, "{what}");
            assert_eq!(answer["data"], json!({field.name.as_str(): null}), "{what}");
            tried += 1;
        }
    }
    assert!(tried > 150, "{tried}");
    assert_eq!(house.party.changed(&before).await, [""; 0]);
    house.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_bodies_that_are_no_request_are_told_so() {
    let house = house().await;
    let nested = |count: usize, open: &str, close: &str| {
        let value = format!("{}1{}", open.repeat(count), close.repeat(count));
        format!("{{\"query\": \"query Q($x: JSON) {{ head }}\", \"variables\": {{\"x\": {value}}}}}").into_bytes()
    };
    let surrogates = br#"{"query": "{ head }", "variables": {"x": "\ud800"}}"#.to_vec();
    let swapped =
        br#"{"query": "query Q($x: ID!) { node(id: $x) { id } }", "variables": {"x": "\udc00\ud800"}}"#.to_vec();
    let long = json!({"query": "{ head }", "variables": {"x": "x".repeat(5 << 20)}}).to_string().into_bytes();
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("nothing", Vec::new(), 400),
        ("no JSON", b"query { head }".to_vec(), 400),
        ("cut off", b"{\"query\": \"{ head".to_vec(), 400),
        ("no UTF-8", b"{\"query\": \"\xff\xfe\"}".to_vec(), 400),
        ("a number", b"1".to_vec(), 400),
        ("null", b"null".to_vec(), 400),
        ("a lone surrogate", surrogates, 400),
        ("surrogates the wrong way round", swapped, 400),
        ("9,000 lists", nested(9_000, "[", "]"), 400),
        ("9,000 objects", nested(9_000, "{\"a\":", "}"), 400),
        ("100,000 lists", nested(100_000, "[", "]"), 400),
        ("100,000 objects", nested(100_000, "{\"a\":", "}"), 400),
        ("5 MB of variables", long, 413),
        ("a number beyond all", b"{\"query\": \"{ head }\", \"variables\": {\"x\": 1e999}}".to_vec(), 400),
        ("variables that are text", b"{\"query\": \"{ head }\", \"variables\": \"{}\"}".to_vec(), 400),
        ("extensions that are a list", b"{\"query\": \"{ head }\", \"extensions\": []}".to_vec(), 400),
    ];
    for (name, body, status) in cases {
        let request = house.server.client.post(&house.server.graphql_url).bearer_auth(&house.party.key);
        let answer = request.header("content-type", "application/json").body(body).send().await.unwrap();
        assert_eq!(answer.status(), status, "{name}");
        let answer: Value = answer.json().await.unwrap();
        let code = answer["errors"][0]["extensions"]["code"].as_str().or(answer["error"]["code"].as_str());
        let expected = match status {
            413 => "PAYLOAD_TOO_LARGE",
            _ if name.starts_with("100,000") => "LIMIT_EXCEEDED",
            _ => "BAD_USER_INPUT",
        };
        assert_eq!(code, Some(expected), "{name}: {answer}");
    }
    house.server.stop().await;
}
