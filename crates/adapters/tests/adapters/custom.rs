//! Custom sources: the commands that mappings make of requests ("Compose Webhook" of the CPaaS documents).

mod lists;
mod values;

use std::{fs, path::PathBuf, sync::Arc};

use crate::support::{
    arrival, contact, expect_commands, message, read_at, reason, reported, request, source, status, with,
};
use inlet_adapters::{
    body::lenient::Unreadable,
    read::{Readout, read, signed},
};
use inlet_domain::{
    command::{Change, Effect, IdentityKind, Patch, RawRequest, Reading},
    model::{
        channel::Medium,
        mapping::Mapping,
        message::{AttachmentKind, Direction, MessageKind},
        opt_out::OptOutScope,
        provider::{Provider, Verification},
        source::Source,
        status::DeliveryStatus,
    },
};
use serde_json::{Value, json};

fn custom(mapping: Value) -> Source {
    let mapping = Mapping::read(&mapping).unwrap_or_else(|error| panic!("{error}"));
    Source { mapping: Some(Arc::new(mapping)), ..source(Provider::Custom) }
}

fn get(source: &Source, query: &str) -> Readout {
    let raw = RawRequest { method: "GET".to_owned(), query: Some(query.to_owned()), headers: vec![], body: vec![] };
    read(source, arrival(), None, raw)
}

fn posted(source: &Source, content_type: &str, query: Option<&str>, body: &[u8]) -> Readout {
    let headers = vec![("content-type".to_owned(), content_type.to_owned())];
    let query = query.map(str::to_owned);
    read(source, arrival(), None, RawRequest { method: "POST".to_owned(), query, headers, body: body.to_vec() })
}

/// The code blocks of `docs/custom-provider.md` that are JSON, in order.
fn documented() -> Vec<Value> {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/custom-provider.md");
    let text = fs::read_to_string(page).unwrap();
    let blocks = text.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.map(|block| serde_json::from_str(block).unwrap_or_else(|error| panic!("{error}: {block}"))).collect()
}

#[test]
fn the_documented_mapping_receives_a_compose_webhook() {
    let [mapping, composed, sent] = &documented()[..3] else { panic!("the page lost its example") };
    let source = custom(mapping.clone());
    let report = status(expect_commands(read_at(&source, None, sent)).remove(0));
    assert_eq!((report.ids.as_slice(), report.raw_status.as_str()), (["wamid.7".to_owned()].as_slice(), "read"));
    assert_eq!(report.status, Some(DeliveryStatus::Read));
    assert_eq!(report.reported_at.unwrap().to_rfc3339(), "2024-12-04T13:49:05+00:00");
    assert_eq!(report.person.unwrap().identities[0].value, "+919019120123");
    assert_eq!(reported(report.channel).medium, Medium::Whatsapp);

    // The composition itself, with all its placeholders.
    let why = reason(read_at(&source, None, composed));
    assert!(why.contains("`/id` holds the placeholder `@{{payload.id}}`"), "{why}");
    for (pointer, left) in [("/message_status", "@{{payload.status}}"), ("/read_at", "@{{payload.read_at}}")] {
        let why = reason(read_at(&source, None, &with(sent, pointer, json!(left))));
        assert!(why.contains(pointer) && why.contains(left), "{why}");
    }
    let unread = with(&with(sent, "/message_status", json!("sent")), "/read_at", json!(""));
    let report = status(expect_commands(read_at(&source, None, &unread)).remove(0));
    assert_eq!((report.status, report.times.read_at), (Some(DeliveryStatus::Sent), None));
}

#[test]
fn every_documented_mapping_is_one_and_makes_what_the_page_says() {
    let mappings: Vec<Value> = documented().into_iter().filter(|block| block.get("rules").is_some()).collect();
    assert!(mappings.len() >= 3);
    for mapping in mappings {
        custom(mapping);
    }
}

fn dlr() -> Value {
    json!({"rules": [{"kind": "status", "name": "dlr",
        "fields": {"id": {"first": ["/id", {"query": "id"}]}, "status": {"first": ["/status", {"query": "status"}]},
                   "occurred_at": {"first": ["/at", {"query": "at"}]}}}]})
}

