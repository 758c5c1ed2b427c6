use std::collections::{BTreeMap, HashMap};

use chrono::DateTime;
use serde_json::json;

use super::*;
use crate::{
    check::{Entry, Stuck},
    claim::Token,
    graphql::LogEvent,
    provider::crowd::Crowd,
};

const RUN: &str = "t";

fn extent() -> Extent {
    let ended = DateTime::UNIX_EPOCH + chrono::TimeDelta::days(60 * 365);
    Extent { run: RUN.into(), begun: DateTime::UNIX_EPOCH, ended, alone: true }
}

fn model() -> Model {
    let mut model = Model::default();
    for event in Crowd::new(3, RUN, DateTime::UNIX_EPOCH).of(1_500) {
        model.acknowledge(&event.claims);
    }
    model
}

/// What must stands, of the values that may.
fn value(must: &Must) -> Value {
    match must {
        Must::Be(value) => value.clone(),
        Must::Hold(name) => json!([name]),
        Must::BeShown => json!("shown"),
        Must::BeEarliest(time) => match time.map(Must::at) {
            Some(Must::Be(time)) => time,
            _ => Value::Null,
        },
        Must::BeArrival => json!("2026-11-20T10:00:00.000Z"),
    }
}

/// What a server without a fault would show.
fn right(model: &Model) -> Standing {
    let mut standing = Standing { delivered: Some(HashMap::new()), ..Standing::default() };
    let mut log = |kind: &str, payload| {
        let id = format!("evt_{}", standing.log.len());
        standing.delivered.get_or_insert_default().insert(id.clone(), 1);
        standing.log.push(Entry::read(RUN, LogEvent { id, kind: kind.into(), payload }));
    };
    let mut threads: BTreeMap<String, Vec<Entity>> = BTreeMap::new();
    let gone: Vec<String> = model.entities().filter(|one| one.is_gone()).flat_map(|one| one.names.clone()).collect();
    for (place, expected) in model.entities().enumerate() {
        let on_gone = expected.text("message").is_some_and(|message| gone.contains(&message.to_owned()));
        if expected.is_gone() || on_gone || expected.kind == Kind::Conversation {
            continue;
        }
        let names: Vec<String> = expected.names.iter().cloned().collect();
        let mut members: BTreeMap<_, _> =
            expected.members.iter().map(|(member, (_, must))| (*member, value(&must[0]))).collect();
        members.extend(reported(expected).into_iter().map(|(member, must)| (member, value(&must))));
        let id = format!("id_{place:08}");
        if expected.kind == Kind::Message {
            let thread = expected.text("thread").unwrap().to_owned();
            members.insert("conversation", json!(thread));
            if expected.told && expected.text("kind") == Some("MESSAGE") {
                let (medium, external) = names[0].split_once('/').unwrap();
                let (external, content) =
                    if medium == "text" { (Value::Null, json!(external)) } else { (json!(external), json!("")) };
                let channel = json!({ "medium": medium.to_lowercase() });
                log(
                    "message.created",
                    json!({ "id": id, "external_id": external, "content": content, "channel": channel }),
                );
            }
            let entity = Entity { kind: expected.kind, id, names, members };
            threads.entry(thread).or_default().push(entity.clone());
            standing.entities.push(entity);
            continue;
        }
        standing.entities.push(Entity { kind: expected.kind, id, names, members });
    }
    for (kind, token) in model.logged() {
        log(kind, json!({ "deep": [{ "url": format!("https://x/{}.mp3", token.as_str()) }] }));
    }
    let told: Vec<_> = model.of_kind(Kind::Conversation).filter(|one| !one.is_gone()).cloned().collect();
    for expected in &told {
        threads.entry(expected.names.first().unwrap().clone()).or_default();
    }
    for (thread, messages) in threads {
        let real = messages.iter().filter(|message| message.members.get("placeholder") != Some(&json!(true)));
        let last = real.max_by_key(|message| (message.text("occurredAt").to_owned(), message.id.clone()));
        let has = |direction| messages.iter().any(|message| message.text("direction") == direction);
        let calls = messages.iter().any(|message| message.text("kind") == "CALL");
        let status = match (has("INBOUND"), calls, last.is_some()) {
            (false, true, _) => "OPEN",
            (_, _, true) => "IN_QUEUE",
            _ => "CLOSED",
        };
        let unread = messages.iter().filter(|message| message.text("direction") == "INBOUND").count();
        let claimed = told.iter().find(|expected| expected.names.contains(&thread));
        let claimed = |member| claimed.and_then(|one| one.members.get(member)).map(|(_, must)| value(&must[0]));
        let parties: Vec<&Entity> = messages.iter().collect();
        let members = BTreeMap::from([
            ("status", json!(status)),
            ("unread", json!(unread)),
            ("group", json!(claimed("group"))),
            ("contact", json!(claimed("contact"))),
            ("waitingSince", json!(conversations::waiting(&parties)[0])),
            ("closedAt", json!(if status == "CLOSED" { "2026-11-20T10:00:00.000Z" } else { "" })),
            ("lastMessage", json!(last.map(|last| &last.id))),
            ("lastMessageAt", json!(last.map(|last| last.text("occurredAt")))),
        ]);
        standing.entities.push(Entity { kind: Kind::Conversation, id: thread.clone(), names: vec![thread], members });
    }
    for token in model.unrecognised() {
        let (at, tokens) = ("2026-11-20T10:00:00.000Z".to_owned(), BTreeSet::from([token.clone()]));
        standing.stuck.push(Stuck { at, is_unrecognised: true, why: "it names nothing".into(), tokens });
    }
    standing
}

