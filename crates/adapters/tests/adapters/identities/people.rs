//! Identities: profiles, addresses, ids of chats, and keys of former rules.

use std::collections::BTreeSet;

use inlet_domain::{
    command::{IdentityKind, IdentityScope, Patch},
    model::{channel::Medium, provider::Provider, source::Source},
};
use serde_json::{Value, json};

use super::{call, custom, keys, new_message, opt_out, person, read, whatsapp};

use crate::support::{contact, expect_commands, json, message, read_at, reason, reported, source, status, with};

#[test]
fn b1_a_profile_joins_nobody() {
    let user = "/payload/recipient/user";
    let mut body = with(&whatsapp(), &format!("{user}/email"), json!("desk@hotel.example"));
    body = with(&body, &format!("{user}/phone"), json!("+447700900999"));
    body = with(&body, &format!("{user}/subscriber_id"), json!(12));
    let guests = ["447700900001", "447700900002", "447700900003"].map(|from| {
        let body = with(&with(&body, "/payload/recipient/from", json!(from)), &format!("{user}/id"), json!(from[9..]));
        let person = person(read(Provider::Mobtexting, None, &body));
        assert_eq!(person.identities[0].value, format!("+{from}"));
        assert!(person.identities.iter().all(|identity| identity.kind != IdentityKind::Email && !identity.leads));
        assert_eq!(person.email.as_deref(), Some("desk@hotel.example"));
        assert_eq!(person.phone, Some(format!("+{from}")), "the address, not what the profile says");
        person.identities.into_iter().filter(|identity| identity.scope == IdentityScope::Workspace).collect::<Vec<_>>()
    });
    assert!(guests.iter().all(|shared| shared.len() == 1));

    // If the address is no number, the profile's number is shown.
    let scoped = with(&body, "/payload/recipient/from", json!("opaque-id=="));
    assert_eq!(person(read(Provider::Mobtexting, None, &scoped)).phone.as_deref(), Some("+447700900999"));
    // The provider's ids of the person replace a missing address.
    let without = with(&body, "/payload/recipient/from", json!("null"));
    let kinds: BTreeSet<_> =
        person(read(Provider::Mobtexting, None, &without)).identities.iter().map(|identity| identity.kind).collect();
    assert_eq!(kinds, BTreeSet::from([IdentityKind::ProviderUser]));
}

#[test]
fn b1_a_custom_profile_joins_nobody_and_its_address_does() {
    let message_of = custom(
        json!({"rules": [{"kind": "message", "fields": {"address": "/from", "phone": "/phone", "email": "/email",
            "person_id": "/person", "conversation_id": "/thread"}}]}),
        Some(Medium::Viber),
    );
    let body =
        json!({"from": "opaque==", "phone": "07700 900123", "email": "Desk@Hotel.example", "person": 7, "thread": 9});
    let one = person(expect_commands(read_at(&message_of, None, &body)).remove(0));
    let account = IdentityScope::Account;
    assert_eq!(
        keys(&one.identities),
        [
            (IdentityKind::ProviderUser, account, "opaque=="),
            (IdentityKind::ProviderUser, account, "7"),
            (IdentityKind::ProviderConversation, account, "9")
        ]
    );
    assert!(one.identities.iter().all(|identity| !identity.leads));
    assert_eq!(one.email.as_deref(), Some("desk@hotel.example"));

    let contact_of = custom(
        json!({"rules": [{"kind": "contact", "fields": {"id": "/id", "address": "/address", "phone": "/phone",
            "email": "/email", "username": "/user"}}]}),
        Some(Medium::Whatsapp),
    );
    let read = |body: Value| contact(expect_commands(read_at(&contact_of, None, &body)).remove(0));
    let known = read(json!({"id": 7, "phone": "+447700900123", "email": "a@example.com"}));
    assert_eq!(keys(&known.identities), [(IdentityKind::ProviderUser, account, "7")]);
    assert_eq!(known.phone, Patch::Value("+447700900123".to_owned()));
    assert_eq!(known.email, Patch::Value("a@example.com".to_owned()));
    let addressed = read(json!({"id": 7, "address": "447700900123", "phone": "+447700900999"}));
    assert_eq!(addressed.identities[1].value, "+447700900123");
    assert!(addressed.identities[1].leads, "whoever is known by the address is the one of whom it tells");
    assert_eq!(addressed.phone, Patch::Value("+447700900999".to_owned()));
    let by_phone = read(json!({"phone": "+44 7700 900123", "email": "a@example.com", "user": "ada"}));
    let kinds: Vec<_> = by_phone.identities.iter().map(|identity| identity.kind).collect();
    assert_eq!(kinds, [IdentityKind::Phone, IdentityKind::Username], "nothing else names the person");
    let by_email = read(json!({"email": "A@example.com"}));
    assert_eq!(keys(&by_email.identities), [(IdentityKind::Email, IdentityScope::Workspace, "a@example.com")]);
    let nobody = json!({"phone": "unknown", "email": "n/a"});
    assert!(reason(read_at(&contact_of, None, &nobody)).contains("`phone`"));
}

