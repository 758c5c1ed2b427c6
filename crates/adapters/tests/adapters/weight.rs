//! The bound on the commands of one request (C4, D1, P6): beyond it the request is FAILED when it is read, and stays in
//! the raw log.

use std::{iter, sync::Arc};

use crate::support::{arrival, bytes, index, read_at, request, source};
use inlet_adapters::read::{Adapters, Readout, read};
use inlet_domain::{
    command::{MOST_COMMANDS, Reading, weight, weight_of},
    json::count_values,
    model::{mapping::Mapping, provider::Provider, source::Source},
    reader::Reader,
};
use serde_json::{Map, Value, json};

fn custom(rule: Value) -> Source {
    let mapping = Mapping::read(&json!({"rules": [rule]})).unwrap_or_else(|error| panic!("{error}"));
    Source { mapping: Some(Arc::new(mapping)), ..source(Provider::Custom) }
}

/// A source whose message rule has these further members.
fn message(more: Value) -> Source {
    let mut rule =
        json!({"kind": "message", "name": "in", "fields": {"id": "/id", "address": "/from", "content": "/text"}});
    let Value::Object(more) = more else { panic!("an object") };
    rule.as_object_mut().unwrap().extend(more);
    custom(rule)
}

/// This many places of details, all of one member.
fn details(count: usize, place: &str) -> Value {
    Value::Object((0..count).map(|number| (format!("d{number}"), json!(place))).collect::<Map<_, _>>())
}

fn body(big: Value) -> Value {
    json!({"id": "1", "from": "+919019120123", "text": "x", "big": big})
}

/// The reason of a request beyond the bound.
fn excess(readout: &Readout) -> &str {
    match &readout.reading {
        Reading::Excessive { reason, .. } => reason,
        Reading::Commands { weight, .. } => panic!("taken, with a weight of {weight}"),
        other => panic!("{other:?}"),
    }
}

fn is_taken(readout: &Readout) -> bool {
    matches!(readout.reading, Reading::Commands { .. })
}

#[test]
fn c4_a_mapping_that_names_a_large_member_many_times_fails_the_request_and_tells_the_bound() {
    let million = json!("x".repeat(1_000_000));
    let many = message(json!({ "details": details(94, "/big") }));
    let readout = read_at(&many, None, &body(million.clone()));
    assert_eq!(readout.event.as_deref(), Some("in"));
    assert_eq!(
        excess(&readout),
        "it would become more than 4194304 bytes, the most for a request of its size: name large members in fewer places"
    );
    // The stored request is complete, and a replay has the same reading.
    assert!(readout.raw.body.len() > 1_000_000);
    let again = Adapters.read(&many, arrival(), readout.event.as_deref(), readout.raw);
    assert!(matches!(again.reading, Reading::Excessive { .. }));
    // A few copies of large members are allowed, and many of small ones.
    assert!(is_taken(&read_at(&message(json!({ "details": details(3, "/big") })), None, &body(million))));
    assert!(is_taken(&read_at(&many, None, &body(json!("x".repeat(10_000))))));
}

#[test]
fn c4_many_small_values_weigh_more_than_their_text() {
    let ones = body(json!(vec![1; 20_000]));
    assert!(is_taken(&read_at(&message(json!({ "details": details(2, "/big") })), None, &ones)));
    excess(&read_at(&message(json!({ "details": details(94, "/big") })), None, &ones));
}

#[test]
fn c4_fields_files_and_elements_count_together() {
    // Texts of fields.
    let mut rule = json!({"kind": "message", "name": "in", "fields": {"id": "/id", "address": "/from"}});
    for field in ["content", "name", "username", "avatar_url", "subject", "filename", "attachment_url"] {
        rule["fields"][field] = json!("/big");
    }
    excess(&read_at(&custom(rule), None, &body(json!("x".repeat(1_000_000)))));

    // Files of a list, each with the same name.
    let files = message(json!({"attachments": [{"items": "/files", "url": "/u", "filename": "#/big"}]}));
    let mut with_files = body(json!("x".repeat(500_000)));
    with_files["files"] = (0..100).map(|number| json!({"u": format!("https://x.example/{number}")})).collect();
    excess(&read_at(&files, None, &with_files));

    // Elements of a body that is stored as a whole, because the shared part is too large.
    let shared = custom(json!({"kind": "message", "name": "in", "items": "/list", "details": {"all": "#/big"},
        "fields": {"id": "/id", "address": "#/from", "content": "/text"}}));
    let mut with_list = body(json!("x".repeat(500_000)));
    with_list["list"] = (0..1_000).map(|number| json!({"id": number, "text": "x"})).collect();
    excess(&read_at(&shared, None, &with_list));
}

/// The pointers of texts and lists in a value.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            pointers(member, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
        }),
        Value::Array(items) => {
            found.push(at.to_owned());
            items.iter().enumerate().for_each(|(index, item)| pointers(item, &format!("{at}/{index}"), found));
        }
        Value::String(_) => found.push(at.to_owned()),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn d1_c4_no_adapter_makes_more_of_a_documented_event_than_its_bounds() {
    let mut largest = 0;
    for fixture in index() {
        let Ok(sample) = serde_json::from_slice::<Value>(&bytes(&fixture.file)) else { continue };
        let mut places = Vec::new();
        pointers(&sample, "", &mut places);
        for place in places {
            let mut body = sample.clone();
            let member = body.pointer_mut(&place).unwrap();
            match member {
                Value::Array(items) => {
                    let first = items.first().cloned().unwrap_or(json!({"id": "1"}));
                    *items = iter::repeat_n(first, 1_500).collect();
                }
                text => *text = json!("https://x.example/".to_owned() + &"x".repeat(20_000)),
            }
            let body = body.to_string();
            let own = weight(body.len(), count_values(body.as_bytes()));
            let readout = read(&source(fixture.provider), arrival(), fixture.suffix.as_deref(), request(body));
            if let Reading::Commands { commands, weight, .. } = readout.reading {
                assert!(commands.len() <= MOST_COMMANDS);
                assert_eq!(weight, weight_of(&commands));
                // Any body may become three copies of itself, plus the constant part of every command.
                assert!(weight <= own * 3 + 20_000 * commands.len(), "{} {place}: {weight} of {own}", fixture.file);
                largest = largest.max(weight * 100 / own);
            }
        }
    }
    assert!(largest > 100, "{largest} %");
}