fn kinds(model: &Model, standing: &Standing) -> Vec<String> {
    let mut kinds: Vec<_> = compare(&extent(), model, standing).into_iter().map(|difference| difference.kind).collect();
    kinds.dedup();
    kinds
}

fn find(standing: &mut Standing, is: impl Fn(&Entity) -> bool) -> &mut Entity {
    standing.entities.iter_mut().find(|entity| is(entity)).unwrap()
}

fn is_inbound(entity: &Entity) -> bool {
    entity.kind == Kind::Message && entity.text("direction") == "INBOUND" && entity.text("kind") == "MESSAGE"
}

#[test]
fn finds_nothing_where_nothing_is_wrong() {
    let model = model();
    assert!(model.of_kind(Kind::Message).count() > 500 && model.logged().len() > 25);
    assert_eq!(compare(&extent(), &model, &right(&model)), vec![]);
}

#[test]
fn finds_what_is_missing_or_doubled_of_every_kind() {
    let model = model();
    for (kind, word) in [
        (Kind::Message, "message"),
        (Kind::File, "file"),
        (Kind::Contact, "contact"),
        (Kind::Group, "group"),
        (Kind::Channel, "channel"),
        (Kind::OptOut, "opt_out"),
        (Kind::Verification, "verification"),
        (Kind::Balance, "balance"),
        (Kind::Campaign, "campaign"),
    ] {
        let mut standing = right(&model);
        let required =
            |entity: &Entity| model.of_kind(kind).any(|one| one.told && one.names.contains(&entity.names[0]));
        let place = standing.entities.iter().position(|entity| entity.kind == kind && required(entity)).unwrap();
        let copy = Entity { id: "id_copy".into(), ..standing.entities.remove(place) };
        assert!(kinds(&model, &standing).contains(&format!("{word}_missing")), "{word}");
        standing.entities.extend([copy.clone(), copy]);
        assert!(kinds(&model, &standing).contains(&format!("{word}_repeated")), "{word}");
    }
}

#[test]
fn finds_each_wrong_member() {
    let model = model();
    for (member, wrong) in [
        ("content", json!("other")),
        ("direction", json!("OUTBOUND")),
        ("occurredAt", json!("1969-01-01T00:00:00.000Z")),
        ("author", json!([])),
    ] {
        let mut standing = right(&model);
        find(&mut standing, is_inbound).members.insert(member, wrong);
        assert!(kinds(&model, &standing).contains(&format!("message_wrong_{member}")), "{member}");
    }
    for (member, wrong) in [
        ("status", json!("DELIVERED")),
        ("readAt", json!(null)),
        ("deliveredAt", json!("2030-01-01T00:00:00.000Z")),
        ("history", json!([])),
    ] {
        let mut standing = right(&model);
        let read = |entity: &Entity| {
            entity.text("status") == "READ" && entity.names.iter().all(|name| name.starts_with("RCS"))
        };
        find(&mut standing, read).members.insert(member, wrong);
        assert_eq!(kinds(&model, &standing), [format!("message_wrong_{member}")], "{member}");
    }
}