#[test]
fn b1_a_oneroute_customer_is_the_accounts_and_its_conversation_leads() {
    let person = person(read(Provider::Oneroute, None, &new_message()));
    let [email, thread] = person.identities.as_slice() else { panic!("{person:?}") };
    assert_eq!((email.kind, email.scope, email.leads), (IdentityKind::Email, IdentityScope::Account, false));
    assert_eq!((thread.kind, thread.leads), (IdentityKind::ProviderConversation, true));
    assert_eq!(person.email.as_deref(), Some(email.value.as_str()));
}

#[test]
fn b1_an_oblic_profile_joins_nobody_unless_nothing_else_names_it() {
    let american = Source { phone_region: Some("US".to_owned()), ..source(Provider::Oblic) };
    let read = |contact: Value| {
        let body =
            json!({"id": "e", "type": "message.created", "payload": {"id": "m", "message": "x", "contact": contact}});
        person(expect_commands(read_at(&american, None, &body)).remove(0))
    };
    let both =
        read(json!({"id": "k", "username": "kevin", "phone_number": "1-800-759-3000", "email": "k@example.com"}));
    let kinds: Vec<_> = both.identities.iter().map(|identity| identity.kind).collect();
    assert_eq!(kinds, [IdentityKind::ProviderUser, IdentityKind::Username]);
    assert_eq!((both.phone.as_deref(), both.email.as_deref()), (Some("+18007593000"), Some("k@example.com")));
    let by_phone = read(json!({"id": "null", "phone_number": "1-800-759-3000", "email": "k@example.com"}));
    assert_eq!(keys(&by_phone.identities), [(IdentityKind::Phone, IdentityScope::Workspace, "+18007593000")]);
    let by_email = read(json!({"username": "undefined", "email": "K@example.com"}));
    assert_eq!(keys(&by_email.identities), [(IdentityKind::Email, IdentityScope::Workspace, "k@example.com")]);
    assert_eq!(by_email.name, None);
}

#[test]
fn b2_a_custom_source_of_a_medium_without_phones_has_ids_of_chats() {
    let mapping = json!({"rules": [
        {"name": "dlr", "kind": "status", "when": {"at": "/status", "exists": true},
         "fields": {"id": "/id", "status": "/status", "address": "/from"}},
        {"name": "stop", "kind": "opt_out", "when": {"event": "stop"}, "fields": {"address": "/from"}},
        {"name": "who", "kind": "contact", "when": {"event": "who"}, "fields": {"address": "/from"}},
        {"kind": "message", "fields": {"address": "/from"}}]});
    let body = json!({"from": "6597325156"});
    for medium in [
        Some(Medium::Telegram),
        Some(Medium::Messenger),
        Some(Medium::Webchat),
        Some(Medium::Email),
        Some(Medium::Other),
        None,
    ] {
        let mut source = custom(mapping.clone(), medium);
        source.phone_region = Some("SG".to_owned());
        let read = |hint, body: &Value| expect_commands(read_at(&source, hint, body)).remove(0);
        let mut people = vec![
            person(read(None, &body)),
            status(read(None, &with(&with(&body, "/id", json!(1)), "/status", json!("sent")))).person.unwrap(),
        ];
        if medium.is_some() {
            people.push(opt_out(read(Some("stop"), &body)).person);
        }
        for person in people {
            assert_eq!(
                keys(&person.identities),
                [(IdentityKind::ProviderUser, IdentityScope::Account, "6597325156")],
                "{medium:?}"
            );
            assert_eq!(person.phone, None, "{medium:?}");
        }
        let who = contact(read(Some("who"), &body));
        assert_eq!((who.identities[0].kind, who.phone), (IdentityKind::ProviderUser, Patch::Absent), "{medium:?}");
    }
    let of_sms = custom(mapping, Some(Medium::Sms));
    let one = person(expect_commands(read_at(&of_sms, None, &body)).remove(0));
    assert_eq!(keys(&one.identities), [(IdentityKind::Phone, IdentityScope::Workspace, "+6597325156")]);
}

