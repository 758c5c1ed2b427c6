use serde_json::json;

use super::*;

fn status_rule() -> Value {
    json!({"kind": "status", "fields": {"id": "/id", "status": "/status"}})
}

fn refused(document: &Value) -> (String, String) {
    let error = Mapping::read(document).unwrap_err();
    (error.path, error.problem)
}

#[test]
fn a_mapping_is_read_with_all_that_it_may_hold() {
    let mapping = Mapping::read(&json!({
        "times": "naive",
        "statuses": {"DELIVRD": "delivered", "GONE": "deleted"},
        "rules": [
            {"name": "dlr", "kind": "status", "times": "unix_seconds", "key": ["/id", {"query": "seq"}],
             "when": {"all": [{"at": "/type", "in": ["dlr", 7]}, {"not": {"at": {"form": "x"}, "exists": true}},
                              {"any": [{"event": "dlr"}, {"at": {"query": "k"}, "equals": true}]}]},
             "fields": {"id": {"first": ["/id", {"query": "id"}]}, "status": {"pointer": "/a~1b"},
                        "medium": {"value": "sms"}},
             "details": {"cost": "/cost"}},
            status_rule(),
        ],
    }))
    .unwrap();
    let rule = &mapping.rules[0];
    assert_eq!((rule.name.as_str(), rule.times, rule.key.len()), ("dlr", TimeFormat::UnixSeconds, 2));
    assert_eq!(rule.fields[&Field::Status], Place::Pointer("/a~1b".to_owned()));
    assert_eq!((mapping.rules[1].name.as_str(), mapping.rules[1].times), ("status", TimeFormat::Naive));
    let statuses = mapping.statuses.unwrap();
    assert_eq!((statuses["delivrd"], statuses["gone"]), (DeliveryStatus::Delivered, DeliveryStatus::Failed));
}

