use chrono::DateTime;
use serde_json::json;

use super::*;
use crate::{check::Contact, claim::Claim, graphql::LogEvent, provider::crowd::Crowd};

const RUN: &str = "t";

fn model() -> Model {
    let mut model = Model::default();
    for event in Crowd::new(3, RUN, DateTime::UNIX_EPOCH).take(400) {
        model.acknowledge(&event.claims);
    }
    model
}

/// What a server without a fault would show.
fn right(model: &Model) -> Standing {
    let mut standing = Standing::default();
    let mut log = |kind: &str, payload| {
        let id = format!("evt_{}", standing.log.len());
        standing.delivered.insert(id.clone(), 1);
        standing.log.push(Entry::read(RUN, LogEvent { id, kind: kind.into(), payload }));
    };
    for (place, expected) in model.messages().iter().enumerate() {
        let external = expected.ids.last().cloned();
        let text = expected.text.as_ref().map(|(_, text)| text.clone());
        if text.is_some() {
            log("message.created", json!({ "external_id": external, "content": text }));
        }
        standing.messages.push(Message {
            id: format!("msg_{place}"),
            external_id: external,
            text,
            inbound: expected.inbound,
            status: expected.rung().map(|rung| rung.word().to_owned()),
            conversation: expected.thread.clone().unwrap_or_else(|| "closed".into()),
        });
    }
    for (kind, token) in model.logged() {
        log(kind, json!({ "deep": [{ "url": format!("https://x/{}.mp3", token.as_str()) }] }));
    }
    for (place, address) in model.contacts().iter().enumerate() {
        let addresses = [address.clone()].into();
        standing.contacts.push(Contact { id: format!("ctc_{place}"), addresses });
    }
    standing
}

fn kinds(model: &Model, standing: &Standing) -> Vec<&'static str> {
    compare(RUN, model, standing).into_iter().map(|difference| difference.kind).collect()
}

fn inbound(standing: &Standing) -> usize {
    standing.messages.iter().position(|message| message.inbound).unwrap()
}

#[test]
fn finds_nothing_where_nothing_is_wrong() {
    let model = model();
    assert!(model.messages().len() > 200 && model.contacts().len() > 20 && model.logged().len() > 5);
    assert_eq!(compare(RUN, &model, &right(&model)), vec![]);
}

#[test]
fn finds_a_missing_message() {
    let model = model();
    let mut standing = right(&model);
    standing.messages.remove(inbound(&standing));
    assert_eq!(kinds(&model, &standing), ["message_missing"]);
}

#[test]
fn finds_a_doubled_message() {
    let model = model();
    let mut standing = right(&model);
    let mut copy = standing.messages[inbound(&standing)].clone();
    copy.id = "msg_copy".into();
    standing.messages.push(copy);
    assert_eq!(kinds(&model, &standing), ["message_repeated"]);
}

#[test]
fn finds_a_wrong_status_text_and_direction() {
    let model = model();
    let mut standing = right(&model);
    let read = standing.messages.iter_mut().find(|message| message.status.as_deref() == Some("READ")).unwrap();
    read.status = Some("DELIVERED".into());
    let known = |message: &&mut Message| message.inbound && message.external_id.is_some();
    let mut known = standing.messages.iter_mut().filter(known);
    known.next().unwrap().inbound = false;
    known.next().unwrap().text = None;
    assert_eq!(kinds(&model, &standing), ["wrong_direction", "wrong_status", "wrong_text"]);
}

#[test]
fn finds_a_message_that_nothing_explains() {
    let model = model();
    let mut standing = right(&model);
    let text = Some(format!("sim{RUN}xffffffff"));
    standing.messages.push(Message { text, ..Message::default() });
    assert_eq!(kinds(&model, &standing), ["message_unexplained"]);
}

#[test]
fn finds_a_split_conversation() {
    let model = model();
    let mut standing = right(&model);
    let mut seen = BTreeSet::new();
    let again =
        standing.messages.iter().position(|message| message.inbound && !seen.insert(message.conversation.clone()));
    standing.messages[again.unwrap()].conversation = "conv_other".into();
    assert_eq!(kinds(&model, &standing), ["conversation_split"]);
}

#[test]
fn finds_a_missing_and_a_doubled_contact() {
    let model = model();
    let mut standing = right(&model);
    standing.contacts.pop();
    let copy = standing.contacts[0].clone();
    standing.contacts.push(copy);
    assert_eq!(kinds(&model, &standing), ["contact_missing", "contact_repeated"]);
}

#[test]
fn finds_missing_and_doubled_events_and_webhooks() {
    let model = model();
    let mut standing = right(&model);
    let gone = standing.log.pop().unwrap();
    assert_eq!(kinds(&model, &standing), ["event_missing"], "{gone:?}");
    let mut copy = gone.clone();
    copy.id = "evt_copy".into();
    standing.log.extend([gone, copy]);
    assert_eq!(kinds(&model, &standing), ["event_repeated", "webhook_missing"]);
    let created = standing.log.remove(0);
    assert_eq!(created.kind, "message.created");
    assert_eq!(kinds(&model, &standing), ["event_repeated", "message_created_missing", "webhook_missing"]);
    let mut copy = created.clone();
    copy.id = "evt_other".into();
    standing.log.extend([created.clone(), created, copy]);
    assert_eq!(
        kinds(&model, &standing),
        ["event_repeated", "log_entry_repeated", "message_created_repeated", "webhook_missing", "webhook_missing"]
    );
}

#[test]
fn what_is_told_to_live_subscribers_only_needs_no_webhook() {
    let model = Model::default();
    let mut standing = Standing::default();
    standing.log.push(Entry { id: "evt_1".into(), kind: "conversation.read".into(), ..Entry::default() });
    assert_eq!(compare(RUN, &model, &standing), vec![]);
    let claim = Claim::Contact("x".into());
    let mut model = model;
    model.acknowledge(&[claim]);
    assert_eq!(kinds(&model, &standing), ["contact_missing"]);
}