#[test]
fn finds_what_nothing_explains_and_what_should_be_gone() {
    let model = model();
    let mut standing = right(&model);
    let entity = Entity { kind: Kind::Contact, id: "ctc_x".into(), names: vec![], members: BTreeMap::new() };
    standing.entities.push(entity);
    assert_eq!(kinds(&model, &standing), ["contact_unexplained"]);
    let mut standing = right(&model);
    let gone = model.of_kind(Kind::Group).find(|group| group.gone).unwrap();
    let names = gone.names.iter().cloned().collect();
    standing.entities.push(Entity { kind: Kind::Group, id: "grp_x".into(), names, members: BTreeMap::new() });
    assert_eq!(kinds(&model, &standing), ["group_not_gone"]);
}

#[test]
fn finds_split_and_shared_conversations_and_wrong_ones() {
    let model = model();
    let mut standing = right(&model);
    let mut seen = BTreeSet::new();
    let again = |entity: &&mut Entity| is_inbound(entity) && !seen.insert(entity.text("conversation").to_owned());
    let message = standing.entities.iter_mut().find(again).unwrap();
    message.members.insert("conversation", json!("conv_other"));
    assert!(kinds(&model, &standing).contains(&"conversation_split".to_owned()));

    let mut standing = right(&model);
    let other = standing.entities.iter().rfind(|entity| is_inbound(entity)).unwrap().text("conversation").to_owned();
    find(&mut standing, is_inbound).members.insert("conversation", json!(other));
    assert!(kinds(&model, &standing).contains(&"conversation_shared".to_owned()));

    for (member, wrong, kind) in [
        ("status", json!("SNOOZED"), "conversation_wrong_status"),
        ("unread", json!(99), "conversation_wrong_unread"),
        ("lastMessageAt", json!(null), "conversation_wrong_last_message"),
    ] {
        let mut standing = right(&model);
        find(&mut standing, |one| one.kind == Kind::Conversation && one.text("status") == "IN_QUEUE")
            .members
            .insert(member, wrong);
        assert_eq!(kinds(&model, &standing), [kind]);
    }
}

/// The kinds of differences once `change` was made to the first entity that `is` one.
fn spoilt(model: &Model, is: impl Fn(&Entity) -> bool, change: impl Fn(&mut Entity)) -> Vec<String> {
    let mut standing = right(model);
    change(find(&mut standing, is));
    kinds(model, &standing)
}

fn set(member: &'static str, value: Value) -> impl Fn(&mut Entity) {
    move |entity| drop(entity.members.insert(member, value.clone()))
}

#[test]
fn a_finds_that_a_placeholder_took_a_message_or_hid_an_event() {
    let model = model();
    let mut standing = right(&model);
    let is_nameless = |one: &Entity| one.kind == Kind::Message && one.names[0].starts_with("text/") && is_inbound(one);
    let place = standing.entities.iter().position(is_nameless).unwrap();
    standing.entities.remove(place);
    assert!(kinds(&model, &standing).contains(&"message_missing".to_owned()));

    let mut standing = right(&model);
    standing.stuck.pop();
    assert_eq!(kinds(&model, &standing), ["unrecognised_missing"]);
    let mut standing = right(&model);
    standing.stuck[0].is_unrecognised = false;
    assert_eq!(kinds(&model, &standing), ["stuck", "unrecognised_missing"]);
}

#[test]
fn a_b1_finds_that_two_people_became_one() {
    let model = model();
    for start in ["HIDDEN/", "PHONE/", "PROVIDER_USER/c-", "CUSTOMER/"] {
        let mut standing = right(&model);
        let is = |one: &Entity| one.kind == Kind::Contact && one.names.iter().any(|name| name.starts_with(start));
        let both: Vec<usize> = (0..standing.entities.len()).filter(|at| is(&standing.entities[*at])).take(2).collect();
        let other = standing.entities.remove(both[1]);
        standing.entities[both[0]].names.extend(other.names);
        assert!(kinds(&model, &standing).contains(&"contact_joined".to_owned()), "{start}");
    }
}

