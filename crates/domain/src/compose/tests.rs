use proptest::prelude::*;
use serde_json::json;

use super::*;

const OPEN: TargetPolicy = TargetPolicy { allow_loopback: true, allow_http: true };
const URL: &str = "https://www.example.com/ack/@{{id}}?mobile=@{{payload.mobile}}&kind=@{{event.type}}";

fn composition(method: Method, body_format: BodyFormat, body: Option<Value>) -> Composition {
    Composition { method, headers: vec![("x-status".to_owned(), "is @{{status}}".to_owned())], body_format, body }
}

fn composer(method: Method, body_format: BodyFormat, body: Option<Value>) -> Composer {
    Composer::read(URL, &composition(method, body_format, body), OPEN).unwrap()
}

fn event(value: &str) -> Value {
    json!({"id": "evt_1", "type": "message.status_changed",
           "payload": {"id": value, "mobile": value, "status": value, "read_at": null, "n": 7}})
}

fn refused(url: &str, composition: &Composition) -> String {
    Composer::read(url, composition, OPEN).unwrap_err().path
}

#[test]
fn the_documented_request_is_composed() {
    let body = json!({"id": "@{{payload.id}}", "message_status": "now @{{status}}", "read_at": "@{{read_at}}", "n": ["@{{n}}", 1]});
    let composed = composer(Method::Post, BodyFormat::Json, Some(body)).compose(&event("sent"), b"{}").unwrap();
    assert_eq!(composed.url.as_str(), "https://www.example.com/ack/sent?mobile=sent&kind=message.status_changed");
    assert_eq!(composed.headers, [("x-status".to_owned(), "is sent".to_owned())]);
    assert_eq!(composed.content_type.as_deref(), Some("application/json"));
    assert_eq!(composed.body, br#"{"id":"sent","message_status":"now sent","read_at":null,"n":[7,1]}"#);
}

#[test]
fn a_get_has_no_body_and_a_post_without_one_sends_the_event() {
    let get = composer(Method::Get, BodyFormat::Json, None).compose(&event("x"), b"{}").unwrap();
    assert_eq!((get.content_type, get.body), (None, Vec::new()));
    assert_eq!(composer(Method::Put, BodyFormat::Json, None).compose(&event("x"), b"{1}").unwrap().body, b"{1}");
    let with = composition(Method::Get, BodyFormat::Json, Some(json!({})));
    assert_eq!(refused(URL, &with), "composition.body");
}

#[test]
fn forms_are_written_both_ways() {
    let body = json!({"a b": "@{{id}}&", "n": 3});
    let form = composer(Method::Post, BodyFormat::Form, Some(body.clone())).compose(&event("x=1&y"), b"").unwrap();
    assert_eq!(form.body, b"a+b=x%3D1%26y%26&n=3");
    let parts = composer(Method::Post, BodyFormat::Multipart, Some(body)).compose(&event("x\r\n--y"), b"").unwrap();
    let kind = parts.content_type.unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let text = String::from_utf8(parts.body).unwrap();
    assert_eq!(text.matches(&format!("--{boundary}")).count(), 3);
    assert!(text.contains("name=\"a b\"\r\n\r\nx\r\n--y&\r\n"), "{text}");
}

#[test]
fn what_is_wrong_is_named() {
    let plain = composition(Method::Post, BodyFormat::Json, None);
    for url in [
        "@{{id}}",
        "https://@{{id}}/",
        "https://x.example.com:@{{n}}/",
        "https://example.com@{{id}}",
        "https://example.com/#@{{id}}",
        "https://example.com/@{{}}",
        "ftp://example.com/@{{id}}",
        "https://10.0.0.1/@{{id}}",
    ] {
        assert_eq!(refused(url, &plain), "url", "{url}");
    }
    let body = |body| composition(Method::Post, BodyFormat::Json, Some(body));
    assert_eq!(refused(URL, &body(json!({"a": [{"b": "@{{"}]}))), "composition.body.a.0.b");
    assert_eq!(refused(URL, &body(json!({"@{{id}}": 1}))), "composition.body");
    assert_eq!(refused(URL, &composition(Method::Post, BodyFormat::Form, Some(json!([])))), "composition.body");
    assert_eq!(
        refused(URL, &composition(Method::Post, BodyFormat::Form, Some(json!({"a": {}})))),
        "composition.body.a"
    );
    assert_eq!(refused(URL, &composition(Method::Post, BodyFormat::Form, None)), "composition.body");
    let mut headers = plain;
    headers.headers = vec![("x-a".to_owned(), "a\r\nx-b: 1".to_owned())];
    assert_eq!(refused(URL, &headers), "composition.headers.0.value");
}

#[test]
fn a_value_cannot_leave_its_folder() {
    let composer = composer(Method::Get, BodyFormat::Json, None);
    for value in [".", "..", ""] {
        let url = composer.compose(&event(value), b"");
        assert_eq!(url.is_ok(), value.is_empty(), "{value:?}");
    }
    let url = composer.compose(&event("../../x?y#z"), b"").unwrap().url;
    assert_eq!(url.path(), "/ack/..%2F..%2Fx%3Fy%23z");
}

#[test]
fn placeholders_are_held_against_each_types_schema() {
    let schema = |member: &str| {
        json!({"properties": {"type": {}, "payload": {"properties": {
        "id": {}, "mobile": {}, "status": {}, member: {}}}}})
    };
    let body = json!({"extra": "@{{extra}}"});
    let composer = composer(Method::Post, BodyFormat::Json, Some(body));
    let has = [(EventType::MessageStatusChanged, schema("extra"))];
    composer.check(&has).unwrap();
    let lacks = [(EventType::MessageStatusChanged, schema("extra")), (EventType::MessageCreated, schema("other"))];
    let error = composer.check(&lacks).unwrap_err();
    assert_eq!(error.path, "composition.body.extra");
    assert!(error.problem.contains("message.created"), "{error}");
}

#[test]
fn c4_a_body_ends_at_its_bound_and_tells_the_member() {
    // About 4,000 places of 100 KB, each byte of which becomes six.
    let many = json!({"1": "@{{n}}", "list": vec!["@{{id}}"; 4_000]});
    let texts = json!({"a": {"b": "<@{{id}}>".repeat(90)}});
    let fields = json!({"a": "@{{id}}", "b": "@{{id}}@{{id}}", "c": "@{{id}}"});
    for (format, body, bytes, path) in [
        (BodyFormat::Json, many, 100_000, "composition.body.list.1"),
        (BodyFormat::Json, texts, 100_000, "composition.body.a.b"),
        (BodyFormat::Json, json!(["@{{payload}}", "x@{{payload}}"]), 40_000, "composition.body.1"),
        (BodyFormat::Form, fields.clone(), 120_000, "composition.body.b"),
        (BodyFormat::Multipart, fields, 300_000, "composition.body.c"),
    ] {
        let composition = Composition { headers: Vec::new(), ..composition(Method::Post, format, Some(body)) };
        let composer = Composer::read("https://www.example.com/", &composition, OPEN).unwrap();
        assert!(composer.compose(&event("sent"), b"").is_ok(), "{format:?}");
        let error = composer.compose(&event(&"\u{1}".repeat(bytes)), b"").unwrap_err();
        assert_eq!(error.path, path, "{format:?}");
        assert!(error.problem.contains("1048576 bytes"), "{error}");
    }
}

#[test]
fn c4_url_and_headers_end_at_their_bounds() {
    let long = event(&"é".repeat(3_000));
    let error = composer(Method::Get, BodyFormat::Json, None).compose(&long, b"").unwrap_err();
    assert_eq!(error.path, "url");
    assert!(error.problem.contains("8192 bytes"), "{error}");
    let mut with_headers = composition(Method::Get, BodyFormat::Json, None);
    with_headers.headers = (0..50).map(|n| (format!("x-{n}"), "@{{payload.status}}".repeat(40))).collect();
    let composer = Composer::read("https://www.example.com/", &with_headers, OPEN).unwrap();
    assert_eq!(composer.compose(&event("0123456789"), b"").unwrap().headers.len(), 50);
    let error = composer.compose(&long, b"").unwrap_err();
    assert_eq!(error.path, "composition.headers.0.value");
    assert!(error.problem.contains("32768 bytes"), "{error}");
    assert_eq!(composer.compose(&event(&"0".repeat(20)), b"").unwrap_err().path, "composition.headers.40.value");
}

#[test]
fn c4_placeholders_are_bounded_in_all() {
    let schema = json!({"properties": {"type": {}, "payload": {"properties": {"id": {}, "mobile": {}, "status": {}}}}});
    let check = |places: usize| {
        // A long member name that many positions share is not copied for each.
        let body = json!({"x".repeat(30_000): vec!["@{{id}}"; places]});
        let composer = composer(Method::Post, BodyFormat::Json, Some(body));
        composer.check(&[(EventType::MessageStatusChanged, schema.clone())])
    };
    check(900).unwrap();
    let error = check(3_000).unwrap_err();
    assert!(error.path.ends_with(".996"), "{}", error.path.len());
    assert!(error.problem.contains("1000"), "{error}");
}

proptest! {
    #[test]
    fn no_value_changes_more_than_its_place(value in "\\PC{0,40}|[\u{0}-\u{7f}]{0,40}") {
        let body = json!({"id": "<@{{id}}>", "whole": "@{{id}}"});
        let composer = composer(Method::Post, BodyFormat::Json, Some(body));
        let Ok(composed) = composer.compose(&event(&value), b"{}") else {
            prop_assert!(matches!(value.as_str(), "." | ".."));
            return Ok(());
        };
        prop_assert_eq!(composed.url.host_str(), Some("www.example.com"));
        prop_assert_eq!(composed.url.path_segments().unwrap().count(), 2);
        prop_assert_eq!(composed.url.fragment(), None);
        let query: Vec<(String, String)> = composed.url.query_pairs().into_owned().collect();
        prop_assert_eq!(&query, &[("mobile".to_owned(), value.clone()), ("kind".to_owned(), "message.status_changed".to_owned())]);
        prop_assert!(composed.headers[0].1.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()));
        let sent: Value = serde_json::from_slice(&composed.body).unwrap();
        prop_assert_eq!(sent, json!({"id": format!("<{value}>"), "whole": value}));
    }
}