#[test]
fn d2_lists_of_events_and_of_files_are_read() {
    let mapping = Mapping::read(&json!({"rules": [{
        "kind": "message",
        "items": "/entry/*/changes/0/value/a~1b",
        "fields": {"address": "/from", "channel": "#/entry/*/to"},
        "attachments": [
            "/media",
            {"form": "MediaUrl*"},
            {"url": "/MediaUrl*", "mime_type": "/MediaContentType*"},
            {"items": "#/files", "url": "/href", "filename": "/name", "size": "/bytes"},
        ],
    }]}))
    .unwrap();
    let rule = &mapping.rules[0];
    let member = |name: &str| Step::Member(name.to_owned());
    let way = [member("entry"), Step::Each, member("changes"), member("0"), member("value"), member("a/b")];
    assert_eq!(rule.items.as_deref(), Some(way.as_slice()));
    assert_eq!(rule.fields[&Field::Channel], Place::Root("/entry/*/to".to_owned()));
    assert_eq!(rule.attachments[0].url, Some(Place::Pointer("/media".to_owned())));
    assert_eq!(rule.attachments[1].url, Some(Place::Form("MediaUrl*".to_owned())));
    assert_eq!(rule.attachments[3].items, Some(Place::Root("/files".to_owned())));
    assert_eq!(rule.attachments[3].places().count(), 4);
    let one = json!({"rules": [{"kind": "message", "fields": {"address": "/a"}, "attachments": {"query": "file*"}}]});
    assert_eq!(Mapping::read(&one).unwrap().rules[0].attachments.len(), 1);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let with = |rule: Value| json!({"rules": [status_rule(), rule]});
    for (document, path, told) in [
        (json!([]), "", "expected an object"),
        (json!({"rules": []}), "rules", "1 to 50"),
        (json!({"rule": [status_rule()]}), "rule", "no such member"),
        (json!({"rules": [status_rule()], "times": "iso"}), "times", "unix_seconds"),
        (json!({"rules": [status_rule()], "statuses": {"X": "gone"}}), "statuses.X", "delivered"),
        (with(json!({"name": "x\u{1}", "kind": "status"})), "rules[1].name", "no control characters"),
        (with(json!({"name": "\u{fffd}".repeat(67), "kind": "status"})), "rules[1].name", "at most 200 bytes"),
        (with(json!({"fields": {}})), "rules[1].kind", "opt_out"),
        (with(json!({"kind": "status", "fields": {"id": "/id"}})), "rules[1].fields", "needs status"),
        (with(json!({"kind": "call", "fields": {"scope": "/x"}})), "rules[1].fields.scope", "no such field"),
        (
            with(json!({"kind": "status", "fields": {"id": "id", "status": "/s"}})),
            "rules[1].fields.id",
            "begins with `/`",
        ),
        (
            with(json!({"kind": "status", "fields": {"id": {"value": "@{{id}}"}, "status": "/s"}})),
            "rules[1].fields.id.value",
            "placeholder",
        ),
        (
            with(json!({"kind": "status", "fields": {"id": {"first": ["/a", {"path": "/b"}]}, "status": "/s"}})),
            "rules[1].fields.id.first[1]",
            "expected a JSON pointer",
        ),
        (
            with(json!({"kind": "message", "fields": {"address": "/a", "medium": {"value": "pigeon"}}})),
            "rules[1].fields.medium",
            "whatsapp",
        ),
        (with(json!({"kind": "status", "items": 7})), "rules[1].items", "expected a text"),
        (with(json!({"kind": "status", "items": "entry"})), "rules[1].items", "such as `/entry`"),
        (
            with(json!({"kind": "opt_out", "items": "/entry/", "fields": {"address": "/a"}})),
            "rules[1].items",
            "ends with a `/`",
        ),
        (
            with(json!({"kind": "opt_out", "fields": {"address": {"first": ["/a", "#/x/*/y"]}}})),
            "rules[1].fields.address",
            "this rule has no `items`",
        ),
        (
            with(json!({"kind": "opt_out", "when": {"not": {"at": "#/x/*", "exists": true}},
                        "fields": {"address": "/a"}})),
            "rules[1].when",
            "this rule has no `items`",
        ),
        (
            with(json!({"kind": "opt_out", "items": "/x/*/y/*", "key": "#/x/*/y/*/z", "fields": {"address": "/a"}})),
            "rules[1].key",
            "more `*` than `items` has before its last list (1)",
        ),
        (with(json!({"kind": "status", "items": "#/entry"})), "rules[1].items", "without `#`"),
        (with(json!({"kind": "status", "items": "/*".repeat(21)})), "rules[1].items", "at most 20 steps"),
        (
            with(json!({"kind": "status", "fields": {"id": "/i", "status": "/s"}, "attachments": "/a"})),
            "rules[1].attachments",
            "`message`",
        ),
        (
            with(json!({"kind": "message", "fields": {"address": "/a"}, "attachments": ["/a", {"filename": "/n"}]})),
            "rules[1].attachments[1]",
            "needs `url`",
        ),
        (
            with(json!({"kind": "message", "fields": {"address": "/a"}, "attachments": {"url": "/a", "id": "/i"}})),
            "rules[1].attachments.id",
            "no such member",
        ),
        (
            with(json!({"kind": "opt_out", "when": {"at": "/x", "is": 1}, "fields": {"address": "/a"}})),
            "rules[1].when",
            "\"equals\"",
        ),
        (
            with(
                json!({"kind": "opt_out", "when": {"all": [{"at": "x", "exists": true}]}, "fields": {"address": "/a"}}),
            ),
            "rules[1].when.all[0].at",
            "begins with `/`",
        ),
    ] {
        let (at, problem) = refused(&document);
        assert_eq!(at, path, "{document}");
        assert!(problem.contains(told), "{document}: {problem}");
    }
}

#[test]
fn a_star_counts_files_and_a_saved_mapping_stays_readable() {
    let files = json!({"rules": [{"kind": "message", "fields": {"address": "/a"},
                                  "attachments": {"url": "#/files/*/url", "mime_type": "#/files/*/type"}}]});
    assert!(Mapping::read(&files).is_ok());
    for rule in [
        json!({"kind": "opt_out", "fields": {"address": "#/x/*/y"}}),
        json!({"kind": "opt_out", "items": "/x/", "fields": {"address": "/a"}}),
    ] {
        let document = json!({"rules": [rule]});
        assert!(Mapping::read(&document).is_err(), "{document}");
        assert!(Mapping::stored(&document).is_ok(), "{document}");
    }
}

#[test]
fn p11_a_mapping_is_bounded() {
    let mut deep = json!({"at": "/x", "exists": true});
    for _ in 0..50 {
        deep = json!({"not": deep});
    }
    let document = json!({"rules": [{"kind": "opt_out", "when": deep, "fields": {"address": "/a"}}]});
    assert!(refused(&document).1.contains("nested too deeply"));
    let rules: Vec<Value> = (0..51).map(|_| status_rule()).collect();
    assert!(refused(&json!({"rules": rules})).1.contains("1 to 50"));
    let long = json!({"rules": [status_rule()], "statuses": {"x".repeat(70_000): "sent"}});
    assert!(refused(&long).1.contains("bytes"));
}
