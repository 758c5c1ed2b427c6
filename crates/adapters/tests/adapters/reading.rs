//! Content types that are read, and content types that are not.

use crate::support::{arrival, bytes, request, source};
use inlet_adapters::{
    body::lenient::Unreadable,
    read::{Readout, read, split},
};
use inlet_domain::{
    command::{RawRequest, Reading},
    model::provider::{Provider, Verification},
};

fn posted(content_type: Option<&str>, body: &[u8]) -> Readout {
    let mut raw = request(body);
    raw.headers = content_type.map(|value| ("content-type".to_owned(), value.to_owned())).into_iter().collect();
    read(&source(Provider::Mobtexting), arrival(), None, raw)
}

#[test]
fn malformed_json_is_tried_whatever_the_content_type_says() {
    let body = bytes("mobtexting/01-sms-message-status.json");
    for content_type in [None, Some("application/x-www-form-urlencoded"), Some("text/html"), Some("application/xml")] {
        assert!(matches!(posted(content_type, &body).reading, Reading::Commands { .. }), "{content_type:?}");
    }
}

#[test]
fn malformed_a_form_is_read_and_broken_json_is_no_form() {
    let form = Some("application/x-www-form-urlencoded; charset=utf-8");
    let sms = b"id=b34e35ad%3A1&mobile=918921269012&status=DELIVRD&units=2";
    assert!(matches!(posted(form, sms).reading, Reading::Commands { lenient: false, .. }));
    let broken = posted(form, b"{\"id\": \"a=b");
    assert!(matches!(broken.unreadable, Some(Unreadable::Malformed { .. })));
}

#[test]
fn malformed_what_is_no_json_at_all_is_another_media_type() {
    let xml = posted(Some("application/xml"), b"<a/>");
    assert!(matches!(xml.unreadable, Some(Unreadable::Unsupported { .. })));
    assert!(matches!(xml.reading, Reading::Quarantined { .. }));
    let mut raw = request(b"\x1f\x8b\x08".as_slice());
    raw.headers.push(("content-encoding".to_owned(), "gzip".to_owned()));
    let packed = read(&source(Provider::Mobtexting), arrival(), None, raw);
    assert!(matches!(packed.unreadable, Some(Unreadable::Unsupported { .. })));
}

#[test]
fn a_query_counts_only_where_nothing_need_be_signed() {
    let get = || RawRequest {
        method: "GET".to_owned(),
        query: Some("id=b34e35ad%3A1&mobile=918921269012&status=DELIVRD&units=2".to_owned()),
        headers: Vec::new(),
        body: Vec::new(),
    };
    let mut open = source(Provider::Mobtexting);
    assert!(matches!(read(&open, arrival(), None, get()).unreadable, Some(Unreadable::Empty)));
    open.verification = Verification::None;
    assert!(matches!(read(&open, arrival(), None, get()).reading, Reading::Commands { .. }));
}

#[test]
fn d3_a_body_in_a_declared_charset_is_read_as_such() {
    let sms = |text: &str| {
        format!(r#"{{"id":"a:1","mobile":"918921269012","status":"DELIVRD","units":2,"custom":"{text}"}}"#)
    };
    let custom = |readout: &Readout| match &readout.reading {
        Reading::Commands { commands, lenient, .. } => {
            assert!(!lenient);
            serde_json::to_value(&commands[0]).unwrap()["effect"]["status"]["details"]["custom"].clone()
        }
        other => panic!("{other:?}"),
    };
    let latin: Vec<u8> = sms("José").chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let utf16: Vec<u8> = sms("José").encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (content_type, body) in [
        ("application/json; charset=iso-8859-1", latin.as_slice()),
        ("application/json;charset=\"Windows-1252\"", &latin),
        ("text/plain; charset=latin1", &latin),
        ("application/json; charset=utf-16", &utf16),
        ("application/json; charset=UTF-16BE", &utf16),
        ("application/json; charset=iso-8859-1", sms("José").as_bytes()),
        ("application/x-www-form-urlencoded; charset=iso-8859-1", b"id=a:1&mobile=91&status=DELIVRD&units=2&custom=Jos%E9"),
        ("application/x-www-form-urlencoded; charset=iso-8859-1", b"id=a:1&mobile=91&status=DELIVRD&units=2&custom=Jos\xe9"),
        (
            "multipart/form-data; boundary=b; charset=iso-8859-1",
            b"--b\r\nContent-Disposition: form-data; name=id\r\n\r\na:1\r\n--b\r\n\
              Content-Disposition: form-data; name=mobile\r\n\r\n91\r\n--b\r\n\
              Content-Disposition: form-data; name=status\r\n\r\nDELIVRD\r\n--b\r\n\
              Content-Disposition: form-data; name=units\r\n\r\n2\r\n--b\r\n\
              Content-Disposition: form-data; name=custom\r\n\r\nJos\xe9\r\n--b--",
        ),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nContent-Disposition: form-data; name=id\r\n\r\na:1\r\n--b\r\n\
              Content-Disposition: form-data; name=mobile\r\n\r\n91\r\n--b\r\n\
              Content-Disposition: form-data; name=status\r\n\r\nDELIVRD\r\n--b\r\n\
              Content-Disposition: form-data; name=units\r\n\r\n2\r\n--b\r\n\
              Content-Type: text/plain; charset=iso-8859-1\r\nContent-Disposition: form-data; name=custom\r\n\r\nJos\xe9\r\n--b--",
        ),
    ] {
        let readout = posted(Some(content_type), body);
        assert_eq!(custom(&readout), "José", "{content_type}");
        assert_eq!(readout.raw.body, body, "what is kept are the bytes as they came");
    }
    let undeclared = posted(Some("application/json"), &latin);
    assert!(matches!(undeclared.reading, Reading::Commands { lenient: true, .. }));
}

#[test]
fn d3_the_elements_of_an_array_in_another_charset_are_each_read() {
    let body: Vec<u8> = r#"[{"a":"é"},{"a":"]"}]"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut raw = request(body);
    raw.headers = vec![("content-type".to_owned(), "application/json; charset=utf-16le".to_owned())];
    let of_mobtexting = source(Provider::Mobtexting);
    let each: Vec<RawRequest> = split(&of_mobtexting, arrival(), None, &raw).unwrap().unwrap().collect();
    assert_eq!(each.len(), 2);
    for (raw, expected) in each.into_iter().zip([r#"{"a":"é"}"#, r#"{"a":"]"}"#]) {
        assert_eq!(raw.body, expected.as_bytes());
        assert!(read(&of_mobtexting, arrival(), None, raw).unreadable.is_none());
    }
}

#[test]
fn d3_or_8_a_code_is_masked_in_any_charset() {
    let body: Vec<u8> = r#"{"event":"otpVerified","id":"1","otp":"01234","verified":true}"#
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let mut raw = request(body);
    raw.headers = vec![("content-type".to_owned(), "application/json; charset=utf-16le".to_owned())];
    let readout = read(&source(Provider::Oneroute), arrival(), None, raw);
    assert_eq!(readout.event.as_deref(), Some("otpVerified"));
    assert_eq!(readout.raw.body, br#"{"event":"otpVerified","id":"1","otp":"***","verified":true}"#);
    let again = read(&source(Provider::Oneroute), arrival(), None, readout.raw);
    assert!(matches!(again.reading, Reading::Commands { .. }));
}
