//! Values of mapped places: files, texts, failures, times.

use inlet_domain::{command::Patch, model::message::AttachmentKind};
use serde_json::{Value, json};

use super::{custom, posted};

use crate::support::{arrival, expect_commands, message, read_at, status};

#[test]
fn d2_one_message_has_several_files() {
    let files = |attachments: Value, body: &Value| -> Vec<(AttachmentKind, String, Option<String>, Option<i64>)> {
        let source = custom(json!({"rules": [{"kind": "message", "attachments": attachments,
            "fields": {"address": "/from", "attachment_url": "/first"}}]}));
        let report = message(expect_commands(read_at(&source, None, body)).remove(0));
        let files = report.attachments.unwrap().into_iter();
        files.map(|file| (file.kind, file.url.unwrap(), file.filename, file.size_bytes)).collect()
    };
    let image = |name: &str| (AttachmentKind::Image, format!("https://x.example/{name}"), Some(name.to_owned()), None);
    let counted = json!({"from": "+919019120123", "NumMedia": 3,
        "MediaUrl0": "https://x.example/a.png", "MediaContentType0": "image/png",
        "MediaUrl10": "https://x.example/c.png", "MediaContentType10": "image/png",
        "MediaUrl2": "https://x.example/b.png", "MediaContentType2": "image/jpeg", "MediaUrlx": "https://x.example/x"});
    let three = [image("a.png"), image("b.png"), image("c.png")];
    for place in [
        json!({"url": "/MediaUrl*", "mime_type": "/MediaContentType*"}),
        json!({"url": {"form": "MediaUrl*"}, "mime_type": {"form": "MediaContentType*"}}),
        json!([{"url": "#/MediaUrl*", "mime_type": "/MediaContentType*"}, {"form": "MediaUrl*"}]),
    ] {
        assert_eq!(files(place.clone(), &counted), three, "{place}");
    }
    let form = custom(
        json!({"rules": [{"kind": "message", "fields": {"address": {"form": "From"}}, "attachments": {"form": "MediaUrl*"}}]}),
    );
    let sent =
        b"From=%2B919019120123&MediaUrl0=https%3A%2F%2Fx.example%2Fa.png&MediaUrl1=https%3A%2F%2Fx.example%2Fb.png";
    let report = message(expect_commands(posted(&form, "application/x-www-form-urlencoded", None, sent)).remove(0));
    assert_eq!(report.attachments.unwrap().len(), 2);

    let objects = json!({"from": "+919019120123", "media": {"files": [
        {"href": "https://x.example/1", "title": "a.pdf", "type": "application/pdf", "bytes": "12"},
        {"title": "no file"},
        {"href": "https://x.example/b.pdf", "type": "application/pdf"}]}});
    let listed =
        json!({"items": "/media/files", "url": "/href", "filename": "/title", "mime_type": "/type", "size": "/bytes"});
    let pdf = |url: &str, name: &str, size| {
        (AttachmentKind::Document, format!("https://x.example/{url}"), Some(name.to_owned()), size)
    };
    assert_eq!(files(listed, &objects), [pdf("1", "a.pdf", Some(12)), pdf("b.pdf", "b.pdf", None)]);
    let urls = json!({"from": "+919019120123", "media": ["https://x.example/a", {"link": "https://x.example/b"}],
        "first": "https://x.example/b"});
    let found: Vec<_> = files(json!("/media"), &urls).into_iter().map(|file| file.1).collect();
    assert_eq!(found, ["https://x.example/b", "https://x.example/a"], "each once");
    for none in [json!({"from": "+919019120123"}), json!({"from": "+919019120123", "media": null, "first": ""})] {
        assert!(files(json!(["/media", {"url": "/MediaUrl*"}]), &none).is_empty(), "{none}");
    }
}

#[test]
fn c6_a_field_that_holds_an_object_is_shown() {
    let source = custom(
        json!({"rules": [{"kind": "message", "fields": {"address": "/from", "content": "/said", "content_type": "/type"}}]}),
    );
    for (kind, said, expected) in [
        ("text", json!({"body": "Hi"}), "Hi"),
        ("interactive", json!({"button_reply": {"id": "1", "title": "Yes"}}), "Yes"),
        ("location", json!({"latitude": 1, "longitude": 2}), "Location: 1, 2"),
    ] {
        let body = json!({"from": "+919019120123", "type": kind, "said": said});
        let report = message(expect_commands(read_at(&source, None, &body)).remove(0));
        assert_eq!((report.content, &report.details["content"]), (Patch::Value(expected.to_owned()), &said));
    }
}

#[test]
fn c7_a_field_that_holds_a_failure_tells_code_and_sentence() {
    let both = custom(
        json!({"rules": [{"kind": "status", "fields": {"id": "/id", "status": "/status", "code": "/code", "reason": "/why"}}]}),
    );
    let failure = |body: Value| {
        let report = status(expect_commands(read_at(&both, None, &body)).remove(0));
        (report.code, report.reason)
    };
    let expected = (Some("131026".to_owned()), Some("Undeliverable".to_owned()));
    for (code, why) in [
        (json!(131_026), json!("Undeliverable")),
        (json!(null), json!([{"code": 131_026, "title": "Undeliverable"}])),
        (json!({"code": "131026", "message": "Undeliverable"}), json!(null)),
        (json!("131026"), json!({"description": "Undeliverable", "code": 5})),
    ] {
        assert_eq!(failure(json!({"id": 1, "status": "failed", "code": code, "why": why})), expected, "{code} {why}");
    }
}

#[test]
fn c3_zeros_and_years_that_cannot_be_meant_are_no_time() {
    let source = custom(json!({"rules": [{"kind": "message", "fields": {"address": "/from", "occurred_at": "/at"}}]}));
    for at in [
        json!(0),
        json!("0"),
        json!("0000-00-00 00:00:00"),
        json!("1970-01-01T00:00:00Z"),
        json!("9999-12-31T23:59:59Z"),
    ] {
        let report = message(expect_commands(read_at(&source, None, &json!({"from": "a@b.co", "at": at}))).remove(0));
        assert_eq!(report.occurred_at, None, "{at}");
    }
    let dated = json!({"from": "a@b.co", "at": "Fri, 20 Nov 2026 10:00:00 UTC"});
    assert_eq!(message(expect_commands(read_at(&source, None, &dated)).remove(0)).occurred_at, Some(arrival()));
}

#[test]
fn e6_a_time_since_1970_wins_over_a_text_without_zone() {
    let mut source = custom(json!({"rules": [{"kind": "status", "fields": {"id": "/id", "status": "/status",
        "occurred_at": "/ts", "delivered_at": "/at"}}]}));
    source.time_zone = Some("Asia/Kolkata".to_owned());
    let told = json!({"id": 1, "status": "delivered", "ts": 1_795_168_800, "at": "2026-11-20 15:00:00"});
    let report = status(expect_commands(read_at(&source, None, &told)).remove(0));
    assert_eq!((report.times.delivered_at, report.reported_at), (Some(arrival()), Some(arrival())));
}
