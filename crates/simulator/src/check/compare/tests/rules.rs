//! Tests the comparison of people, conversations and messages.

use super::*;

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
    // The status word `deleted` hides no message.
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
