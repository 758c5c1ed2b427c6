use proptest::prelude::*;
use serde_json::json;

use super::*;

fn strict(body: &str) -> Value {
    let parsed = parse(body.as_bytes()).unwrap();
    assert!(!parsed.lenient, "{body}");
    parsed.value
}

#[test]
fn malformed_json5_is_a_marked_recovery() {
    let parsed = parse(b"{\"units\": 0, // remaining\n}").unwrap();
    assert_eq!(parsed, Parsed { value: json!({"units": 0}), lenient: true });
    assert!(matches!(parse(b"{\"bridge\": 91806828XXXX}"), Err(Unreadable::Malformed { .. })));
    assert_eq!(parse(b" \n"), Err(Unreadable::Empty));
    assert!(parse(b"\xef\xbb\xbf{}").unwrap().lenient);
    assert!(parse(b"{\"a\":\"\xff\"}").unwrap().lenient);
}

#[test]
fn malformed_what_postgres_cannot_hold_becomes_u_fffd() {
    assert_eq!(strict(r#"{"a\u0000":"x\u0000y"}"#), json!({"a\u{fffd}": "x\u{fffd}y"}));
    assert_eq!(strict(r#"["\ud83d", "\ude00x", "\ud83d\ude00"]"#), json!(["\u{fffd}", "\u{fffd}x", "😀"]));
    assert_eq!(strict(r#"["\\ud83d", "\\\ud83d"]"#), json!(["\\ud83d", "\\\u{fffd}"]));
    assert_eq!(parse(b"{a: '\\ud83d\0'}").unwrap().value, json!({"a": "\u{fffd}\u{fffd}"}));
}

#[test]
fn malformed_numbers_keep_what_counts() {
    assert_eq!(strict("[9007199254740993, 18446744073709551615]"), json!([9_007_199_254_740_993_u64, u64::MAX]));
    assert_eq!(
        strict("[123456789012345678901234, -99999999999999999999]"),
        json!(["123456789012345678901234", "-99999999999999999999"])
    );
    assert_eq!(strict("{\"n\": 1e400}"), json!({"n": null}));
    let nearest = strict(&format!("[692233200{}.0]", "9".repeat(96)));
    assert_eq!(nearest, json!([6.92233201e104]), "the nearest double, as JavaScript reads it");
    let lenient = parse(
        b"{id: 123456789012345678901234, 'b': +99999999999999999999, c: -1e400, // it's 1e400\n\
          d4567890123456789012345: 'say \"123456789012345678901234', e: 0x10}",
    );
    assert_eq!(
        lenient.unwrap().value,
        json!({"id": "123456789012345678901234", "b": "99999999999999999999", "c": null,
               "d4567890123456789012345": "say \"123456789012345678901234", "e": 16})
    );
    assert_eq!(
        strict(r#"{"t":"123456789012345678901234 \" 1e400"}"#),
        json!({"t": "123456789012345678901234 \" 1e400"})
    );
}

#[test]
fn malformed_duplicates_and_depth() {
    assert_eq!(strict(r#"{"a":1,"b":2,"a":3}"#).to_string(), r#"{"a":3,"b":2}"#);
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
    for body in [nested(MAX_DEPTH + 1), nested(100_000), "{a:".repeat(100_000), "[".repeat(1_000_000)] {
        assert!(matches!(parse(body.as_bytes()), Err(Unreadable::Malformed { .. })));
    }
}

#[test]
fn p11_a_body_holds_so_many_values_and_no_more() {
    let objects = |count: usize| format!("[{}1]", r#"{"a":1},"#.repeat(count));
    assert!(parse(objects(MAX_VALUES / 2 - 1).as_bytes()).is_ok());
    let Err(Unreadable::Malformed { strict, .. }) = parse(objects(MAX_VALUES / 2).as_bytes()) else {
        panic!("it is read");
    };
    assert!(strict.contains("more than 150000 values"), "{strict}");
}

#[test]
fn a_form_is_a_flat_object() {
    assert_eq!(parse_form(b"id=7&to=%2B91+9&id=8"), json!({"id": "8", "to": "+91 9"}));
}

proptest! {
    #[test]
    fn p11_no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}\"':,\\\\u0-9a-f dD8e+./*-]{0,80}") {
        let _ = parse(&bytes);
        let _ = parse(text.as_bytes());
    }
}
