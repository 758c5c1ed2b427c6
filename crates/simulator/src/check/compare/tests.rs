mod rules;

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

/// A value that satisfies `must`.
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

/// The state of a server without a fault.
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

/// The kinds of differences after `change` was made to the first entity that `is` selects.
fn spoilt(model: &Model, is: impl Fn(&Entity) -> bool, change: impl Fn(&mut Entity)) -> Vec<String> {
    let mut standing = right(model);
    change(find(&mut standing, is));
    kinds(model, &standing)
}

fn set(member: &'static str, value: Value) -> impl Fn(&mut Entity) {
    move |entity| drop(entity.members.insert(member, value.clone()))
}

#[test]
fn a_token_is_found_wherever_it_stands() {
    let token = Token::new(RUN, 10);
    assert_eq!(Token::all_in(RUN, &json!([{ "a": format!("x{}y", token.as_str()) }])), BTreeSet::from([token]));
}