#[test]
fn b1_finds_a_refusal_of_another_address() {
    let model = model();
    for (member, wrong) in [("address", json!("EMAIL/desk@hotel.example.net")), ("contact", json!(["PHONE/1"]))] {
        let found = spoilt(&model, |one| one.kind == Kind::OptOut, set(member, wrong));
        assert_eq!(found, [format!("opt_out_wrong_{member}")]);
    }
}

#[test]
fn b5_finds_who_should_be_forgotten_and_who_should_be_somebody_again() {
    let model = model();
    let is_again = |one: &&Expected| one.forgotten.is_some() && !one.is_gone();
    let again = model.of_kind(Kind::Contact).find(is_again).unwrap();
    let mut standing = right(&model);
    let place = standing.entities.iter().position(|one| one.names.iter().any(|name| again.names.contains(name)));
    standing.entities.remove(place.unwrap());
    assert_eq!(kinds(&model, &standing), ["contact_missing"]);

    let gone = model.of_kind(Kind::Contact).find(|one| one.is_gone() && !one.names.is_empty()).unwrap();
    let mut standing = right(&model);
    let names = gone.names.iter().cloned().collect();
    standing.entities.push(Entity { kind: Kind::Contact, id: "ctc_x".into(), names, members: BTreeMap::new() });
    assert_eq!(kinds(&model, &standing), ["contact_not_gone"]);

    let is_nobodys = |one: &&Expected| one.members.get("contact").is_some_and(|one| one.1 == [Must::be_null()]);
    let nobodys = model.of_kind(Kind::Conversation).find(is_nobodys).unwrap();
    let is = |one: &Entity| one.kind == Kind::Conversation && nobodys.names.contains(&one.names[0]);
    assert_eq!(spoilt(&model, is, set("contact", json!(["PROVIDER_USER/c"]))), ["conversation_wrong_contact"]);
}

#[test]
fn b6_finds_that_a_name_did_not_grow_up() {
    let model = model();
    let is = |one: &Entity| one.kind == Kind::Contact && one.text("name").contains(' ');
    assert_eq!(spoilt(&model, is, set("name", json!("Guest 4711"))), ["contact_wrong_name"]);
}

#[test]
fn c1_c4_c8_finds_a_conversation_that_waits_unseen() {
    let model = model();
    let is_waiting = |one: &Entity| one.kind == Kind::Conversation && !one.text("waitingSince").is_empty();
    for (member, wrong, kind) in [
        ("status", json!("PENDING"), "conversation_wrong_status"),
        ("waitingSince", json!(null), "conversation_wrong_waiting_since"),
        ("waitingSince", json!("1971-01-01T00:00:00.000Z"), "conversation_wrong_waiting_since"),
        ("closedAt", json!("2026-11-20T10:00:00.000Z"), "conversation_wrong_closed_at"),
    ] {
        assert_eq!(spoilt(&model, is_waiting, set(member, wrong)), [kind]);
    }
    let is_closed = |one: &Entity| one.kind == Kind::Conversation && one.text("status") == "CLOSED";
    assert_eq!(spoilt(&model, is_closed, set("closedAt", json!(null))), ["conversation_wrong_closed_at"]);
}

#[test]
fn c3_finds_a_time_that_is_yet_to_come_or_was_none() {
    let model = model();
    let assumed = |one: &Entity| is_inbound(one) && one.members.get("occurredAtAssumed") == Some(&json!(true));
    for wrong in ["2190-01-01T00:00:00.000Z", "1969-01-01T00:00:00.000Z"] {
        let found = spoilt(&model, assumed, set("occurredAt", json!(wrong)));
        assert!(found.contains(&"message_wrong_occurredAt".to_owned()), "{found:?}");
    }
    assert_eq!(spoilt(&model, assumed, set("occurredAtAssumed", json!(false))), ["message_wrong_occurredAtAssumed"]);
}

#[test]
fn c6_finds_a_message_that_shows_nothing() {
    let model = model();
    let is = |one: &Entity| one.text("contentType") == "location";
    assert_eq!(spoilt(&model, is, set("content", json!(null))), ["message_wrong_content"]);
}

