//! Oblic's adapter, line by line.

use crate::support::{arrival, contact, expect_commands, json, message, read_at, reason, reported, source, with};
use inlet_domain::{
    command::{Change, Command, ContactReport, Effect, IdentityKind, Patch, Reading},
    model::{
        channel::Medium,
        message::{AttachmentKind, Direction},
        provider::Provider,
    },
};
use serde_json::{Value, json};

fn command(body: &Value) -> Command {
    crate::support::command(Provider::Oblic, body)
}

fn event(name: &str, payload: Value) -> Value {
    json!({"id": "env", "type": name, "payload": payload})
}

fn updated() -> Value {
    json("oblic/08-message.updated.json")
}

#[test]
fn ob_1_the_envelope_is_the_key() {
    assert_eq!(command(&updated()).key.id, "a056V7R7NmNRjl70");
    let mut bare = updated();
    bare.as_object_mut().unwrap().remove("id");
    let key = command(&bare).key;
    assert_eq!(command(&bare).key, key);
    assert_ne!(command(&with(&bare, "/payload/updated_at", json!(692_233_201))).key, key);
}

#[test]
fn ob_2_a_national_number_is_normalised_by_the_sources_region_only() {
    let body = json("oblic/02-contact.updated.json");
    let kinds = |report: &ContactReport| report.identities.iter().map(|identity| identity.kind).collect::<Vec<_>>();
    let without = contact(command(&body));
    assert_eq!(without.phone, Patch::Value("1-800-759-3000".to_owned()));
    assert_eq!(kinds(&without), [IdentityKind::ProviderUser, IdentityKind::Username]);
    let mut american = source(Provider::Oblic);
    american.phone_region = Some("US".to_owned());
    let with_region = contact(expect_commands(read_at(&american, None, &body)).remove(0));
    assert_eq!(with_region.phone, Patch::Value("+18007593000".to_owned()));
    assert_eq!(kinds(&with_region), [IdentityKind::ProviderUser, IdentityKind::Username]);
    assert_eq!(with_region.name, Patch::Value("KevinMcCallister".to_owned()));
}

#[test]
fn ob_3_a_conversation_is_with_a_contact_or_a_group() {
    let read = |payload| match command(&event("conversation.updated", payload)).effect {
        Effect::Conversation(report) => *report,
        other => panic!("{other:?}"),
    };
    let one =
        read(json!({"id": "c", "contact": {"id": "k"}, "pinned": true, "archived_at": 705_103_200, "muted": null}));
    assert_eq!(one.person.unwrap().identities[0].value, "k");
    assert_eq!(one.attributes["archived_at"], "1992-05-05T22:00:00.000Z");
    assert_eq!((&one.attributes["pinned"], &one.attributes["muted"]), (&json!(true), &Value::Null));
    for many in [json!({"id": "g"}), json!("g")] {
        let many = read(json!({"id": "c", "group": many}));
        assert_eq!((many.group_id.as_deref(), many.person), (Some("g"), None));
    }
}

#[test]
fn ob_4_a_message_from_a_contact_came_in() {
    let report = message(command(&updated()));
    assert_eq!((report.direction, report.ids), (Direction::Inbound, vec!["SIuAFUNKdSYHZF2w".to_owned()]));
    assert_eq!(report.thread.id.as_deref(), Some("xgQQXg3hrtjh7AvZ"));
    assert_eq!(report.person.unwrap().identities[0].value, "WAz8eIbvDR60rouK");
    assert_eq!(report.read_at.value().unwrap().timestamp(), 705_103_200);
    assert_eq!(report.occurred_at.unwrap().timestamp(), 692_233_200);
    assert_eq!(reported(report.channel).medium, Medium::Webchat);
}

#[test]
fn ob_4_what_our_own_users_write_is_outbound_to_whom_the_conversation_is_with() {
    let contact = updated()["payload"]["contact"]["id"].as_str().unwrap().to_owned();
    let mut ours = source(Provider::Oblic);
    ours.own_user_ids = vec!["another".to_owned(), contact.clone()];
    let report = message(expect_commands(read_at(&ours, None, &updated())).remove(0));
    assert_eq!((report.direction, report.person), (Direction::Outbound, None));
    assert_eq!(report.author_name.as_deref(), Some("KevinMcCallister"));
    assert!(report.thread.id.is_some());
    let by_id = with(&with(&updated(), "/payload/contact", Value::Null), "/payload/contact_id", json!(contact));
    let report = message(expect_commands(read_at(&ours, None, &by_id)).remove(0));
    assert_eq!((report.direction, report.author_name), (Direction::Outbound, None));
    ours.own_user_ids.pop();
    let report = message(expect_commands(read_at(&ours, None, &updated())).remove(0));
    assert_eq!((report.direction, report.author_name), (Direction::Inbound, None));
}

