//! MobTexting's adapter, line by line.

mod shown;

use crate::support::{contact, expect_commands, json, message, read_at, reason, reported, source, status, with};
use inlet_adapters::registry::adapter;
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
use serde_json::{Value, json};
use uuid::Uuid;

fn command(body: &Value) -> Command {
    crate::support::command(Provider::Mobtexting, body)
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
    // A replay brings the name under which the request is stored.
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
    assert!(reason(named_otherwise).contains("not a known MobTexting event"));
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
    assert!(
        reason(read(&with(&body, "/status", json!("Unsubscriber deleted successfully"))))
            .contains("the end of an opt-out")
    );
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
    assert!(reason(read_at(&of_callers, None, &nameless)).contains("the caller"));
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
