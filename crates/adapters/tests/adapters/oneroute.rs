//! OneRoute's adapter, line by line.

mod campaigns;

use crate::support::{arrival, json, message, read_at, reason, reported, request, source, status, with};
use inlet_adapters::read::read;
use inlet_domain::{
    command::{Command, Effect, IdentityKind, Patch, RawRequest, Reading},
    model::{
        channel::Medium,
        conversation::ConversationStatus,
        message::{AttachmentKind, Direction},
        provider::Provider,
        status::DeliveryStatus,
    },
};
use serde_json::{Value, json};

fn sample() -> Value {
    json("oneroute/01-newMessage.json")
}

fn command(body: &Value) -> Command {
    crate::support::command(Provider::Oneroute, body)
}

#[test]
fn or_0_the_time_is_the_conversations_last_message() {
    let report = message(command(&sample()));
    assert_eq!(report.occurred_at.unwrap().to_rfc3339(), "2022-01-29T07:27:52.793+00:00");
    let timeless = with(&sample(), "/conversation/lastMessageAt", Value::Null);
    assert_eq!(message(command(&timeless)).occurred_at, None);
    let quoting = with(&sample(), "/message/quoted_message_id", json!(77));
    assert_eq!(message(command(&quoting)).quoted_id.as_deref(), Some("77"));
}

#[test]
fn or_1_a_copy_may_differ_in_what_the_provider_touches_and_nothing_else() {
    let key = command(&sample()).key;
    let copy = with(
        &with(&sample(), "/conversation/updatedAt", json!("2030-01-01T00:00:00Z")),
        "/conversation/read",
        json!(true),
    );
    assert_eq!(command(&copy).key, key);
    let later = with(&sample(), "/conversation/lastMessageAt", json!("2022-01-29T07:27:53.793Z"));
    assert_ne!(command(&later).key, key);
    let other = with(&sample(), "/message/content", json!("Hello World?"));
    assert_ne!(command(&other).key, key);
    let named = with(&sample(), "/message/externalId", json!("wamid.7"));
    assert_eq!(
        (command(&named).key.id.as_str(), message(command(&named)).ids),
        ("wamid.7", vec!["wamid.7".to_owned()])
    );
}

#[test]
fn or_2_an_agents_message_is_outbound_to_the_same_person() {
    let inbound = message(command(&sample()));
    let outbound = message(command(&with(&sample(), "/message/sender/authUser", json!(true))));
    assert_eq!((inbound.direction, inbound.author_name), (Direction::Inbound, None));
    assert_eq!((outbound.direction, outbound.author_name.as_deref()), (Direction::Outbound, Some("Message Sender")));
    assert_eq!(inbound.person.unwrap().identities, outbound.person.unwrap().identities);
}

#[test]
fn or_3_the_conversation_is_the_identity_of_last_resort() {
    let named = message(command(&sample())).person.unwrap();
    assert_eq!(
        named.identities.iter().map(|identity| identity.kind).collect::<Vec<_>>(),
        [IdentityKind::Email, IdentityKind::ProviderConversation]
    );
    let nameless = with(&sample(), "/conversation/customer", json!({"name": null, "email": null}));
    let person = message(command(&nameless)).person.unwrap();
    assert_eq!(person.identities.len(), 1);
    assert_eq!(person.identities[0].value, "bf9d96d9-e495-489a-a22a-206b0ea44d90");
    assert_eq!(person.name.as_deref(), Some("Message Sender"));
}

#[test]
fn or_4_content_types_media_and_captions() {
    let mut body = with(&sample(), "/message/contentType", json!("Image"));
    body = with(&body, "/message/imageUrl", json!("https://example.com/a.png"));
    body = with(&body, "/message/audioUrl", json!("https://example.com/a.ogg"));
    let report = message(command(&with(&body, "/message/content", Value::Null)));
    assert_eq!((report.content_type, report.content), (Patch::Value("image".to_owned()), Patch::Null));
    let kinds: Vec<_> = report.attachments.unwrap().iter().map(|file| file.kind).collect();
    assert_eq!(kinds, [AttachmentKind::Image, AttachmentKind::Audio]);
    let unknown = message(command(&with(&sample(), "/message/contentType", json!("CAROUSEL"))));
    assert_eq!(unknown.content_type, Patch::Value("CAROUSEL".to_owned()));
}

