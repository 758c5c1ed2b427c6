//! MobTexting's adapter, line by line.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use inlet_domain::{
    command::{Change, ChannelRef, Command, Effect, IdentityKind, Patch, Reading},
    ids::ChannelId,
    model::{
        channel::Medium,
        message::{AttachmentKind, Direction, MessageKind},
        opt_out::OptOutScope,
        provider::Provider,
        source::CallLeg,
        status::DeliveryStatus,
    },
};
use inlet_ingest::provider::adapter;
use serde_json::{Value, json};
use support::{contact, expect_commands, json, message, read_at, reason, reported, source, status, with};
use uuid::Uuid;

fn command(body: &Value) -> Command {
    support::command(Provider::Mobtexting, body)
}

fn sms() -> Value {
    json("mobtexting/01-sms-message-status.json")
}

fn whatsapp_status() -> Value {
    json("mobtexting/03-whatsapp-message-status.json")
}

fn text() -> Value {
    json("mobtexting/14-viber-message-in-text.json")
}

fn call() -> Value {
    json("mobtexting/11-voice-message-out.json")
}

fn subscriber() -> Value {
    json("mobtexting/18-contacts-subscriber-subscription-created.json")
}

#[test]
fn mt_1_bare_bodies_are_told_apart_by_their_shape() {
    for (body, event) in [
        (sms(), "sms:message:status"),
        (call(), "voice:message:out"),
        (subscriber(), "contacts:subscriber:subscription"),
    ] {
        assert_eq!(read_at(&source(Provider::Mobtexting), None, &body).event.as_deref(), Some(event));
    }
}

#[test]
fn mt_2_an_unsubscriptions_channel_is_never_guessed() {
    let body = json("mobtexting/06-whatsapp-unsubscription.json");
    let unnamed = read_at(&source(Provider::Mobtexting), None, &body);
    let kept_as = unnamed.event.clone();
    assert!(reason(unnamed).contains("does not tell its channel"));
    // A replay brings the name that the request was kept under.
    let mut of_sms = source(Provider::Mobtexting);
    of_sms.medium = Some(Medium::Sms);
    let replayed = expect_commands(read_at(&of_sms, kept_as.as_deref(), &body)).remove(0);
    assert!(matches!(replayed.effect, Effect::OptOut(report) if report.medium == Medium::Sms));

    let by_url = read_at(&source(Provider::Mobtexting), Some("rcs:unsubscription"), &body);
    let mut of_voice = source(Provider::Mobtexting);
    of_voice.medium = Some(Medium::Voice);
    let by_source = read_at(&of_voice, None, &body);
    for (readout, medium) in [(by_url, Medium::Rcs), (by_source, Medium::Voice)] {
        let command = expect_commands(readout).remove(0);
        assert!(matches!(command.effect, Effect::OptOut(report) if report.medium == medium));
    }
    let named_otherwise = read_at(&of_voice, Some("fax:unsubscription"), &body);
    assert!(reason(named_otherwise).contains("no MobTexting event"));
}

#[test]
fn mt_3_a_part_of_an_sms_is_a_part_of_its_message() {
    let report = status(command(&sms()));
    assert_eq!((report.ids[0].as_str(), report.part.as_str()), ("sms:b34e35ad-fe34-4a8b-977c-b21cd76cd7d6", "1"));
    assert_eq!(report.status, Some(DeliveryStatus::Delivered));
    assert_eq!(report.times.delivered_at.unwrap().to_rfc3339(), "2021-04-09T10:57:51+00:00");
    assert_eq!(report.times.sent_at.unwrap().to_rfc3339(), "2021-04-09T10:57:39+00:00");
    assert_eq!(report.details["credits"], "2.0000");
    let whole = status(command(&with(&sms(), "/id", json!("b34e35ad"))));
    assert_eq!((whole.ids[0].as_str(), whole.part.as_str()), ("sms:b34e35ad", ""));
    let failed = status(command(&with(&sms(), "/status", json!("DLT-TEMPLATE-MISMATCH"))));
    assert_eq!((failed.status, failed.code.as_deref()), (Some(DeliveryStatus::Failed), Some("DLT-TEMPLATE-MISMATCH")));
    assert_eq!((failed.times.failed_at, failed.times.delivered_at), (report.times.delivered_at, None));
}

