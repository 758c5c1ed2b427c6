//! Shown texts of messages, and further members of reports.

use inlet_domain::{
    command::{Change, Patch},
    model::{message::AttachmentKind, provider::Provider, status::DeliveryStatus},
};
use serde_json::{Value, json};

use super::{command, sms, subscriber, text, whatsapp_status};

use crate::support::{contact, message, read_at, reason, reported, source, status, with};

fn saying(message: Value) -> inlet_domain::command::MessageReport {
    message_of(&with(&text(), "/payload/message", message))
}

fn message_of(body: &Value) -> inlet_domain::command::MessageReport {
    message(command(body))
}

#[test]
fn c6_a_text_is_shown_in_whatever_form_it_comes() {
    for said in [
        json!({"type": "text", "payload": "Hi"}),
        json!({"type": "text", "payload": {"body": "Hi"}}),
        json!({"type": "text", "payload": {"text": {"body": "Hi"}}}),
        json!({"type": "text", "payload": [{"text": "Hi"}]}),
        json!({"type": "text", "text": {"body": "Hi"}}),
        json!({"type": "TEXT", "text": "Hi"}),
        json!({"text": "Hi"}),
        json!("Hi"),
        json!(["Hi"]),
        json!([{"type": "text", "payload": {"text": "Hi"}}]),
    ] {
        let report = saying(said.clone());
        assert_eq!(report.content, Patch::Value("Hi".to_owned()), "{said}");
        assert_eq!(report.content_type, Patch::Value("text".to_owned()), "{said}");
        assert_eq!(report.attachments, Some(Vec::new()), "{said}");
    }
    assert_eq!(saying(json!(42)).content, Patch::Value("42".to_owned()));
    let odd = saying(json!({"type": "text", "payload": {"ephemeral": {"x": 1}}}));
    assert_eq!(odd.content, Patch::Value(r#"{"ephemeral":{"x":1}}"#.to_owned()));
    for nothing in [json!(null), json!(""), json!({}), json!([]), json!(false)] {
        let readout = read_at(&source(Provider::Mobtexting), None, &with(&text(), "/payload/message", nothing.clone()));
        assert!(reason(readout).contains("no `message`"), "{nothing}");
    }
}

#[test]
fn c6_what_is_not_understood_stays_whole() {
    assert!(saying(json!({"type": "text", "payload": {"text": "Hi"}})).details.is_empty());
    assert!(saying(json!("Hi")).details.is_empty());
    let odd = json!({"text": "Hi", "preview": {"url": "https://x.example"}});
    assert_eq!(saying(json!({"type": "text", "payload": odd})).details["payload"], odd);
    let context = json!({"id": "wamid.7"});
    assert_eq!(saying(json!({"type": "text", "payload": "Hi", "context": context})).details["context"], context);
    let poll = saying(json!({"type": "poll_creation", "payload": {"options": [1]}}));
    assert_eq!(
        (&poll.content, &poll.details["payload"]["options"]),
        (&Patch::Value("Poll creation".to_owned()), &json!([1]))
    );
}

#[test]
fn c6_a_media_type_may_hold_a_list_of_files() {
    let (a, b) = ("https://x.example/a.png", "https://x.example/b%20c.png?x=1");
    for payload in [json!([{"url": a}, {"url": b}]), json!([a, b]), json!({"url": [a, b]})] {
        let report = saying(json!({"type": "image", "payload": payload}));
        let files = report.attachments.unwrap();
        let told: Vec<_> =
            files.iter().map(|file| (file.kind, file.url.as_deref(), file.filename.as_deref())).collect();
        assert_eq!(
            told,
            [(AttachmentKind::Image, Some(a), Some("a.png")), (AttachmentKind::Image, Some(b), Some("b c.png"))],
            "{payload}"
        );
        assert_eq!((report.content, report.content_type), (Patch::Null, Patch::Value("image".to_owned())));
    }
    let captioned =
        saying(json!({"type": "video", "payload": [{"url": a, "caption": "one"}, {"url": b, "caption": "two"}]}));
    assert_eq!(captioned.content, Patch::Value("one\ntwo".to_owned()));
    let bare = saying(json!({"type": "audio", "payload": a}));
    assert_eq!((bare.content, bare.attachments.unwrap()[0].kind), (Patch::Null, AttachmentKind::Audio));
    let link = saying(json!({"type": "text", "payload": a}));
    assert_eq!(
        (link.content, link.attachments),
        (Patch::Value(a.to_owned()), Some(Vec::new())),
        "a person sent a link"
    );
}

#[test]
fn c6_the_channels_may_be_an_object() {
    let ours = |channels: Value| {
        let body = with(&with(&text(), "/payload/channels", channels), "/event", json!("whatsapp:message:in"));
        reported(message_of(&body).channel).ids
    };
    let expected = ours(json!([{"name": "whatsapp", "to": "919019120123"}]));
    assert_eq!(expected, ["whatsapp:919019120123"]);
    for channels in [
        json!({"name": "whatsapp", "to": "919019120123"}),
        json!({"whatsapp": {"to": 919_019_120_123_u64}}),
        json!([null, {"to": "919019120123"}]),
    ] {
        assert_eq!(ours(channels.clone()), expected, "{channels}");
    }
    let unnamed = with(&text(), "/payload/channels", json!({"name": "viber", "to": "700969ca"}))["payload"].clone();
    assert_eq!(read_at(&source(Provider::Mobtexting), None, &unnamed).event.as_deref(), Some("viber:message:in"));
}

#[test]
fn c6_a_reaction_changes_the_message_that_it_is_to() {
    let reacted = |payload: Value| with(&text(), "/payload/message", json!({"type": "reaction", "payload": payload}));
    let whole = command(&reacted(json!({"message_id": "m-1", "emoji": "👍"})));
    assert_eq!(whole.key.id, command(&text()).key.id, "it is an event of its own");
    let report = message(whole);
    assert_eq!((report.ids.as_slice(), report.person.is_none()), (["viber:m-1".to_owned()].as_slice(), true));
    assert_eq!((report.version.unwrap().change, report.content), (Change::Updated, Patch::Absent));
    assert_eq!(report.reactions.value().unwrap()["👍"], json!(["+919876543212"]));
    for payload in
        [json!({"reaction": {"message_id": "m-1", "emoji": "👍"}}), json!({"messageId": "m-1", "emoji": "👍"})]
    {
        assert_eq!(message_of(&reacted(payload)).reactions, report.reactions);
    }
    for gone in [json!({"message_id": "m-1", "emoji": ""}), json!({"message_id": "m-1"})] {
        assert_eq!(message_of(&reacted(gone)).reactions, Patch::Value(Default::default()));
    }
    for nameless in [json!({"emoji": "👍"}), json!("👍")] {
        let readout = read_at(&source(Provider::Mobtexting), None, &reacted(nameless));
        assert!(reason(readout).contains("does not name its message"));
    }
}

#[test]
fn c7_a_failure_ends_in_its_code_and_sentence() {
    let failed = with(&whatsapp_status(), "/payload/status", json!("failed"));
    for (member, told) in [
        ("error", json!({"code": 131026, "description": "Undeliverable"})),
        ("errors", json!([{"code": "131026", "title": "Undeliverable"}])),
        ("reason", json!({"error_code": 131026, "details": "Undeliverable"})),
    ] {
        let report = status(command(&with(&failed, &format!("/payload/{member}"), told.clone())));
        assert_eq!(
            (report.code.as_deref(), report.reason.as_deref()),
            (Some("131026"), Some("Undeliverable")),
            "{told}"
        );
        assert_eq!(report.details[member], told);
    }
    let beside =
        with(&with(&failed, "/payload/error_code", json!(131_026)), "/payload/error_message", json!("Undeliverable"));
    let report = status(command(&beside));
    assert_eq!((report.code.as_deref(), report.reason.as_deref()), (Some("131026"), Some("Undeliverable")));
    let sms = status(command(&with(&with(&sms(), "/status", json!("UNDELIV")), "/error", json!([{"code": 27}]))));
    assert_eq!(sms.code.as_deref(), Some("27"));
    let arrived = status(command(&with(&self::sms(), "/error_code", json!("27"))));
    assert_eq!(arrived.code, None, "what arrived has not failed");
}

#[test]
fn e1_a_contact_that_was_created_has_the_time_of_its_creation() {
    let bare = with(&subscriber(), "/updated_at", Value::Null);
    let version = contact(command(&bare)).version;
    assert_eq!((version.told, version.at.to_rfc3339().as_str()), (true, "2023-07-16T11:45:34+00:00"));
    let updated = with(&bare, "/status", json!("Subscriber updated successfully"));
    assert!(!contact(command(&updated)).version.told, "when it was created is not when it was updated");
}

#[test]
fn e5_the_operators_words_are_read() {
    for (word, expected) in [
        ("UNDELIVERED", Some(DeliveryStatus::Failed)),
        ("Rejectd", Some(DeliveryStatus::Failed)),
        ("ENROUTE", Some(DeliveryStatus::Sent)),
        ("accept d", Some(DeliveryStatus::Sent)),
        ("DELETED", Some(DeliveryStatus::Failed)),
        ("UNKNOWN", None),
    ] {
        assert_eq!(status(command(&with(&sms(), "/status", json!(word)))).status, expected, "{word}");
        assert_eq!(
            status(command(&with(&whatsapp_status(), "/payload/status", json!(word)))).status,
            expected,
            "{word}"
        );
    }
}

#[test]
fn e6_what_a_report_tells_besides_is_kept() {
    let mut body = sms();
    for (name, value) in
        [("identifier", json!("i")), ("foreign_id", json!("f")), ("template_category", json!("UTILITY"))]
    {
        body = with(&body, &format!("/{name}"), value);
    }
    let details = status(command(&body)).details;
    for name in ["mobile", "credits", "units", "cid", "custom", "identifier", "foreign_id", "template_category"] {
        assert!(details.contains_key(name), "{name}");
    }
    assert_eq!(details["sent_time"], "2021-04-09T10:57:35.000Z");
    let whatsapp = with(&with(&whatsapp_status(), "/payload/cid", json!(7)), "/payload/part", json!(2));
    let report = status(command(&whatsapp));
    assert_eq!((report.part.as_str(), &report.details["cid"], &report.details["part"]), ("2", &json!(7), &json!(2)));
    assert_ne!(command(&whatsapp).key, command(&whatsapp_status()).key, "another part is no repeat");
}

#[test]
fn e6_a_time_since_1970_wins_over_a_text_without_zone() {
    let unix = 1_617_966_000;
    let sms = status(command(&with(&sms(), "/timestamp", json!(unix))));
    assert_eq!(sms.times.delivered_at.unwrap().timestamp(), unix);
    let body = with(&whatsapp_status(), "/payload/read_at", json!("2021-06-18 14:48:06"));
    let read = |body: &Value| status(command(body)).times.read_at.unwrap().timestamp();
    assert_eq!(read(&with(&body, "/payload/timestamp", json!(unix))), unix);
    assert_ne!(
        read(&with(&whatsapp_status(), "/payload/timestamp", json!(unix))),
        unix,
        "a text with its zone is as sure"
    );
}
