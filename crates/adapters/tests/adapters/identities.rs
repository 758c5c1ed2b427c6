//! The contact of an event, by each adapter: placeholders, hidden senders, addresses and profiles.

mod people;

use std::sync::Arc;

use crate::support::{expect_commands, json, message, read_at, reason, source, status, with};
use inlet_domain::{
    command::{Command, Effect, IdentityKind, IdentityRef, IdentityScope, OptOutReport, Patch, PersonReport},
    model::{channel::Medium, mapping::Mapping, provider::Provider, source::Source},
};
use serde_json::{Value, json};

const PLACEHOLDERS: [&str; 12] =
    ["null", "NULL", "undefined", "None", "", "  ", "-", "--", "0", "0.0", "[object Object]", "{{id}}"];

fn placeholders() -> impl Iterator<Item = Value> {
    PLACEHOLDERS.into_iter().map(Value::from).chain([json!(0), json!(0.0), json!(null)])
}

const HIDDEN: [&str; 10] = [
    "anonymous",
    "Unknown",
    "private",
    "restricted",
    "withheld",
    "No Caller ID",
    "0",
    "0000000",
    "anonymous@anonymous.invalid",
    "sip:anonymous@anonymous.invalid",
];

fn read(provider: Provider, hint: Option<&str>, body: &Value) -> Command {
    let mut commands = expect_commands(read_at(&source(provider), hint, body));
    assert_eq!(commands.len(), 1);
    commands.remove(0)
}

fn why(provider: Provider, hint: Option<&str>, body: &Value) -> String {
    reason(read_at(&source(provider), hint, body))
}

fn person(command: Command) -> PersonReport {
    message(command).person.unwrap()
}

fn keys(identities: &[IdentityRef]) -> Vec<(IdentityKind, IdentityScope, &str)> {
    identities.iter().map(|identity| (identity.kind, identity.scope, identity.value.as_str())).collect()
}

fn opt_out(command: Command) -> OptOutReport {
    match command.effect {
        Effect::OptOut(report) => *report,
        other => panic!("no opt-out: {other:?}"),
    }
}

fn custom(mapping: Value, medium: Option<Medium>) -> Source {
    let mapping = Mapping::read(&mapping).unwrap_or_else(|error| panic!("{error}"));
    Source { mapping: Some(Arc::new(mapping)), medium, ..source(Provider::Custom) }
}

fn new_message() -> Value {
    json("oneroute/01-newMessage.json")
}

fn whatsapp() -> Value {
    json("mobtexting/04-whatsapp-message-in-text.json")
}

fn call() -> Value {
    json("mobtexting/11-voice-message-out.json")
}

#[test]
fn a_a_message_whose_id_is_a_placeholder_has_the_next_key() {
    let key = |id: &Value, text: &str| {
        let body = with(&with(&new_message(), "/message/externalId", id.clone()), "/message/content", json!(text));
        let command = read(Provider::Oneroute, None, &body);
        let (key, report) = (command.key.clone(), message(command));
        assert_eq!((report.ids.len(), report.external_id), (0, None), "{id}");
        key
    };
    let of_mobtexting = |id: &Value, text: &str| {
        let body = with(&with(&whatsapp(), "/payload/id", id.clone()), "/payload/message/payload/text", json!(text));
        let command = read(Provider::Mobtexting, None, &body);
        let (key, report) = (command.key.clone(), message(command));
        assert_eq!((report.ids.len(), report.external_id), (0, None), "{id}");
        key
    };
    for id in placeholders() {
        assert_ne!(key(&id, "a"), key(&id, "b"), "{id}");
        assert_eq!(key(&id, "a"), key(&id, "a"), "{id}");
        assert_eq!(key(&id, "a").former, None, "{id}");
        assert_ne!(of_mobtexting(&id, "a"), of_mobtexting(&id, "b"), "{id}");
    }
}