#[test]
fn mt_3_the_channel_of_an_sms_report_is_the_sources_own() {
    assert!(reported(status(command(&sms())).channel).ids[0].starts_with("sms:source:src_"));
    let mut with_channel = source(Provider::Mobtexting);
    let channel = ChannelId(Uuid::from_u128(9));
    with_channel.channel_id = Some(channel);
    let command = expect_commands(read_at(&with_channel, None, &sms())).remove(0);
    assert_eq!(status(command).channel, ChannelRef::Known(channel));
}

#[test]
fn mt_4_an_unsubscription_tells_whose_refusal_of_what_it_is() {
    let body = json("mobtexting/02-sms-unsubscription.json");
    let read = |body: &Value| read_at(&source(Provider::Mobtexting), Some("sms:unsubscription"), body);
    let Effect::OptOut(report) = expect_commands(read(&body)).remove(0).effect else { panic!() };
    assert_eq!((report.medium, report.scope, report.value.as_str()), (Medium::Sms, OptOutScope::Sender, "Demo12"));
    assert_eq!(report.person.identities[0].value, "+917002088123");
    assert_eq!(report.occurred_at.unwrap().to_rfc3339(), "2023-07-08T12:52:54+00:00");
    for word in ["all", "Category", "tag", "service", "product"] {
        expect_commands(read(&with(&body, "/type", json!(word))));
    }
    assert!(reason(read(&with(&body, "/type", json!("moon")))).contains("`type`"));
    assert!(reason(read(&with(&body, "/status", json!("Unsubscriber deleted successfully")))).contains("ended"));
}

#[test]
fn mt_5_a_status_report_names_times_of_every_step() {
    let report = status(command(&whatsapp_status()));
    assert_eq!(report.ids, ["whatsapp:a418d672-9781-4d97-b517-a56f7d95ad8a"]);
    assert_eq!(report.external_id.as_deref(), Some("a418d672-9781-4d97-b517-a56f7d95ad8a"));
    assert_eq!(report.status, Some(DeliveryStatus::Read));
    assert_eq!(report.reported_at, report.times.read_at);
    assert!(report.times.sent_at < report.times.delivered_at && report.times.delivered_at < report.times.read_at);
    assert_eq!(reported(report.channel).ids, ["whatsapp:919019120123"]);
    assert_eq!(report.details["foreign_id"], "your-business-identifier");
    let deleted = status(command(&with(&whatsapp_status(), "/payload/status", json!("deleted"))));
    assert_eq!(deleted.status, Some(DeliveryStatus::Failed));
}

#[test]
fn mt_5_the_documents_literal_status_is_an_unknown_word_that_changes_nothing() {
    let literal = with(&whatsapp_status(), "/payload/status", json!("sent|delivered|read|failed|deleted"));
    let report = status(command(&literal));
    assert_eq!(report.status, None);
    assert_eq!(report.raw_status, "sent|delivered|read|failed|deleted");
    assert_eq!(report.times, Default::default());
}

#[test]
fn mt_6_from_is_the_sender_and_channels_is_ours() {
    let report = message(command(&text()));
    assert_eq!(report.direction, Direction::Inbound);
    assert_eq!(report.occurred_at, None);
    assert_eq!(reported(report.channel).ids, ["viber:700969ca-0cb2-11ec-a2c2-0242ac130003"]);
    let address = &report.person.unwrap().identities[0];
    assert_eq!((address.kind, address.value.as_str()), (IdentityKind::Phone, "+919876543212"));
    assert_eq!(address.original.as_deref(), Some("919876543212"));
    let timed = with(&text(), "/payload/message/timestamp", json!("2026-01-02 03:04:05"));
    assert_eq!(message(command(&timed)).occurred_at.unwrap().to_rfc3339(), "2026-01-01T21:34:05+00:00");
    let nameless = with(&text(), "/payload/recipient/from", json!("91XXXXXX"));
    assert_eq!(message(command(&nameless)).person.unwrap().identities[0].kind, IdentityKind::ProviderUser);
}