#[test]
fn ob_5_reactions_come_as_an_array_or_an_object() {
    let read = |reactions: Value| message(command(&with(&updated(), "/payload/reactions", reactions))).reactions;
    let merged = json!({"👍": ["kevin", "buzz"], "🎉": ["kevin"]});
    assert_eq!(
        read(json!([{"👍": ["kevin"]}, {"🎉": "kevin"}, {"👍": ["buzz", "kevin"]}])),
        Patch::Value(merged.as_object().unwrap().clone())
    );
    assert_eq!(read(merged.clone()), Patch::Value(merged.as_object().unwrap().clone()));
    assert_eq!(read(json!([])), Patch::Value(Default::default()));
    assert_eq!(read(Value::Null), Patch::Null);
}

#[test]
fn ob_6_a_group_lists_its_contacts_as_they_are_written() {
    let body = json("oblic/10-group.created.json");
    let Effect::Group(report) = command(&body).effect else { panic!() };
    assert_eq!(report.participants.value().unwrap()[0], json!({"username": "KevinMcCallister"}));
    let by_name = with(&updated(), "/payload/contact", json!({"username": "KevinMcCallister"}));
    let identities = message(command(&by_name)).person.unwrap().identities;
    assert_eq!((identities.len(), identities[0].kind), (1, IdentityKind::Username));
}

#[test]
fn ob_7_a_file_names_its_message_and_its_type() {
    let Effect::Attachment(report) = command(&json("oblic/13-attachment.created.json")).effect else { panic!() };
    assert_eq!(report.message_id.as_deref(), Some("SIuAFUNKdSYHZF2w"));
    assert_eq!((report.kind, report.size_bytes), (Patch::Value(AttachmentKind::Document), Patch::Value(48_213)));
    let inside =
        json!([{"id": "f", "file_url": "https://x.example/a.png", "file_type": "image/png", "file_size": "12"}]);
    let report = message(command(&with(&updated(), "/payload/attachments", inside)));
    let files = report.attachments.unwrap();
    assert_eq!(
        (files[0].kind, files[0].size_bytes, files[0].external_id.as_deref()),
        (AttachmentKind::Image, Some(12), Some("f"))
    );
}

#[test]
fn ob_8_any_time_may_be_null() {
    let mut body = updated();
    for name in ["read_at", "created_at", "updated_at"] {
        body = with(&body, &format!("/payload/{name}"), Value::Null);
    }
    let report = message(command(&body));
    assert_eq!((report.read_at, report.occurred_at), (Patch::Null, None));
    assert_eq!(report.version.unwrap().at, arrival());
}

#[test]
fn ob_9_a_deletion_may_carry_the_id_alone_and_without_one_it_names_nothing() {
    let deleted = message(command(&event("message.deleted", json!({"id": "m"}))));
    assert_eq!((deleted.version.unwrap().change, deleted.person), (Change::Deleted, None));
    for entity in ["contact", "conversation", "group", "attachment"] {
        command(&event(&format!("{entity}.deleted"), json!({"id": "x"})));
        for nothing in [Value::Null, json!({}), json!("x")] {
            let readout = read_at(&source(Provider::Oblic), None, &event(&format!("{entity}.deleted"), nothing));
            assert!(reason(readout).starts_with(&format!("{entity}.deleted")));
        }
    }
}

#[test]
fn ob_10_an_absent_member_is_not_null() {
    let partial = message(command(&event("message.updated", json!({"id": "m", "read_at": null, "updated_at": 5}))));
    assert_eq!((partial.content, partial.content_type), (Patch::Absent, Patch::Absent));
    assert_eq!((partial.read_at, partial.reactions), (Patch::Null, Patch::Absent));
    assert_eq!((partial.attachments, partial.person), (None, None));
    let partial = contact(command(&event("contact.updated", json!({"id": "k", "avatar_url": null}))));
    assert_eq!((partial.avatar_url, partial.username, partial.name), (Patch::Null, Patch::Absent, Patch::Absent));
    assert_eq!(partial.version.at, arrival());
    let order = [Change::Created, Change::Updated, Change::Deleted];
    assert!(order.is_sorted(), "deleted beats updated beats created");
}

#[test]
fn what_is_no_event_of_theirs_is_kept() {
    for odd in [
        json!([]),
        json!({"type": "message.exploded", "payload": {"id": "1"}}),
        json!({"type": 7}),
        event("typing.created", json!({"id": "1"})),
    ] {
        assert!(matches!(read_at(&source(Provider::Oblic), None, &odd).reading, Reading::Unrecognised { .. }), "{odd}");
    }
}