#[test]
fn json_forms_and_queries_are_read_by_one_mapping() {
    let mut open = custom(dlr());
    open.verification = Verification::None;
    let form = "application/x-www-form-urlencoded";
    let part =
        |name: &str, text: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
    let parts = [part("id", "7"), part("status", "DELIVRD"), part("at", "1700000000"), "--b--".to_owned()].concat();
    for readout in [
        read_at(&open, None, &json!({"id": 7, "status": "DELIVRD", "at": 1_700_000_000})),
        posted(&open, form, None, b"id=7&status=DELIVRD&at=1700000000"),
        posted(&open, "multipart/form-data; boundary=b", None, parts.as_bytes()),
        get(&open, "id=7&status=DELIVRD&at=1700000000"),
        posted(&open, "application/json", Some("id=7&at=1700000000"), br#"{"status": "DELIVRD"}"#),
    ] {
        assert_eq!(readout.event.as_deref(), Some("dlr"));
        let report = status(expect_commands(readout).remove(0));
        assert_eq!((report.ids[0].as_str(), report.status), ("7", Some(DeliveryStatus::Delivered)));
        assert_eq!(report.times.delivered_at.unwrap().to_rfc3339(), "2023-11-14T22:13:20+00:00");
    }
    let nothing = posted(&open, "application/json", None, b"");
    assert!(matches!(nothing.unreadable, Some(Unreadable::Empty)));
}

#[test]
fn a_query_beside_a_signed_body_is_not_signed_and_does_not_count() {
    let closed = custom(dlr());
    assert_eq!(status(expect_commands(get(&closed, "id=7&status=sent")).remove(0)).ids, ["7"]);
    let why = reason(posted(&closed, "application/json", Some("id=7"), br#"{"status": "sent"}"#));
    assert!(why.contains("the query's `id` is not signed"), "{why}");
    let enough = posted(&closed, "application/json", Some("id=8"), br#"{"id": 7, "status": "sent"}"#);
    assert_eq!(status(expect_commands(enough).remove(0)).ids, ["7"]);
    assert_eq!(signed(Provider::Custom, "id=7", b""), b"id=7");
    assert_eq!(signed(Provider::Custom, "id=7", b"{}"), b"{}");
    assert_eq!(signed(Provider::Oblic, "id=7", b""), b"");
}

#[test]
fn the_first_rule_that_fits_counts() {
    let source = custom(json!({"rules": [
        {"name": "by-url", "kind": "opt_out", "when": {"event": "stop"},
         "fields": {"address": "/from", "medium": {"value": "sms"}}},
        {"name": "mo", "kind": "message", "when": {"at": "/type", "in": ["mo", 1]},
         "fields": {"address": "/from", "content": "/text"}},
        {"name": "dlr", "kind": "status",
         "when": {"all": [{"at": "/status", "exists": true}, {"not": {"at": "/draft", "equals": true}}]},
         "fields": {"id": "/id", "status": "/status"}},
        {"name": "either", "kind": "contact",
         "when": {"any": [{"at": {"query": "k"}, "equals": "c"}, {"at": "/type", "equals": "c"}]},
         "fields": {"phone": "/from"}},
    ]}));
    let rule = |hint, body: &Value| expect_commands(read_at(&source, hint, body)).remove(0).key.kind;
    let from = "+919019120123";
    assert_eq!(rule(Some("stop"), &json!({"type": "mo", "from": from})), "by-url");
    assert_eq!(rule(None, &json!({"type": "mo", "from": from, "text": "a"})), "mo");
    assert_eq!(rule(None, &json!({"type": 1, "from": from, "status": "x"})), "mo");
    assert_eq!(rule(None, &json!({"type": "2", "id": 1, "status": "sent"})), "dlr");
    assert_eq!(rule(None, &json!({"type": "c", "from": from, "status": ""})), "either");
    let none = read_at(&source, None, &json!({"id": 1, "status": "sent", "draft": true}));
    assert!(reason(none).contains("no rule of the mapping fits"));
    // The name in the URL leads to the same rule at a replay.
    assert_eq!(read_at(&source, Some("stop"), &json!({"from": from})).event.as_deref(), Some("stop"));
    assert!(reason(read_at(&crate::support::source(Provider::Custom), None, &json!({}))).contains("no mapping yet"));
}

#[test]
fn a_message_has_all_that_is_mapped() {
    let mut source = custom(json!({"times": "naive", "rules": [{"kind": "message",
        "fields": {"id": "/id", "address": "/from", "channel": "/to", "medium": {"value": "whatsapp"},
            "content": "/text", "attachment_url": "/media/0/url", "mime_type": "/media/0/type", "name": "/profile/name",
            "person_id": "/profile/id", "conversation_id": "/thread", "subject": "/subject", "quoted_id": "/reply",
            "occurred_at": "/at", "direction": "/dir", "author_name": "/agent"},
        "details": {"cost": "/cost", "nothing": "/nothing"}}]}));
    source.time_zone = Some("Asia/Kolkata".to_owned());
    let body = json!({"id": "m1", "from": "919019120123", "to": "+918068281234", "text": " Hi ", "thread": 5,
        "media": [{"url": "https://example.com/a.png", "type": "image/png"}], "subject": "Order", "reply": "m0",
        "profile": {"name": "Asha", "id": "u9"}, "at": "2026-11-20 10:00:00", "cost": 0.5, "agent": "Ravi"});
    let command = expect_commands(read_at(&source, None, &body)).remove(0);
    assert_eq!((command.key.kind.as_str(), command.key.id.as_str()), ("message", "m1"));
    let report = message(command);
    assert_eq!((report.ids.as_slice(), report.external_id.as_deref()), (["m1".to_owned()].as_slice(), Some("m1")));
    assert_eq!(
        (report.content, report.content_type),
        (Patch::Value(" Hi ".to_owned()), Patch::Value("image".to_owned()))
    );
    assert_eq!(report.attachments.unwrap()[0].kind, AttachmentKind::Image);
    assert_eq!(report.occurred_at.unwrap().to_rfc3339(), "2026-11-20T04:30:00+00:00");
    assert_eq!(reported(report.channel).ids, ["whatsapp:918068281234"]);
    assert_eq!((report.thread.id.as_deref(), report.quoted_id.as_deref()), (Some("5"), Some("m0")));
    assert_eq!(report.details, *json!({"cost": 0.5}).as_object().unwrap());
    let person = report.person.unwrap();
    let kinds: Vec<_> = person.identities.iter().map(|identity| identity.kind).collect();
    assert_eq!(kinds, [IdentityKind::Phone, IdentityKind::ProviderUser, IdentityKind::ProviderConversation]);
    assert_eq!((person.identities[0].value.as_str(), person.name.as_deref()), ("+919019120123", Some("Asha")));
    assert_eq!((report.direction, report.author_name), (Direction::Inbound, None));

    let outbound = message(expect_commands(read_at(&source, None, &with(&body, "/dir", json!("OUT")))).remove(0));
    assert_eq!((outbound.direction, outbound.author_name.as_deref()), (Direction::Outbound, Some("Ravi")));
    assert!(reason(read_at(&source, None, &with(&body, "/dir", json!("up")))).contains("`direction` is `up`"));
    let without = with(&with(&body, "/from", Value::Null), "/thread", json!(""));
    let why = reason(read_at(&source, None, &without));
    assert!(why.contains("`address` at `/from`") && why.contains("`conversation_id` at `/thread`"), "{why}");
    assert!(reason(read_at(&source, None, &with(&body, "/at", json!("soon")))).contains("naive"));
    let nested = with(&body, "/cost", json!({"deep": ["@{{payload.cost}}"]}));
    assert!(reason(read_at(&source, None, &nested)).contains("`/cost` holds the placeholder"));
    assert!(reason(read_at(&source, None, &with(&body, "/text", json!({"a": 1})))).contains("`content`"));
}

#[test]
fn a_status_has_its_own_words_and_unknown_ones_change_nothing() {
    let source = custom(json!({"statuses": {"1": "delivered", "OK": "sent", "gone": "deleted", "bad": "failed"},
        "rules": [{"kind": "status", "fields": {"id": "/id", "status": "/status", "part": "/part", "code": "/code",
            "reason": "/reason", "occurred_at": "/at", "sent_at": "/sent", "medium": "/medium"}}]}));
    let report = |word: Value| {
        let body = json!({"id": "m1", "status": word, "part": 2, "code": 4, "reason": "x", "medium": "SMS",
            "at": "2026-11-20T10:00:00Z", "sent": "2026-11-20T09:59:00Z"});
        status(expect_commands(read_at(&source, None, &body)).remove(0))
    };
    let delivered = report(json!(1));
    assert_eq!((delivered.status, delivered.part.as_str()), (Some(DeliveryStatus::Delivered), "2"));
    assert_eq!((delivered.times.delivered_at, delivered.reported_at), (Some(arrival()), Some(arrival())));
    assert!(delivered.times.sent_at < delivered.times.delivered_at);
    assert_eq!((delivered.code.as_deref(), delivered.reason.as_deref()), (Some("4"), Some("x")));
    assert_eq!(reported(delivered.channel).medium, Medium::Sms);
    assert_eq!(report(json!(" ok ")).reported_at, report(json!("OK")).times.sent_at);
    assert_eq!(report(json!("gone")).status, Some(DeliveryStatus::Failed));
    let failed = report(json!("BAD"));
    assert_eq!((failed.status, failed.times.failed_at), (Some(DeliveryStatus::Failed), Some(arrival())));
    // The mapping has its own words, so Inlet's do not count.
    let unknown = report(json!("delivered"));
    assert_eq!((unknown.status, unknown.raw_status.as_str()), (None, "delivered"));
    assert_eq!((unknown.times, unknown.reported_at), (Default::default(), None));
}

#[test]
fn what_makes_a_repeat() {
    let key =
        |mapping: &Value, body: Value| expect_commands(read_at(&custom(mapping.clone()), None, &body)).remove(0).key.id;
    let mut mapping = dlr();
    let sent = json!({"id": 7, "status": "sent", "attempt": 1});
    assert_eq!(key(&mapping, sent.clone()), key(&mapping, with(&sent, "/attempt", json!(2))));
    assert_ne!(key(&mapping, sent.clone()), key(&mapping, with(&sent, "/status", json!("read"))));
    mapping["rules"][0]["key"] = json!("/event_id");
    assert_eq!(key(&mapping, with(&sent, "/event_id", json!("e1"))), "e1");
    assert_eq!(key(&mapping, sent.clone()), key(&dlr(), sent.clone()), "where it is not there, as without");
    mapping["rules"][0]["key"] = json!(["/event_id", "/attempt"]);
    let two = with(&sent, "/event_id", json!("e1"));
    assert_ne!(key(&mapping, two.clone()), key(&mapping, with(&two, "/attempt", json!(2))));
    assert_eq!(key(&mapping, two.clone()), key(&mapping, with(&two, "/status", json!("read"))));

    let bare = json!({"rules": [{"kind": "message", "fields": {"address": "/from", "content": "/text"}}]});
    let said = json!({"from": "a@b.co", "text": "Hi"});
    let turned: Value = serde_json::from_str(r#"{"text": "Hi", "from": "a@b.co"}"#).unwrap();
    assert_eq!(key(&bare, said.clone()), key(&bare, turned), "the canonical body");
    assert_ne!(key(&bare, said.clone()), key(&bare, with(&said, "/at", json!(2))));
    let of_query = custom(json!({"rules": [{"kind": "message", "fields": {"address": {"query": "from"}}}]}));
    let key_of = |query: &str| expect_commands(get(&of_query, query)).remove(0).key.id;
    assert_eq!(key_of("from=1234567&a=1"), key_of("a=1&from=1234567"));
    assert_ne!(key_of("from=1234567&a=1"), key_of("from=1234567&a=2"));
}

#[test]
fn opt_outs_contacts_and_calls_are_made_too() {
    let opt_out = custom(json!({"rules": [{"kind": "opt_out", "fields": {"address": "/mobile", "scope": "/scope"}}]}));
    let stop = json!({"mobile": "919019120123", "scope": "Category"});
    assert!(reason(read_at(&opt_out, None, &stop)).contains("the opt-out has no medium"));
    let of_sms = Source { medium: Some(Medium::Sms), ..opt_out };
    let Effect::OptOut(report) = expect_commands(read_at(&of_sms, None, &stop)).remove(0).effect else { panic!() };
    assert_eq!((report.medium, report.scope, report.value.as_str()), (Medium::Sms, OptOutScope::Category, "*"));
    assert!(reason(read_at(&of_sms, None, &with(&stop, "/scope", json!("moon")))).contains("`scope` is `moon`"));

    let contacts = custom(json!({"rules": [{"kind": "contact", "times": "unix_milliseconds",
        "fields": {"id": "/id", "phone": "/phone", "email": "/mail", "name": "/name", "change": "/op",
            "updated_at": "/at"}, "details": {"tier": "/tier"}}]}));
    let person = json!({"id": 1, "phone": "+919019120123", "mail": "A@B.co", "name": "Asha", "tier": "gold",
        "op": "deleted", "at": 1_763_632_800_000_i64});
    let report = contact(expect_commands(read_at(&contacts, None, &person)).remove(0));
    assert_eq!((report.version.at, report.version.change), (arrival() - chrono::Duration::days(365), Change::Deleted));
    let values: Vec<_> = report.identities.iter().map(|identity| identity.value.as_str()).collect();
    assert_eq!(values, ["1"], "what a profile says joins nobody");
    assert_eq!((report.phone, report.email), (Patch::Value("+919019120123".into()), Patch::Value("A@B.co".into())));
    assert_eq!(report.attributes["tier"], "gold");
    assert!(reason(read_at(&contacts, None, &json!({"name": "x"}))).contains("there is no"));

    let calls = custom(json!({"rules": [{"kind": "call", "fields": {"address": "/caller", "channel": "/did",
        "status": "/status", "duration_seconds": "/secs", "occurred_at": "/start", "ended_at": "/end"}}]}));
    let rang = json!({"caller": "+919019120123", "did": "+918068281234", "status": "ANSWER", "secs": "23",
        "start": "2026-11-20T09:59:00Z", "end": "2026-11-20T09:59:23Z"});
    let report = message(expect_commands(read_at(&calls, None, &rang)).remove(0));
    assert_eq!((report.kind, report.direction), (MessageKind::Call, Direction::Inbound));
    assert_eq!(report.details["duration_seconds"], 23);
    assert_eq!(report.details["ended_at"], "2026-11-20T09:59:23.000Z");
    assert_eq!(reported(report.channel).ids, ["voice:918068281234"]);
    assert_eq!(report.ids.len(), 1);
    assert!(reason(read_at(&calls, None, &with(&rang, "/secs", json!("long")))).contains("not a number"));
}

#[test]
fn p11_no_body_and_no_query_makes_a_mapping_fail() {
    let source = custom(dlr());
    for body in ["null", "7", "\"x\"", "[]", "{}", "{\"id\": {}, \"status\": []}", "{\"id\": \"@{{7\", \"status\": 1}"]
    {
        let readout = read(&source, arrival(), None, request(body));
        let odd = body.contains("@{{");
        assert_eq!(matches!(readout.reading, Reading::Commands { .. }), odd, "{body}: an open brace is no placeholder");
    }
    let why =
        reason(read_at(&source, None, &json!({"id": format!("@{{{{{}}}}}", "x".repeat(1000)), "status": "sent"})));
    assert!(why.len() < 300, "{why}");
}

#[test]
fn a_request_that_no_rule_fits_tells_which_rules_were_tried() {
    let source = custom(json!({"rules": [
        {"name": "in", "kind": "message", "items": "/batches/*/events", "when": {"at": "/type", "equals": "mo"},
         "fields": {"id": "/id", "address": "/from"}},
        {"name": "ping", "kind": "contact", "when": {"at": "/ping", "exists": true}, "fields": {"id": "/ping"}},
    ]}));
    assert_eq!(
        reason(read_at(&source, None, &json!({"batches": [{"events": []}]}))),
        "no rule of the mapping fits the request: there is no list with an element at the `items` of `in`; the `when` does not \
         hold of `ping`"
    );
    let odd = json!({"batches": [{"events": [{"type": "odd"}]}]});
    assert_eq!(
        reason(read_at(&source, None, &odd)),
        "no rule of the mapping fits the request: the `when` does not hold of `in`, `ping`"
    );
    let event = json!({"id": "1", "from": "+919019120123", "type": "mo"});
    let mixed = json!({"batches": [{"events": [event, {"type": "odd"}]}]});
    assert_eq!(
        reason(read_at(&source, None, &mixed)),
        "element 2: no rule of the mapping fits the request: the `when` does not hold of `in`"
    );
    let many: Vec<Value> = (0..8)
        .map(|n| json!({"name": format!("r{n}"), "kind": "contact", "when": {"event": "x"}, "fields": {"id": "/id"}}))
        .collect();
    assert!(reason(read_at(&custom(json!({"rules": many})), None, &json!({"id": 1}))).ends_with("`r4` and 3 more"));
}
