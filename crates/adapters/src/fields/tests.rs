use serde_json::json;

use super::*;
use crate::text::LONGEST_ID;

#[test]
fn reads_numbers_texts_and_nulls_alike() {
    let value = json!({"n": 91, "t": " 91 ", "null": "NULL", "none": null, "no": false, "yes": "true", "d": "2.0000", "x": "2,5"});
    let object = value.as_object().unwrap();
    assert_eq!(object.text("n").as_deref(), Some("91"));
    assert_eq!(object.text("t").as_deref(), Some("91"));
    assert_eq!(object.written("t").as_deref(), Some(" 91 "));
    assert_eq!((object.text("null").as_deref(), object.known("null")), (Some("NULL"), None));
    assert_eq!((object.text("none"), object.flag("no"), object.flag("yes")), (None, Some(false), Some(true)));
    assert_eq!((object.decimal("d").as_deref(), object.decimal("x")), (Some("2.0000"), None));
    assert_eq!(object.patch("none", text), Patch::Null);
    assert_eq!(object.patch("nowhere", text), Patch::Absent);
}

#[test]
fn a_what_is_no_id_is_none() {
    for nothing in [
        json!("null"),
        json!("NULL"),
        json!(" Null "),
        json!("\u{200e}null\u{feff}"),
        json!("undefined"),
        json!("None"),
        json!("nil"),
        json!("<nil>"),
        json!("NaN"),
        json!("n/a"),
        json!("#N/A"),
        json!("N.A."),
        json!("false"),
        json!("true"),
        json!("void"),
        json!("(empty)"),
        json!("[object Object]"),
        json!("unset"),
        json!("unknown"),
        json!("\"null\""),
        json!("'undefined'"),
        json!("null:null"),
        json!("undefined-0"),
        json!(""),
        json!("   "),
        json!("\u{a0}\u{200b}"),
        json!("-"),
        json!("--"),
        json!("\u{2014}"),
        json!("."),
        json!("?"),
        json!("{}"),
        json!("[]"),
        json!("0"),
        json!("000"),
        json!("0.0"),
        json!("-0"),
        json!("-1"),
        json!("00000000-0000-0000-0000-000000000000"),
        json!("@{{payload.id}}"),
        json!("{{id}}"),
        json!("${message.id}"),
        json!("{id}"),
        json!("<%= id %>"),
        json!(0),
        json!(0.0),
        json!(-0.0),
        json!(-1),
        json!(null),
        json!(true),
        json!([]),
        json!({"id": 1}),
        json!("\u{ff4e}\u{ff55}\u{ff4c}\u{ff4c}"),
        json!("\u{ff10}\u{ff10}"),
        json!("\u{660}\u{660}\u{660}"),
        json!("<no value>"),
        json!("%!s(<nil>)"),
        json!("Optional(nil)"),
        json!("NSNull"),
        json!("NoneType"),
        json!("no-value"),
        json!("no_value"),
        json!("no id"),
        json!("undef"),
        json!("nullnull"),
        json!("Anonymous"),
        json!("\\N"),
        json!("0x0"),
        json!("0x0000"),
        json!("0e0"),
        json!("&nbsp;"),
        json!("<id>"),
        json!("%id%"),
        json!("$id"),
        json!("${id}"),
        json!("$(id)"),
        json!("%s"),
        json!("ffffffff-ffff-ffff-ffff-ffffffffffff"),
        json!("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"),
        json!("TBD"),
        json!("xxxx"),
        json!("XXX-XXX"),
        json!("string"),
        json!("default"),
        json!("null:1"),
        json!("undefined:12"),
        json!("0:1"),
    ] {
        assert_eq!(id(&nothing), None, "{nothing}");
    }
    for (value, expected) in [
        (json!(1), "1"),
        (json!(1.0), "1"),
        (json!("1.0"), "1.0"),
        (json!(4.477_009_001_23e11), "447700900123"),
        (json!(1.5), "1.5"),
        (json!(u64::MAX), "18446744073709551615"),
        (json!("\u{202a} wamid.7\u{a0}"), "wamid.7"),
        (json!("null-1"), "null-1"),
        (json!("nullable"), "nullable"),
        (json!("0a"), "0a"),
        (json!("a:1"), "a:1"),
        (json!("xx"), "xx"),
        (json!("fff"), "fff"),
        (json!("0x1"), "0x1"),
        (json!("$5"), "$5"),
        (json!("strings"), "strings"),
        (json!("N"), "N"),
        (json!("{550E8400-E29B-41D4-A716-446655440000}"), "{550E8400-E29B-41D4-A716-446655440000}"),
        (json!("\u{967}"), "\u{967}"),
    ] {
        assert_eq!(id(&value).as_deref(), Some(expected), "{value}");
    }
}

#[test]
fn a_an_address_of_zeros_is_one_that_hides_and_a_placeholder_is_none() {
    for hidden in ["0", "000", "+0", "unknown", "Unknown", "-1", "00000000-0000-0000-0000-000000000000"] {
        assert_eq!(address(&json!(hidden)).as_deref(), Some(hidden));
    }
    assert_eq!(address(&json!(447_700_900_123.0)).as_deref(), Some("447700900123"));
    for nothing in ["null", "-", "", "{}", "{{from}}", "undefined", "n/a"] {
        assert_eq!(address(&json!(nothing)), None, "{nothing}");
    }
}

#[test]
fn a_a_name_may_be_a_word_that_is_no_id() {
    for nothing in
        ["null", "Null", "undefined", "None", "(null)", "[object Object]", "N/A", "NaN", "nil", "NA", " ", "\u{200b}"]
    {
        assert_eq!(name(&json!(nothing)), None, "{nothing}");
    }
    for somebody in ["Na", "Nan", "Nil", "True", ".", "0", "\u{1f338}", "Ada Null", "Nullah", "Unknown"] {
        assert_eq!(name(&json!(somebody)).as_deref(), Some(somebody));
    }
}

#[test]
fn a_long_id_is_digested_not_cut() {
    let (a, b) = ("x".repeat(300), format!("{}y", "x".repeat(299)));
    assert_eq!(bounded_id("short".to_owned()), "short");
    assert_ne!(bounded_id(a.clone()), bounded_id(b));
    assert!(bounded_id(a).len() <= LONGEST_ID);
}