#[test]
fn mt_7_users_vary_and_null_is_written_as_text() {
    let person = message(command(&text())).person.unwrap();
    assert_eq!(person.name.as_deref(), Some("user first name user middle name user last name"));
    assert_eq!(person.avatar_url, None);
    assert_eq!(person.attributes["attributes"], "user attributes");
    assert!(!person.attributes.contains_key("title"));

    let user = "/payload/recipient/user";
    let listed = with(&text(), &format!("{user}/attributes"), json!([]));
    assert!(!message(command(&listed)).person.unwrap().attributes.contains_key("attributes"));
    let object = with(&text(), &format!("{user}/attributes"), json!({"tier": "gold", "note": "null"}));
    let attributes = message(command(&object)).person.unwrap().attributes;
    assert_eq!((attributes.get("tier"), attributes.get("note")), (Some(&json!("gold")), None));
    let nulls = json!({"id": "null", "first_name": "null", "last_name": null, "email": "null", "username": "NULL"});
    let person = message(command(&with(&text(), user, nulls))).person.unwrap();
    assert_eq!((person.identities.len(), person.name, person.email), (1, None, None));
    let missing = with(&text(), user, Value::Null);
    assert_eq!(message(command(&missing)).person.unwrap().identities.len(), 1);
}

#[test]
fn mt_8_every_type_is_shown_by_what_it_has() {
    let image = message(command(&json("mobtexting/05-whatsapp-message-in-media.json")));
    assert_eq!(image.content, Patch::Value("some caption for image".to_owned()));
    let files = image.attachments.unwrap();
    assert_eq!((files[0].kind, files[0].filename.as_deref()), (AttachmentKind::Image, Some("your_image_path.png")));
    assert!(image.details.is_empty());

    let button = json!({"type": "button_reply", "payload": {"postback": {"title": "Yes", "payload": "YES_1"}}});
    let report = message(command(&with(&text(), "/payload/message", button)));
    assert_eq!(report.content_type, Patch::Value("button_reply".to_owned()));
    assert_eq!(report.content, Patch::Value("Yes".to_owned()));
    assert_eq!(report.details["payload"]["postback"]["payload"], "YES_1");
    let place = json!({"type": "location", "payload": {"latitude": 1.5, "url": "https://maps.example.com"}});
    let report = message(command(&with(&text(), "/payload/message", place)));
    assert_eq!(
        (report.content, report.attachments.unwrap()[0].kind),
        (Patch::Value("Location".to_owned()), AttachmentKind::Other)
    );
    assert_eq!(report.details["payload"]["latitude"], 1.5);
    let said = message(command(&with(&text(), "/payload/message/payload/text", json!("null"))));
    assert_eq!(said.content, Patch::Value("null".to_owned()), "a person may well write that");
}

#[test]
fn mt_9_a_call_is_with_the_one_who_was_called() {
    let report = message(command(&call()));
    assert_eq!((report.kind, report.direction), (MessageKind::Call, Direction::Outbound));
    assert_eq!(report.person.unwrap().identities[0].value, "+918867131234");
    assert_eq!(reported(report.channel).ids, ["voice:918068281234"]);
    assert_eq!(report.occurred_at.unwrap().to_rfc3339(), "2021-04-09T10:57:39+00:00");
    assert_eq!(report.details["duration_seconds"], 23);
    assert_eq!(report.details["ended_at"], "2021-04-09T10:57:55.000Z");
    let as_text = with(&with(&call(), "/to", json!("918867131234")), "/duration", json!(23));
    assert_eq!(command(&as_text), command(&call()));
    for (word, direction) in
        [("RECEIVED", Direction::Inbound), ("missed", Direction::Inbound), ("BUSY", Direction::Outbound)]
    {
        assert_eq!(message(command(&with(&call(), "/status", json!(word)))).direction, direction, "{word}");
    }
}

#[test]
fn mt_9_the_source_may_say_that_the_caller_is_the_customer() {
    let mut of_callers = source(Provider::Mobtexting);
    of_callers.call_customer_leg = CallLeg::From;
    let report = message(expect_commands(read_at(&of_callers, None, &call())).remove(0));
    assert_eq!(report.person.unwrap().identities[0].value, "+918919521234");
    let nameless = with(&call(), "/from", Value::Null);
    assert!(reason(read_at(&of_callers, None, &nameless)).contains("who called"));
    let of_called = read_at(&source(Provider::Mobtexting), None, &nameless);
    assert_eq!(message(expect_commands(of_called).remove(0)).person.unwrap().identities[0].value, "+918867131234");
}