#[test]
fn c6_a_message_in_whatever_form_is_shown() {
    let read = |said: Value| message(command(&with(&updated(), "/payload/message", said)));
    for said in [json!("Hi"), json!({"text": "Hi"}), json!(["Hi"]), json!({"body": {"text": "Hi"}})] {
        let report = read(said.clone());
        assert_eq!(
            (report.content, report.content_type),
            (Patch::Value("Hi".to_owned()), Patch::Value("text".to_owned()))
        );
        assert_eq!(report.details.get("message"), Some(&said).filter(|said| !said.is_string()), "{said}");
    }
    assert_eq!(read(json!(42)).content, Patch::Value("42".to_owned()));
    assert_eq!(read(json!({"x": [1]})).content, Patch::Value(r#"{"x":[1]}"#.to_owned()));
    assert_eq!(read(json!("")).content, Patch::Value(String::new()));
    assert_eq!(read(Value::Null).content, Patch::Null);
    let place = read(json!({"latitude": 1, "longitude": 2}));
    assert_eq!(place.content, Patch::Value("Location: 1, 2".to_owned()));
}

#[test]
fn c6_attachments_may_be_an_object_or_a_text() {
    let url = "https://x.example/a/photo%201.png";
    let files = |told: Value| message(command(&with(&updated(), "/payload/attachments", told))).attachments;
    for told in [
        json!([{"file_url": url}]),
        json!({"file_url": url}),
        json!(url),
        json!([url]),
        json!({"url": url}),
        json!([null, "", {}, {"link": url}]),
    ] {
        let found = files(told.clone()).unwrap();
        let names: Vec<_> = found.iter().map(|file| (file.url.as_deref(), file.filename.as_deref())).collect();
        assert_eq!(names, [(Some(url), Some("photo 1.png"))], "{told}");
    }
    assert_eq!(files(json!([])), Some(Vec::new()));
    assert_eq!(files(Value::Null), None);
    let by_id = files(json!([{"id": "f", "filename": "a.pdf", "file_type": "application/pdf"}])).unwrap().remove(0);
    assert_eq!((by_id.external_id.as_deref(), by_id.kind), (Some("f"), AttachmentKind::Document));
}

#[test]
fn e1_the_version_of_what_was_created_is_its_creation() {
    let version = |name: &str, payload: Value| match command(&event(name, payload)).effect {
        Effect::Message(report) => report.version.unwrap(),
        Effect::Contact(report) => report.version,
        Effect::Conversation(report) => report.version,
        Effect::Group(report) => report.version,
        Effect::Attachment(report) => report.version,
        other => panic!("{other:?}"),
    };
    for entity in ["contact", "conversation", "message", "group", "attachment"] {
        let of = |change: &str, times: Value| {
            let payload = json!({"id": "x", "contact_id": "c", "created_at": 1_700_000_000, "updated_at": times});
            version(&format!("{entity}.{change}"), payload)
        };
        let created = of("created", Value::Null);
        assert_eq!((created.told, created.at.timestamp()), (true, 1_700_000_000), "{entity}");
        assert_eq!(of("created", json!(1_700_000_005)).at.timestamp(), 1_700_000_005, "{entity}");
        let updated = of("updated", json!(0));
        assert_eq!((updated.told, updated.at), (false, arrival()), "{entity}");
        assert!(created < of("updated", json!(1_700_000_000)) && created < updated, "{entity}");
        assert!(of("updated", json!(1_700_000_001)) < of("deleted", Value::Null), "{entity}");
    }
}

#[test]
fn e3_a_group_names_its_conversation() {
    for (change, conversation) in [
        ("created", json!({"conversation_id": "c-9"})),
        ("updated", json!({"conversation": {"id": "c-9"}})),
        ("updated", json!({"conversation": "c-9"})),
    ] {
        let mut payload =
            json!({"id": "g", "name": "Neighbours", "description": "About", "archived_at": 1_700_000_000});
        payload.as_object_mut().unwrap().extend(conversation.as_object().unwrap().clone());
        let commands = crate::support::commands(Provider::Oblic, &event(&format!("group.{change}"), payload));
        let [group, conversation] = commands.as_slice() else { panic!("{commands:?}") };
        assert_ne!(group.key, conversation.key);
        let (Effect::Group(group), Effect::Conversation(conversation)) = (&group.effect, &conversation.effect) else {
            panic!("{commands:?}")
        };
        assert_eq!((conversation.id.as_str(), conversation.group_id.as_deref()), ("c-9", Some("g")));
        assert_eq!(conversation.version, group.version);
        assert_eq!(group.description, Patch::Value("About".to_owned()));
        assert_eq!(group.archived_at.value().unwrap().timestamp(), 1_700_000_000);
    }
    command(&event("group.deleted", json!({"id": "g", "conversation_id": "c-9"})));
    command(&event("group.created", json!({"id": "g"})));
}

#[test]
fn e7_a_file_has_its_own_name_or_its_urls() {
    let read = |name: &str, payload: Value| match command(&event(name, payload)).effect {
        Effect::Attachment(report) => report.filename,
        other => panic!("{other:?}"),
    };
    let url = "https://x.example/a/photo%201.png?x=1";
    for member in ["file_name", "fileName", "filename", "name"] {
        let named = json!({"id": "f", "file_url": url, member: "own.png"});
        assert_eq!(read("attachment.updated", named), Patch::Value("own.png".to_owned()), "{member}");
    }
    let nameless = json!({"id": "f", "file_url": url});
    assert_eq!(read("attachment.created", nameless.clone()), Patch::Value("photo 1.png".to_owned()));
    assert_eq!(read("attachment.updated", nameless), Patch::Absent, "it may have a better one");
}