#[test]
fn a_a_report_that_names_no_message_is_kept_with_the_member_that_lacks() {
    for id in placeholders() {
        for (file, hint) in [("05-smsDeliveryReport", None), ("06-whatsappDeliveryReport", None)] {
            let sample = json(&format!("oneroute/{file}.json"));
            let nameless = with(&with(&sample, "/conversation/id", id.clone()), "/conversation/externalId", id.clone());
            assert!(why(Provider::Oneroute, hint, &nameless).contains("`externalId`"), "{id}");
            let by_other = status(read(Provider::Oneroute, hint, &with(&sample, "/conversation/id", id.clone())));
            assert_eq!(by_other.ids.len(), 1, "{id}");
            let by_id = read(Provider::Oneroute, hint, &with(&sample, "/conversation/externalId", id.clone()));
            assert_eq!(status(by_id).ids.len(), 1, "{id}");
        }
        let report = with(&json("mobtexting/03-whatsapp-message-status.json"), "/payload/id", id.clone());
        assert!(why(Provider::Mobtexting, None, &report).contains("`id`"), "{id}");
        let sms = with(&json("mobtexting/01-sms-message-status.json"), "/id", id.clone());
        assert!(why(Provider::Mobtexting, None, &sms).contains("`id`"), "{id}");
    }
    let part = with(&json("mobtexting/01-sms-message-status.json"), "/id", json!("null:1"));
    assert!(why(Provider::Mobtexting, None, &part).contains("`id`"));
}

#[test]
fn a_a_conversation_whose_id_is_a_placeholder_names_nobody() {
    for id in placeholders() {
        let mut body = with(&new_message(), "/conversation/id", id.clone());
        body = with(&body, "/message/conversation_id", id.clone());
        let of_customer =
            |email: Value, name: Value| with(&body, "/conversation/customer", json!({"name": name, "email": email}));
        for nobody in [json!(null), json!("null"), json!("-"), json!("n/a")] {
            let nameless = of_customer(nobody.clone(), json!("null"));
            assert!(why(Provider::Oneroute, None, &nameless).contains("`conversation.id`"), "{id} {nobody}");
        }
        let two = ["a@example.com", "b@example.com"].map(|email| {
            let command = read(Provider::Oneroute, None, &of_customer(json!(email), json!(null)));
            let (key, report) = (command.key.clone(), message(command));
            assert_eq!((report.thread.id, report.person.unwrap().identities.len()), (None, 1), "{id}");
            key
        });
        assert_ne!(two[0].id, two[1].id, "the same text of two customers is two messages");
        assert_eq!(two[0].former, None, "{id}");
    }
}

#[test]
fn a_ids_of_entities_that_are_placeholders_name_nothing() {
    for id in placeholders() {
        for entity in ["contact", "conversation", "message", "group", "attachment"] {
            let body = json!({"id": "e", "type": format!("{entity}.updated"), "payload": {"id": id}});
            assert!(why(Provider::Oblic, None, &body).contains("`payload.id`"), "{entity} {id}");
        }
        let envelope = |text: &str| {
            let payload = json!({"id": "m", "message": text, "contact": {"id": "k"}, "conversation_id": id});
            let command =
                read(Provider::Oblic, None, &json!({"id": id, "type": "message.created", "payload": payload}));
            let (key, report) = (command.key.clone(), message(command));
            assert_eq!(report.thread.id, None, "{id}");
            key
        };
        assert_ne!(envelope("a"), envelope("b"), "{id}");
        let subscriber = json("mobtexting/18-contacts-subscriber-subscription-created.json");
        let nobody = with(&with(&subscriber, "/id", id.clone()), "/identity", json!("null"));
        assert!(why(Provider::Mobtexting, None, &nobody).contains("`identity`"), "{id}");
        let campaign = json!({"event": "campaignDeliveryReport", "conversation": {"id": id},
            "campaignReportUrl": "https://api.oneroute.io/logs?campaign_id=null"});
        assert!(why(Provider::Oneroute, None, &campaign).contains("`conversation.id`"), "{id}");
        let verified = json!({"event": "otpVerified", "id": id, "identifier": id, "verified": true});
        assert!(why(Provider::Oneroute, None, &verified).contains("`identifier`"), "{id}");
    }
    let whole = |id: Value| {
        let body = json!({"id": "e", "type": "message.updated", "payload": {"id": id, "message": "x"}});
        message(read(Provider::Oblic, None, &body)).ids
    };
    assert_eq!(whole(json!(1.0)), whole(json!(1)));
}