#[test]
fn mt_10_the_sentence_tells_what_happened_to_a_contact() {
    let created = contact(command(&subscriber()));
    let updated = contact(command(&json("mobtexting/19-contacts-subscriber-subscription-updated.json")));
    assert_eq!((created.version.change, updated.version.change), (Change::Created, Change::Updated));
    assert!(created.version < updated.version);
    assert_eq!(created.identities, updated.identities);
    assert_eq!(created.identities[0].value, "subscriber:86");
    assert_eq!(
        (created.name, created.email),
        (Patch::Value("Demo Test".to_owned()), Patch::Value("demo@gmail.com".to_owned()))
    );
    let by_phone = contact(command(&with(&subscriber(), "/identity", json!("919019120123"))));
    assert_eq!((by_phone.phone, by_phone.email), (Patch::Value("+919019120123".to_owned()), Patch::Absent));
}

#[test]
fn mt_11_what_makes_a_repeat() {
    let key = |body: &Value| command(body).key;
    assert_ne!(key(&sms()), key(&with(&sms(), "/status", json!("UNDELIV"))));
    assert_ne!(key(&sms()), key(&with(&sms(), "/deliv_time", Value::Null)));
    assert_eq!(key(&sms()), key(&with(&sms(), "/custom", json!("other"))));
    assert_ne!(key(&whatsapp_status()), key(&with(&whatsapp_status(), "/payload/read_at", Value::Null)));
    assert_ne!(key(&call()), key(&with(&call(), "/start_at", json!("2021-04-09 16:27:40"))));
    assert_eq!(key(&call()), key(&with(&call(), "/status", json!("COMPLETED"))));
    assert_ne!(key(&subscriber()), key(&with(&subscriber(), "/updated_at", json!("2024-01-01T00:00:00Z"))));
    assert_eq!(key(&subscriber()), key(&with(&subscriber(), "/gender", json!(null))));
}

#[test]
fn mt_14_times_without_zone_are_in_the_sources_zone() {
    let mut elsewhere = source(Provider::Mobtexting);
    elsewhere.time_zone = Some("Africa/Lagos".to_owned());
    let command = expect_commands(read_at(&elsewhere, None, &sms())).remove(0);
    assert_eq!(status(command).times.delivered_at.unwrap().to_rfc3339(), "2021-04-09T15:27:51+00:00");
}

#[test]
fn mt_15_ids_are_unique_in_their_channel_only() {
    let viber = command(&text());
    let renamed = with(&text(), "/event", json!("rcs:message:in"));
    let rcs = command(&renamed);
    assert_ne!(viber.key, rcs.key);
    let (viber, rcs) = (message(viber), message(rcs));
    assert_ne!(viber.ids, rcs.ids);
    assert_eq!(viber.external_id, rcs.external_id);
}

#[test]
fn mt_16_a_handshake_gets_its_challenge() {
    let adapter = adapter(Provider::Mobtexting);
    let ask = |body: &Value| adapter.handshake(body.to_string().as_bytes());
    let asked = json!({"validation_key": "k", "challenge": "c-42"});
    assert_eq!(ask(&asked), Some(json!({"challenge": "c-42"})));
    let long = json!({"validation_key": "k".repeat(5_000), "challenge": "c"});
    let mut message = text();
    message["validation_key"] = json!("k");
    for other in [json!({"challenge": "c"}), json!({"validation_key": "k", "challenge": {}}), text(), message, long] {
        assert_eq!(ask(&other), None, "{other}");
    }
}

#[test]
fn what_a_named_body_lacks_is_told() {
    for (hint, body) in [
        ("whatsapp:message:in", json!({"payload": {"id": "1"}})),
        ("whatsapp:message:status", json!({"payload": {"id": "1"}})),
        ("sms:message:status", json!({"mobile": "1"})),
        ("voice:message:out", json!({"bridge": 1})),
        ("contacts:subscriber:subscription", json!({"attributes": {}})),
        ("sms:unsubscription", json!({})),
    ] {
        let readout = read_at(&source(Provider::Mobtexting), Some(hint), &body);
        assert_eq!(readout.event.as_deref(), Some(hint));
        assert!(matches!(readout.reading, Reading::Unrecognised { reason, .. } if reason.starts_with(hint)));
    }
}

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