#[test]
fn or_5_the_channel_is_described_and_its_credentials_are_nowhere() {
    let mut body = with(&sample(), "/conversation/Channel/credentials", json!({"token": "hunter2"}));
    body = with(&body, "/conversation/Channel/phone", json!("+234 803 123 4500"));
    let command = command(&body);
    assert!(!serde_json::to_string(&command).unwrap().contains("hunter2"));
    let channel = reported(message(command).channel);
    assert_eq!(channel.medium, Medium::Whatsapp);
    let ids = [
        "8bad2edc-2973-4cec-8f33-a17c54dc0686",
        "whatsapp:Identifier",
        "whatsapp:234 803 123 4500",
        "whatsapp:2348031234500",
    ];
    assert_eq!(channel.ids, ids);
    assert_eq!(channel.webhook_url.as_deref(), Some("https://webhook.url"));
}

#[test]
fn or_6_the_thread_seeds_our_status() {
    let thread = message(command(&sample())).thread;
    assert_eq!(thread.id.as_deref(), Some("bf9d96d9-e495-489a-a22a-206b0ea44d90"));
    assert_eq!(
        (thread.status, thread.provider_status.as_deref()),
        (Some(ConversationStatus::InQueue), Some("in-queue"))
    );
    let odd = message(command(&with(&sample(), "/conversation/status", json!("escalated")))).thread;
    assert_eq!((odd.status, odd.provider_status.as_deref()), (None, Some("escalated")));
}

#[test]
fn or_7_a_balance_alert_is_keyed_for_an_hour() {
    let alert = command(&json!({"event": "lowUnitBalance", "firm": "Firm Name", "units": 0}));
    assert_eq!(alert.key.window.unwrap().num_hours(), 1);
    assert_eq!(alert.key, command(&json!({"event": "lowUnitBalance", "units": "0", "firm": "Firm Name"})).key);
    assert_ne!(alert.key, command(&json!({"event": "lowUnitBalance", "firm": "Firm Name", "units": 1})).key);
    assert!(matches!(alert.effect, Effect::Balance(report) if report.units.as_deref() == Some("0")));
}

#[test]
fn or_8_the_code_is_read_and_kept_nowhere() {
    let body =
        br#"{"event": "otpVerified", "id": "12345678904", "otp": "01234", "identifier": "key", "verified": true}"#;
    for text in [
        String::from_utf8_lossy(body).into_owned(),
        String::from_utf8_lossy(body).replace("\"event\": \"otpVerified\", ", ""),
    ] {
        let readout = read(&source(Provider::Oneroute), arrival(), None, request(text.as_bytes()));
        assert!(!String::from_utf8_lossy(&readout.raw.body).contains("01234"));
        let Reading::Commands { commands, .. } = &readout.reading else { panic!("{:?}", readout.reading) };
        assert!(
            !format!("{commands:?}").contains("01234") && !serde_json::to_string(commands).unwrap().contains("01234")
        );
        let Effect::Verification(report) = &commands[0].effect else { panic!("{commands:?}") };
        let code = report.code.as_ref().unwrap();
        assert_eq!(code, &inlet_domain::command::Secret("01234".to_owned().into()));
        let again = read(&source(Provider::Oneroute), arrival(), Some("otpVerified"), readout.raw);
        let Reading::Commands { commands, .. } = again.reading else { panic!("{:?}", again.reading) };
        assert!(matches!(&commands[0].effect, Effect::Verification(report) if report.code.is_none()));
    }
}

