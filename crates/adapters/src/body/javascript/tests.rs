use proptest::prelude::*;
use serde_json::Value;

use super::*;

#[test]
fn or_14_writes_what_node_writes() {
    for line in include_str!("../../../tests/vectors/restringify.jsonl").lines() {
        let [body, again]: [String; 2] = serde_json::from_str(line).unwrap();
        assert_eq!(restringify(body.as_bytes()), Some(again), "{body}");
    }
}

#[test]
fn or_14_refuses_what_node_refuses() {
    let refused = [
        "01",
        "{\"a\":1,}",
        "\"\u{1}\"",
        "{\"a\"}",
        "[1 2]",
        "1.",
        ".5",
        "+1",
        "nul",
        "{\"a\":1}x",
        "",
        "\"\\u12g4\"",
        "\"\\x41\"",
        "'a'",
        "1e",
        "-",
        "[,]",
        "{,}",
        "{\"a\":}",
        "[",
        "{",
        "\"",
        "\"\\",
        "\"\\u12",
        "[1",
        "tru",
        "]",
    ];
    for body in refused {
        assert_eq!(restringify(body.as_bytes()), None, "{body}");
    }
}

#[test]
fn deep_nesting_is_refused_without_recursion() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(restringify(nested(MAX_DEPTH).as_bytes()).is_some());
    assert_eq!(restringify(nested(100_000).as_bytes()), None);
    assert_eq!(restringify("{\"a\":".repeat(100_000).as_bytes()), None);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let key = prop_oneof!["[0-9]{1,11}", ".{0,4}"];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..5).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn or_14_is_what_the_parsed_value_becomes_and_stays_so(value in value()) {
        let again = restringify(value.to_string().as_bytes());
        prop_assert_eq!(again.clone(), Some(json::javascript(&value)));
        prop_assert_eq!(restringify(again.clone().unwrap_or_default().as_bytes()), again);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}\":,\\\\u0-9a-f dD8e+.-]{0,80}") {
        let _ = restringify(&bytes);
        let _ = restringify(text.as_bytes());
    }
}
