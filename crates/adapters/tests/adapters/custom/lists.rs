//! Lists in a body whose elements are events.

use inlet_adapters::read::{Readout, TooMany, read, split};
use inlet_domain::{
    command::{Patch, RawRequest, Reading},
    model::{message::AttachmentKind, source::Source},
};
use serde_json::{Value, json};

use super::{custom, documented};

use crate::support::{arrival, expect_commands, message, read_at, reason, reported, request, status, with};

/// The door's split of a body, with the reading of each request.
fn each(source: &Source, body: &Value) -> Vec<Readout> {
    let raw = request(body.to_string());
    let raws: Vec<RawRequest> = match split(source, arrival(), None, &raw).unwrap() {
        Some(several) => several.collect(),
        None => vec![raw],
    };
    raws.into_iter().map(|raw| read(source, arrival(), None, raw)).collect()
}

#[test]
fn d2_the_documented_lists_are_taken_element_by_element() {
    let blocks = documented();
    let at = blocks.iter().position(|block| block["rules"][0].get("items").is_some()).unwrap();
    let (source, body) = (custom(blocks[at].clone()), &blocks[at + 1]);
    let read = each(&source, body);
    let events: Vec<_> = read.iter().map(|readout| readout.event.as_deref()).collect();
    assert_eq!(events, [Some("message"), Some("message"), Some("status")]);
    let mut commands: Vec<_> = read.into_iter().map(|readout| expect_commands(readout).remove(0)).collect();
    assert_eq!(commands.iter().map(|it| it.key.id.as_str()).take(2).collect::<Vec<_>>(), ["wamid.1", "wamid.2"]);

    let failed = status(commands.pop().unwrap());
    assert_eq!((failed.code.as_deref(), failed.reason.as_deref()), (Some("131026"), Some("Message undeliverable")));
    assert_eq!(reported(failed.channel).ids, ["whatsapp:918068281234"], "of its own entry");
    let image = message(commands.pop().unwrap());
    let files = image.attachments.unwrap();
    assert_eq!((files[0].kind, files[0].filename.as_deref()), (AttachmentKind::Image, Some("bill.png")));
    assert_eq!(image.content, Patch::Value("The bill".to_owned()));
    let text = message(commands.pop().unwrap());
    assert_eq!((text.content, text.content_type), (Patch::Value("Hi".to_owned()), Patch::Value("text".to_owned())));
    assert_eq!(text.occurred_at, Some(arrival()));
    assert_eq!(reported(text.channel).ids, ["whatsapp:919019120123"]);
}

pub(super) fn listed() -> Source {
    custom(json!({"rules": [
        {"name": "in", "kind": "message", "items": "/entry/0/changes/0/value/messages",
         "when": {"not": {"at": "/type", "equals": "dlr"}},
         "fields": {"id": "/id", "address": "/from", "content": "/text", "channel": "#/entry/0/to"}},
        {"name": "dlr", "kind": "status", "items": "/entry/0/changes/0/value/messages",
         "fields": {"id": "/id", "status": "/status"}},
        {"name": "ping", "kind": "contact", "fields": {"id": "/ping"}},
    ]}))
}

pub(super) fn list(messages: Value) -> Value {
    json!({"entry": [{"to": "918068281234", "changes": [{"value": {"messages": messages}}]}]})
}

#[test]
fn d2_p6_one_bad_element_stops_no_other() {
    let source = listed();
    let body = list(json!([
        {"id": 1, "from": "919876543212", "text": "one"},
        {"id": 2, "text": "from nobody"},
        {"id": 3, "type": "dlr", "status": "delivered"},
        "odd",
        {"id": 9_007_199_254_740_993_i64, "from": "919876543212", "text": "four"},
    ]));
    let mut read = each(&source, &body);
    assert_eq!(read.len(), 5);
    let last = expect_commands(read.pop().unwrap()).remove(0);
    assert_eq!(last.key.id, "9007199254740993", "no digit is lost");
    assert!(reason(read.pop().unwrap()).contains("there is no"));
    let report = expect_commands(read.pop().unwrap()).remove(0);
    assert_eq!(report.key.kind, "dlr");
    assert_eq!(status(report).ids, ["3"]);
    assert_eq!(reason(read.pop().unwrap()), "rule `in`: there is no `address` at `/from`, which the rule needs");
    assert_eq!(expect_commands(read.pop().unwrap()).remove(0).key.id, "1");

    // A replay reads a body that was stored before the mapping had lists: all of it, or none.
    let whole = read_at(&source, None, &body);
    assert_eq!(whole.event.as_deref(), Some("in"));
    let why = reason(whole);
    assert!(why.contains("element 2: rule `in`") && why.contains("element 4") && !why.contains("element 3"), "{why}");
    let good = list(json!([{"id": 1, "from": "919876543212"}, {"id": 3, "type": "dlr", "status": "sent"}]));
    assert_eq!(expect_commands(read_at(&source, None, &good)).len(), 2);
}