#[test]
fn or_8_what_cannot_be_read_is_masked_too() {
    for body in [r#"{"event":"otpVerified","otp":"01234","#, r#"{"event":"otpVerifiedAgain","otp":"01234"}"#] {
        let readout = read(&source(Provider::Oneroute), arrival(), None, request(body));
        assert!(!String::from_utf8_lossy(&readout.raw.body).contains("01234"), "{body}");
    }
    let talk = with(&sample(), "/message/content", json!(r#"my "otp": "01234""#));
    let readout = read_at(&source(Provider::Oneroute), None, &talk);
    assert_eq!(readout.raw.body, talk.to_string().into_bytes(), "what people write is kept as it is");
}

#[test]
fn or_9_a_report_names_the_sent_message_its_channel_and_its_receiver() {
    let report = status(command(&json("oneroute/05-smsDeliveryReport.json")));
    assert_eq!(report.ids, ["1234567", "1234567890"]);
    assert_eq!((report.status, report.raw_status.as_str()), (Some(DeliveryStatus::Delivered), "delivered"));
    assert_eq!(report.reported_at, report.times.delivered_at);
    assert_eq!(reported(report.channel).ids, ["sms:Name"]);
    assert_eq!(report.person.unwrap().identities[0].value, "+2348031234568");
}

#[test]
fn or_10_a_read_report_tells_when_it_was_delivered_not_when_it_was_read() {
    let report = status(command(&json("oneroute/08-whatsappDeliveryReport-campaign.json")));
    assert_eq!(report.status, Some(DeliveryStatus::Read));
    assert_eq!((report.reported_at, report.times.read_at), (None, None));
    assert_eq!(report.times.delivered_at.unwrap().to_rfc3339(), "2024-12-04T13:49:05+00:00");
    assert_eq!(report.campaign_id.as_deref(), Some("982376327jiadnkjddxtdd"));
    assert_eq!(reported(report.channel).ids, ["whatsapp:2348031234500"]);
    let plus = with(&json("oneroute/06-whatsappDeliveryReport.json"), "/conversation/from", json!("+2348031234500"));
    assert_eq!(reported(status(command(&plus)).channel).ids, ["whatsapp:2348031234500"]);
}

#[test]
fn or_10_a_report_repeats_only_with_the_same_word_and_time() {
    let body = json("oneroute/06-whatsappDeliveryReport.json");
    let key = command(&body).key;
    assert_eq!(command(&with(&body, "/conversation/units", json!(3))).key, key);
    assert_ne!(command(&with(&body, "/conversation/status", json!("delivered"))).key, key);
    assert_ne!(command(&with(&body, "/conversation/delivered_time", Value::Null)).key, key);
}

#[test]
fn or_10_a_report_that_names_its_message_otherwise_is_no_repeat() {
    let body = json("oneroute/06-whatsappDeliveryReport.json");
    assert_eq!(status(command(&body)).ids.len(), 2);
    let with_one_name = command(&with(&body, "/conversation/externalId", Value::Null));
    assert_ne!(with_one_name.key, command(&body).key, "the second name may be the one that its message comes under");
}

#[test]
fn or_18_a_message_may_be_a_text_and_without_one_there_is_no_message() {
    let text = message(command(&with(&sample(), "/message", json!("Hello"))));
    assert_eq!(text.content, Patch::Value("Hello".to_owned()));
    let none = read_at(&source(Provider::Oneroute), None, &with(&sample(), "/message", Value::Null));
    assert!(reason(none).contains("no message"));
}

#[test]
fn or_19_an_unknown_event_is_kept_with_its_name() {
    let readout = read_at(&source(Provider::Oneroute), None, &json!({"event": "agentTyping", "x": 1}));
    assert_eq!(readout.event.as_deref(), Some("agentTyping"));
    assert!(matches!(readout.reading, Reading::Unrecognised { lenient: false, .. }));
    for odd in [json!([]), json!("x"), json!(7), json!(null), json!({}), json!({"event": 7})] {
        assert!(
            matches!(read_at(&source(Provider::Oneroute), None, &odd).reading, Reading::Unrecognised { .. }),
            "{odd}"
        );
    }
}

#[test]
fn the_event_is_told_by_the_url_the_name_or_the_shape() {
    for (file, event) in [
        ("01-newMessage", "newMessage"),
        ("03-lowUnitBalance", "lowUnitBalance"),
        ("04-otpVerified", "otpVerified"),
        ("05-smsDeliveryReport", "smsDeliveryReport"),
        ("06-whatsappDeliveryReport", "whatsappDeliveryReport"),
        ("07-compaignDeliveryReport", "campaignDeliveryReport"),
    ] {
        let mut body = json(&format!("oneroute/{file}.json"));
        body.as_object_mut().unwrap().remove("event");
        assert_eq!(read_at(&source(Provider::Oneroute), None, &body).event.as_deref(), Some(event), "by shape");
        let named = with(&body, "/event", json!("newMessage"));
        assert_eq!(read_at(&source(Provider::Oneroute), Some(event), &named).event.as_deref(), Some(event), "by URL");
    }
}

#[test]
fn p11_the_longest_ids_still_fit_an_index() {
    let report = message(command(&with(&sample(), "/message/externalId", json!("9".repeat(100_000)))));
    assert!(report.ids[0].len() < 300);
}

#[test]
fn credentials_in_headers_are_not_kept() {
    let mut raw: RawRequest = request("{}");
    raw.headers.push(("authorization".to_owned(), "Bearer hunter2".to_owned()));
    let kept = read(&source(Provider::Oneroute), arrival(), None, raw).raw;
    assert!(!format!("{:?}", kept.headers).contains("hunter2"));
}

#[test]
fn c6_a_message_in_whatever_form_is_shown() {
    let content = |said: Value| message(command(&with(&sample(), "/message", said))).content;
    for said in [json!("Hi"), json!(["Hi"]), json!([{"text": {"body": "Hi"}}])] {
        assert_eq!(content(said.clone()), Patch::Value("Hi".to_owned()), "{said}");
    }
    assert_eq!(content(json!(42)), Patch::Value("42".to_owned()));
    for within in
        [json!("Hi"), json!({"body": "Hi"}), json!(["Hi"]), json!({"button_reply": {"id": "1", "title": "Hi"}})]
    {
        let report = message(command(&with(&sample(), "/message/content", within.clone())));
        assert_eq!(report.content, Patch::Value("Hi".to_owned()), "{within}");
        assert_eq!(report.details.get("content"), Some(&within).filter(|within| !within.is_string()), "{within}");
    }
    let place = with(
        &with(&sample(), "/message/content", json!({"latitude": 6.5, "longitude": 3.4})),
        "/message/contentType",
        json!("LOCATION"),
    );
    assert_eq!(message(command(&place)).content, Patch::Value("Location: 6.5, 3.4".to_owned()));
    let unheard = with(&with(&sample(), "/message/content", Value::Null), "/message/contentType", json!("CAROUSEL"));
    assert_eq!(message(command(&unheard)).content, Patch::Value("CAROUSEL".to_owned()));
    for nothing in [Value::Null, json!(""), json!([]), json!({"x": {}})] {
        let readout = read_at(&source(Provider::Oneroute), None, &with(&sample(), "/message", nothing.clone()));
        let is_object = nothing.is_object();
        assert_eq!(matches!(readout.reading, Reading::Commands { .. }), is_object, "{nothing}");
    }
}

#[test]
fn c7_a_failure_ends_in_its_code_and_sentence() {
    let failed = with(&json("oneroute/05-smsDeliveryReport.json"), "/conversation/status", json!("failed"));
    for told in [
        json!({"code": 27, "description": "Absent subscriber"}),
        json!([{"id": "27", "title": "Absent subscriber"}]),
        json!([{"error": {"errorCode": 27, "message": "Absent subscriber"}}]),
    ] {
        let report = status(command(&with(&failed, "/conversation/reason", told.clone())));
        assert_eq!(
            (report.code.as_deref(), report.reason.as_deref()),
            (Some("27"), Some("Absent subscriber")),
            "{told}"
        );
        assert_eq!(report.details["reason"], told);
    }
    let plain = status(command(&with(&failed, "/conversation/reason", json!("Absent subscriber"))));
    assert_eq!((plain.code, plain.reason.as_deref()), (None, Some("Absent subscriber")));
}

#[test]
fn e6_what_a_report_tells_besides_is_kept() {
    let mut body = json("oneroute/06-whatsappDeliveryReport.json");
    for name in ["identifier", "cid", "custom", "credits", "foreign_id", "template_category"] {
        body = with(&body, &format!("/conversation/{name}"), json!("kept"));
    }
    let details = status(command(&body)).details;
    for name in ["identifier", "cid", "custom", "credits", "foreign_id", "template_category"] {
        assert_eq!(details[name], "kept", "{name}");
    }
    let part = with(&body, "/conversation/part", json!(2));
    assert_eq!(status(command(&part)).part, "2");
    assert_ne!(command(&part).key, command(&body).key);
}

#[test]
fn e7_a_file_has_its_own_name_or_its_urls() {
    let url = "https://x.example/in/price%20list.pdf?sig=a/b";
    let body = with(&sample(), "/message/documentUrl", json!(url));
    let name = |body: &Value| message(command(body)).attachments.unwrap()[0].filename.clone();
    assert_eq!(name(&body).as_deref(), Some("price list.pdf"));
    for member in ["file_name", "fileName", "filename", "name"] {
        assert_eq!(
            name(&with(&body, &format!("/message/{member}"), json!("prices.pdf"))).as_deref(),
            Some("prices.pdf")
        );
    }
    let several =
        with(&sample(), "/message/imageUrl", json!([{"url": url, "fileName": "own.png"}, "https://x.example/b.png"]));
    let files = message(command(&several)).attachments.unwrap();
    let names: Vec<_> = files.iter().map(|file| file.filename.as_deref()).collect();
    assert_eq!(names, [Some("own.png"), Some("b.png")]);
}