#[test]
fn b3_every_adapter_takes_the_clothes_off() {
    let messages = custom(
        json!({"rules": [{"kind": "message", "fields": {"address": "/from", "channel": "/to"}}]}),
        Some(Medium::Whatsapp),
    );
    let stop = json("mobtexting/02-sms-unsubscription.json");
    for written in [
        json!("447700900123@s.whatsapp.net"),
        json!("447700900123:12@s.whatsapp.net"),
        json!("447700900123@c.us"),
        json!("whatsapp:+447700900123"),
        json!("tel:+44-7700-900123"),
        json!("sip:+447700900123@pbx.example.com"),
        json!("\u{202a}+44\u{a0}7700\u{a0}900123\u{202c}"),
        json!("0044 7700 900123"),
        json!(447_700_900_123_u64),
        json!(447_700_900_123.0),
        json!("٤٤٧٧٠٠٩٠٠١٢٣"),
    ] {
        let body = json!({"from": written, "to": written});
        let of_custom = message(expect_commands(read_at(&messages, None, &body)).remove(0));
        assert!(reported(of_custom.channel).ids.contains(&"whatsapp:447700900123".to_owned()), "{written}");
        let of_mobtexting = with(&whatsapp(), "/payload/recipient/from", written.clone());
        let report = with(&json("mobtexting/03-whatsapp-message-status.json"), "/payload/to", written.clone());
        let of_oneroute = with(&json("oneroute/05-smsDeliveryReport.json"), "/conversation/to", written.clone());
        let stop = with(&stop, "/receiver", written.clone());
        for person in [
            of_custom.person.unwrap(),
            person(read(Provider::Mobtexting, None, &of_mobtexting)),
            person(read(Provider::Mobtexting, None, &with(&call(), "/to", written.clone()))),
            status(read(Provider::Mobtexting, None, &report)).person.unwrap(),
            status(read(Provider::Oneroute, None, &of_oneroute)).person.unwrap(),
            opt_out(read(Provider::Mobtexting, Some("sms:unsubscription"), &stop)).person,
        ] {
            assert_eq!(person.identities[0].value, "+447700900123", "{written}");
            assert_eq!(person.phone.as_deref(), Some("+447700900123"), "{written}");
        }
    }
    let group = with(&whatsapp(), "/payload/recipient/from", json!("120363025246125486@g.us"));
    let group = person(read(Provider::Mobtexting, None, &group));
    // The ids and the profile belong to a member of the group.
    assert_eq!(keys(&group.identities), [(IdentityKind::Group, IdentityScope::Account, "120363025246125486@g.us")]);
    assert_eq!((group.phone, group.email), (None, None));
}

#[test]
fn keys_what_was_kept_under_a_former_key_is_a_repeat() {
    // A placeholder beside a distinctive id was a part of the key.
    let report = json("oneroute/06-whatsappDeliveryReport.json");
    let key = read(Provider::Oneroute, None, &with(&report, "/conversation/externalId", json!("null"))).key;
    assert!(key.former.is_some_and(|former| former != key.id));
    assert_eq!(read(Provider::Oneroute, None, &report).key.former, None);

    // A number kept its notation.
    let fraction = with(&whatsapp(), "/payload/id", json!(7.0));
    let key = read(Provider::Mobtexting, None, &fraction).key;
    assert_eq!((key.id.as_str(), key.former.as_deref()), ("whatsapp:7", Some("whatsapp:7.0")));
    let whole = with(&whatsapp(), "/payload/id", json!(7));
    assert_eq!(
        (read(Provider::Mobtexting, None, &whole).key.id, None),
        (key.id, read(Provider::Mobtexting, None, &whole).key.former)
    );

    // The same conversation and text, without another distinction.
    let named = with(&new_message(), "/conversation/id", json!("\u{200e}c1"));
    let key = read(Provider::Oneroute, None, &named).key;
    assert!(key.former.is_some_and(|former| former != key.id));
    assert_eq!(read(Provider::Oneroute, None, &new_message()).key.former, None);

    // A custom source's own key, and the id of its messages.
    let source = custom(
        json!({"rules": [{"kind": "message", "key": "/event", "fields": {"id": "/id", "address": "/from"}}]}),
        Some(Medium::Sms),
    );
    let key = |body: Value| expect_commands(read_at(&source, None, &body)).remove(0).key;
    let key_of = |body: Value| {
        let key = key(body);
        (key.id, key.former)
    };
    let from = "447700900123";
    assert_eq!(key_of(json!({"event": 8.0, "from": from})), ("8".to_owned(), Some("8.0".to_owned())));
    assert_eq!(key_of(json!({"id": 8.0, "from": from})), ("8".to_owned(), Some("8.0".to_owned())));
    assert_eq!(key_of(json!({"event": "e", "from": from})), ("e".to_owned(), None));
    assert_eq!(key(json!({"event": "undefined", "id": "m", "from": from})).former, None);
    assert_eq!(key(json!({"event": "undefined", "id": "m", "from": from})).id, "m");
}