#[test]
fn c7_e5_e6_finds_a_report_that_is_told_in_part_or_too_much() {
    let model = model();
    let failed = |one: &Entity| one.kind == Kind::Message && one.text("status") == "FAILED";
    for member in ["failureCode", "failureText"] {
        let is = |one: &Entity| failed(one) && !one.text(member).is_empty();
        assert_eq!(spoilt(&model, is, set(member, json!(null))), [format!("message_wrong_{member}")]);
    }
    let is_detailed = |one: &Entity| {
        one.members.get("history").and_then(|all| all[0][2].as_str()).is_some_and(|told| told.contains("foreign_id"))
    };
    let found = spoilt(&model, is_detailed, |one| {
        let told = one.members.get_mut("history").and_then(|all| all.get_mut(0)).unwrap();
        told[2] = json!("");
    });
    assert_eq!(found, ["message_wrong_history"]);
    // A word `deleted` hides no message.
    let mut standing = right(&model);
    let is_deleted =
        |one: &Entity| one.members.get("history").is_some_and(|all| all.to_string().contains("\"deleted\""));
    let place = standing.entities.iter().position(is_deleted).unwrap();
    standing.entities.remove(place);
    assert!(kinds(&model, &standing).contains(&"message_missing".to_owned()));
}

#[test]
fn e1_e2_e3_finds_a_late_reading_a_second_file_and_a_group_without_its_conversation() {
    let model = model();
    let is_read =
        |one: &Entity| one.names.iter().any(|name| name.starts_with("WEBCHAT")) && !one.text("readAt").is_empty();
    assert_eq!(spoilt(&model, is_read, set("readAt", json!("2026-11-20T10:00:00.000Z"))), ["message_wrong_readAt"]);
    let mut standing = right(&model);
    let file = standing.entities.iter().find(|one| one.kind == Kind::File).unwrap().clone();
    standing.entities.push(Entity { id: "id_copy".into(), ..file });
    assert_eq!(kinds(&model, &standing), ["file_repeated"]);
    let is_shared = |one: &Entity| one.kind == Kind::Conversation && !one.text("group").is_empty();
    assert_eq!(spoilt(&model, is_shared, set("group", json!(null))), ["conversation_wrong_group"]);
    for member in ["description", "archivedAt"] {
        let is = |one: &Entity| one.kind == Kind::Group && !one.text(member).is_empty();
        assert_eq!(spoilt(&model, is, set(member, json!("other"))), [format!("group_wrong_{member}")]);
    }
}

#[test]
fn finds_missing_and_doubled_events_and_webhooks() {
    let model = model();
    let mut standing = right(&model);
    let gone = standing.log.pop().unwrap();
    assert_eq!(kinds(&model, &standing), ["event_missing"], "{gone:?}");
    let copy = Entry { id: "evt_copy".into(), ..gone.clone() };
    standing.log.extend([gone, copy]);
    assert_eq!(kinds(&model, &standing), ["event_repeated", "webhook_missing"]);
    standing.log.pop();
    let created = standing.log.remove(0);
    assert_eq!(created.kind, "message.created");
    assert_eq!(kinds(&model, &standing), ["message_created_missing"]);
    let copy = Entry { id: "evt_other".into(), subject: Some("id_other".into()), ..created.clone() };
    standing.log.extend([created.clone(), created.clone(), copy]);
    assert_eq!(kinds(&model, &standing), ["log_entry_repeated", "message_created_repeated", "webhook_missing"]);
    standing.log.truncate(standing.log.len() - 2);
    standing.log.push(Entry { id: "evt_third".into(), names: vec![], ..created });
    assert_eq!(kinds(&model, &standing), ["created_twice", "webhook_missing"]);
}

#[test]
fn what_is_told_to_live_subscribers_only_needs_no_webhook() {
    let mut standing = Standing { delivered: Some(HashMap::new()), ..Standing::default() };
    for kind in ["conversation.read", "settings.changed", "conversation.updated"] {
        standing.log.push(Entry { id: format!("evt_{kind}"), kind: kind.into(), ..Entry::default() });
    }
    assert_eq!(kinds(&Model::default(), &standing), ["webhook_missing"]);
    standing.log.pop();
    assert_eq!(kinds(&Model::default(), &standing), Vec::<String>::new());
}

#[test]
fn a_token_is_found_wherever_it_stands() {
    let token = Token::new(RUN, 10);
    assert_eq!(Token::all_in(RUN, &json!([{ "a": format!("x{}y", token.as_str()) }])), BTreeSet::from([token]));
}