#[test]
fn d2_an_element_without_an_id_is_known_by_itself_and_what_is_beside_it() {
    let source = listed();
    let (one, other) = (json!({"from": "919876543212", "text": "a"}), json!({"from": "919876543212", "text": "b"}));
    let keys = |body: &Value| -> Vec<String> {
        each(&source, body).into_iter().map(|readout| expect_commands(readout).remove(0).key.id).collect()
    };
    let both = keys(&list(json!([one, other])));
    assert_ne!(both[0], both[1]);
    assert_eq!(keys(&list(json!([one])))[0], both[0], "alone as among others");
    let whole: Vec<_> =
        expect_commands(read_at(&source, None, &list(json!([one, other])))).into_iter().map(|it| it.key.id).collect();
    assert_eq!(whole, both, "a replay of what was kept whole finds the same keys");
    assert_ne!(keys(&with(&list(json!([one])), "/entry/0/to", json!("918068281235")))[0], both[0]);
}

#[test]
fn d2_what_is_no_list_is_one_event_or_none() {
    let source = listed();
    let single = list(json!({"id": 1, "from": "919876543212"}));
    assert_eq!(
        expect_commands(read_at(&source, None, &single)).remove(0).key.id,
        "1",
        "an object stands for a list of one"
    );
    for empty in [list(json!([])), list(Value::Null), list(json!("text")), json!({"entry": 7}), json!([])] {
        let readout = read_at(&source, None, &empty);
        assert!(matches!(readout.reading, Reading::Unrecognised { .. }), "{empty}");
    }
    let ping = read_at(&source, None, &with(&list(json!([])), "/ping", json!("p")));
    assert_eq!(ping.event.as_deref(), Some("ping"), "a rule without a list takes what holds none");
    let both = each(&source, &with(&list(json!([{"id": 1, "from": "919876543212"}])), "/ping", json!("p")));
    assert_eq!(both[0].event.as_deref(), Some("in"));
    let by_elements = custom(
        json!({"rules": [{"kind": "message", "items": "/a/*/b/*", "fields": {"id": "/id", "address": "/from"}}]}),
    );
    let nested = json!({"a": [{"b": [{"id": 1, "from": "a@b.co"}]}, {"x": 1}, {"b": [{"id": 2, "from": "a@b.co"}, {"id": 3, "from": "a@b.co"}]}]});
    let ids: Vec<_> = each(&by_elements, &nested).into_iter().map(|it| expect_commands(it).remove(0).key.id).collect();
    assert_eq!(ids, ["1", "2", "3"]);
}

#[test]
fn d2_p11_lists_are_bounded() {
    let source = listed();
    let many = |number: usize| list((0..number).map(|id| json!({"id": id, "from": "919876543212"})).collect());
    assert_eq!(each(&source, &many(1_000)).len(), 1_000);
    let over = split(&source, arrival(), None, &request(many(1_001).to_string()));
    assert!(matches!(over, Err(TooMany(1_001))));
    assert!(matches!(read_at(&source, None, &many(1_001)).reading, Reading::Unrecognised { .. }));
    let arrays = Value::from(vec![many(600), many(600)]);
    assert!(split(&source, arrival(), None, &request(arrays.to_string())).is_err(), "in all");
    // Each element is stored with the shared part, so its size is bounded.
    let heavy = with(&many(100), "/note", json!("x".repeat(100_000)));
    let read = each(&source, &heavy);
    assert_eq!(read.len(), 1);
    assert_eq!(expect_commands(read.into_iter().next().unwrap()).len(), 100);
}
