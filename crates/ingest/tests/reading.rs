//! What is read whatever the content type, and what is not.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use inlet_domain::{
    command::{RawRequest, Reading},
    model::provider::{Provider, Verification},
};
use inlet_ingest::{
    lenient::Unreadable,
    read::{Readout, read},
};
use support::{arrival, bytes, request, source};

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