#[test]
fn a_a_custom_source_has_the_same_placeholders() {
    let source = custom(
        json!({"rules": [
            {"name": "dlr", "kind": "status", "when": {"at": "/status", "exists": true},
             "fields": {"id": "/id", "status": "/status"}},
            {"kind": "message", "key": "/event",
             "fields": {"id": "/id", "address": "/from", "conversation_id": "/thread", "quoted_id": "/reply",
                        "person_id": "/person", "name": "/name", "content": "/text"}}]}),
        Some(Medium::Whatsapp),
    );
    let read = |body: &Value| expect_commands(read_at(&source, None, body)).remove(0);
    for id in placeholders().filter(|id| !id.as_str().is_some_and(|text| text.contains("@{{"))) {
        let said = |text: &str| {
            json!({"id": id, "event": id, "from": "447700900123", "thread": id, "reply": id, "person": id,
                "name": "undefined", "text": text})
        };
        let (a, b) = (read(&said("a")), read(&said("b")));
        assert_ne!(a.key, b.key, "{id}");
        assert_eq!(a.key.former, None, "{id}");
        let report = message(a);
        assert_eq!((report.ids.len(), report.external_id, report.quoted_id), (0, None, None), "{id}");
        assert_eq!((report.thread.id, report.content), (None, Patch::Value("a".to_owned())), "{id}");
        let person = report.person.unwrap();
        assert_eq!((person.identities.len(), person.name), (1, None), "{id}");
        let why = reason(read_at(&source, None, &json!({"id": id, "status": "sent"})));
        assert!(why.contains("`id` at `/id`"), "{why}");
    }
    for nobody in ["null", "-", "{{from}}"] {
        let why = reason(read_at(&source, None, &json!({"id": 1, "from": nobody, "thread": nobody})));
        assert!(why.contains("`address` at `/from`"), "{why}");
    }
    // A person may write this text.
    let said = message(read(&json!({"id": 1, "from": "447700900123", "text": "null"})));
    assert_eq!(said.content, Patch::Value("null".to_owned()));
}

#[test]
fn a_who_hides_is_a_contact_of_its_own_each_time() {
    let calls = custom(json!({"rules": [{"kind": "call", "fields": {"id": "/id", "address": "/from"}}]}), None);
    let messages = custom(
        json!({"rules": [{"kind": "message", "fields": {"id": "/id", "address": "/from", "conversation_id": "/thread",
            "person_id": "/person", "phone": "/phone", "email": "/email"}}]}),
        Some(Medium::Whatsapp),
    );
    for hidden in HIDDEN {
        let alone = |person: PersonReport| {
            assert_eq!(person.identities.len(), 1, "{hidden}");
            let identity = &person.identities[0];
            assert_eq!(identity.kind, IdentityKind::ProviderConversation, "{hidden}");
            assert!(identity.value.starts_with("hidden:"), "{hidden}: {}", identity.value);
            assert_eq!((person.phone, person.email), (None, None), "{hidden}");
            identity.value.clone()
        };
        let of_custom = |id: &str| {
            alone(person(expect_commands(read_at(&calls, None, &json!({"id": id, "from": hidden}))).remove(0)))
        };
        let of_mobtexting = |id: &str| {
            let body = with(&with(&whatsapp(), "/payload/id", json!(id)), "/payload/recipient/from", json!(hidden));
            alone(person(read(Provider::Mobtexting, None, &body)))
        };
        let of_call = |start: &str| {
            let body = with(&with(&call(), "/to", json!(hidden)), "/start_at", json!(start));
            alone(person(read(Provider::Mobtexting, None, &body)))
        };
        let of_message = |id: &str| {
            let body =
                json!({"id": id, "from": hidden, "person": 7, "phone": "+447700900123", "email": "a@example.com"});
            alone(person(expect_commands(read_at(&messages, None, &body)).remove(0)))
        };
        let of_oblic = |id: &str| {
            let payload = json!({"id": id, "message": "x", "contact": {"id": hidden, "name": "Anonymous"}});
            alone(person(read(Provider::Oblic, None, &json!({"type": "message.created", "payload": payload}))))
        };
        let (one, other) = ("2021-04-09 16:27:39", "2021-04-09 16:27:40");
        assert!(of_custom("a") != of_custom("b") && of_custom("a") == of_custom("a"), "{hidden}");
        assert!(of_mobtexting("a") != of_mobtexting("b") && of_mobtexting("a") == of_mobtexting("a"), "{hidden}");
        assert!(of_call(one) != of_call(other) && of_call(one) == of_call(one), "{hidden}");
        assert!(of_message("a") != of_message("b") && of_message("a") == of_message("a"), "{hidden}");
        // On media without phone numbers a number is an id, and no word for a hidden sender.
        if hidden.chars().any(char::is_alphabetic) {
            assert!(of_oblic("a") != of_oblic("b") && of_oblic("a") == of_oblic("a"), "{hidden}");
        }

        // The provider's conversation identifies the hidden sender.
        let body = json!({"id": "a", "from": hidden, "thread": "t1"});
        let named = person(expect_commands(read_at(&messages, None, &body)).remove(0));
        assert_eq!(
            keys(&named.identities),
            [(IdentityKind::ProviderConversation, IdentityScope::Account, "t1")],
            "{hidden}"
        );
        let customer = json!({"name": null, "email": hidden});
        let named = person(read(Provider::Oneroute, None, &with(&new_message(), "/conversation/customer", customer)));
        assert_eq!(named.identities.len(), 1, "{hidden}");
        assert_eq!(named.identities[0].value, "bf9d96d9-e495-489a-a22a-206b0ea44d90", "{hidden}");
    }
}

#[test]
fn a_a_call_without_a_start_is_told_apart_by_all_that_it_says() {
    let key = |duration: u32| {
        let body = with(&with(&call(), "/start_at", json!("0")), "/duration", json!(duration));
        read(Provider::Mobtexting, Some("voice:message:out"), &with(&body, "/from", json!("anonymous"))).key
    };
    assert_ne!(key(1), key(2));
    assert_eq!(key(1), key(1));
}

#[test]
fn a_a_report_to_one_who_hides_is_about_nobody_and_their_refusal_is_nobodys() {
    let stop = json("mobtexting/02-sms-unsubscription.json");
    let stops = custom(json!({"rules": [{"kind": "opt_out", "fields": {"address": "/from"}}]}), Some(Medium::Sms));
    let contacts = custom(json!({"rules": [{"kind": "contact", "fields": {"address": "/from"}}]}), Some(Medium::Sms));
    for hidden in HIDDEN {
        let report = with(&json("mobtexting/03-whatsapp-message-status.json"), "/payload/to", json!(hidden));
        assert_eq!(status(read(Provider::Mobtexting, None, &report)).person, None, "{hidden}");
        let report = with(&json("mobtexting/01-sms-message-status.json"), "/mobile", json!(hidden));
        assert_eq!(status(read(Provider::Mobtexting, None, &report)).person, None, "{hidden}");
        let report = with(&json("oneroute/05-smsDeliveryReport.json"), "/conversation/to", json!(hidden));
        assert_eq!(status(read(Provider::Oneroute, None, &report)).person, None, "{hidden}");
        let why = why(Provider::Mobtexting, Some("sms:unsubscription"), &with(&stop, "/receiver", json!(hidden)));
        assert!(why.contains("`receiver` is hidden"), "{why}");
        let why = reason(read_at(&stops, None, &json!({"from": hidden})));
        assert!(why.contains("`address` is hidden"), "{why}");
        assert!(reason(read_at(&contacts, None, &json!({"from": hidden}))).contains("`address`"), "{hidden}");
        let nobody = json!({"type": "contact.updated", "payload": {"id": hidden, "name": "Anonymous"}});
        assert!(read_at(&source(Provider::Oblic), None, &nobody).event.is_some(), "{hidden}");
    }
    for keypad in ["+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"] {
        let body = with(&call(), "/to", json!(keypad));
        let identities = person(read(Provider::Mobtexting, None, &body)).identities;
        assert!(identities[0].value.starts_with("hidden:"), "{keypad}");
    }
}
