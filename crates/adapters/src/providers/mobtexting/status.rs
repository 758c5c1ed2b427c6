//! Delivery reports: `sms:message:status` (MT-3) and `whatsapp|rcs|viber:message:status` (MT-5).

use chrono::{DateTime, Utc};
use inlet_domain::{
    command::{ChannelRef, Command, Effect, PersonReport, StatusReport, StatusTimes},
    model::{channel::Medium, status::DeliveryStatus},
};
use serde_json::{Value, json};

use super::{Misfit, Reading, numbering, put, put_time, time, zone};
use crate::{
    address::{self, Address},
    channel, digest, failure,
    fields::{self, Members, Object},
    provider::Request,
    text::bounded_id,
    times,
    vocabulary::{self, Meaning},
};

/// Reads a report on a message other than an SMS.
pub(super) fn read(request: &Request<'_>, payload: &Object, event: &str, medium: Medium) -> Reading {
    let external_id = payload.id("id").ok_or(Misfit("`id` names no message"))?;
    let raw_status = payload.text("status").ok_or(Misfit("it tells no status"))?;
    let meaning = Meaning::of(&raw_status);
    let at = time(request, payload, "timestamp");
    let processed_at = time(request, payload, "processed_at");
    // `timestamp` is the time of the report's own step.
    let of_step = |step, names: &[&str]| {
        let own: &[&str] = if meaning.step() == Some(step) { &["timestamp"] } else { &[] };
        times::surest(payload, &[names, own].concat(), zone(request))
    };
    let named = |step, names: &[&str]| {
        let told = names.iter().any(|name| time(request, payload, name).is_some());
        if told { of_step(step, names) } else { None }
    };
    let told = StatusTimes {
        sent_at: named(DeliveryStatus::Sent, &["processed_at", "sent_at"]),
        delivered_at: named(DeliveryStatus::Delivered, &["delivered_at"]),
        read_at: named(DeliveryStatus::Read, &["read_at"]),
        failed_at: of_step(DeliveryStatus::Failed, &["failed_at"]),
    };
    let failure = failure::of_report(payload);
    let mut details = details(payload);
    put_time(&mut details, "processed_at", processed_at);
    let times = ["delivered_at", "read_at", "processed_at", "timestamp"].map(|name| payload.get(name));
    let part = own_part(payload);
    let key_of = |id, status| match part.as_str() {
        "" => digest::of_value(&json!([id, status, times,])),
        part => digest::of_value(&json!([id, status, times, part])),
    };
    let key = fields::versioned(event, key_of(Some(external_id.clone()), Some(raw_status.clone())), |rules| {
        Some(key_of(rules.id_of(payload, "id"), rules.text_of(payload, "status")))
    });
    let channel = match payload.address("from") {
        Some(from) => channel::at(medium, &from, numbering(request)),
        None => channel::own(request.source, medium),
    };
    let report = StatusReport {
        // MT-15: ids are unique only within their channel.
        ids: vec![bounded_id(format!("{medium}:{external_id}"))],
        external_id: Some(external_id),
        part,
        code: failure.code.filter(|_| meaning.may_fail()),
        reason: failure.reason,
        person: person(request, payload, "to", medium),
        details,
        reported_at: own_time(meaning, &told).or(at),
        ..report(meaning, raw_status, told, channel)
    };
    Ok(Command { key, effect: Effect::Status(Box::new(report)) })
}

/// Reads a report on an SMS or on a part of one: the id is `uuid:part`. The report does not name our channel.
pub(super) fn read_sms(request: &Request<'_>, payload: &Object, event: &str) -> Reading {
    let whole_id = payload.text("id").ok_or(Misfit("`id` names no message"))?;
    let raw_status = payload.text("status").ok_or(Misfit("it tells no status"))?;
    let (external_id, part) = match whole_id.rsplit_once(':') {
        Some((id, part)) if !id.is_empty() && is_part(part) => (id, part.to_owned()),
        _ => (whole_id.as_str(), own_part(payload)),
    };
    let external_id = fields::id(&Value::from(external_id)).ok_or(Misfit("`id` names no message"))?;
    let meaning = Meaning::of(&raw_status);
    let ended_at = times::surest(payload, &["deliv_time", "delivered_at", "timestamp"], zone(request));
    let submitted_at = time(request, payload, "submit_time");
    let sent_at = time(request, payload, "sent_time");
    let is = |step| meaning.step() == Some(step);
    let told = StatusTimes {
        sent_at: times::surest(payload, &["submit_time", "sent_time"], zone(request)),
        delivered_at: ended_at.filter(|_| is(DeliveryStatus::Delivered)),
        read_at: None,
        failed_at: ended_at.filter(|_| is(DeliveryStatus::Failed)),
    };
    let failure = failure::of_report(payload);
    let mut details = details(payload);
    put_time(&mut details, "submit_time", submitted_at);
    put_time(&mut details, "sent_time", sent_at);
    let times = ["deliv_time", "sent_time", "submit_time"].map(|name| payload.get(name));
    let is_whole = external_id == whole_id && !part.is_empty();
    let key_of = |id, status| {
        if is_whole {
            digest::of_value(&json!([id, status, times, part]))
        } else {
            digest::of_value(&json!([id, status, times,]))
        }
    };
    let key = fields::versioned(event, key_of(Some(whole_id.clone()), Some(raw_status.clone())), |rules| {
        Some(key_of(rules.text_of(payload, "id"), rules.text_of(payload, "status")))
    });
    let report = StatusReport {
        ids: vec![bounded_id(format!("sms:{external_id}"))],
        external_id: Some(external_id),
        part,
        code: failure
            .code
            .filter(|_| meaning.may_fail())
            .or_else(|| is(DeliveryStatus::Failed).then(|| raw_status.clone())),
        reason: failure.reason,
        person: person(request, payload, "mobile", Medium::Sms),
        details,
        reported_at: own_time(meaning, &told),
        ..report(meaning, raw_status, told, channel::own(request.source, Medium::Sms))
    };
    Ok(Command { key, effect: Effect::Status(Box::new(report)) })
}

/// The common members of all reports. An unknown word changes nothing, so its times are ignored (MT-11).
fn report(meaning: Meaning, raw_status: String, told: StatusTimes, channel: ChannelRef) -> StatusReport {
    StatusReport {
        ids: Vec::new(),
        external_id: None,
        part: String::new(),
        status: meaning.step(),
        raw_status,
        code: None,
        reason: None,
        reported_at: None,
        times: if meaning == Meaning::Unknown { StatusTimes::default() } else { told },
        channel,
        person: None,
        campaign_id: None,
        details: Object::new(),
    }
}

/// The time of the report's own step.
fn own_time(meaning: Meaning, told: &StatusTimes) -> Option<DateTime<Utc>> {
    match meaning.step()? {
        DeliveryStatus::Queued => None,
        DeliveryStatus::Sent => told.sent_at,
        DeliveryStatus::Failed => told.failed_at,
        DeliveryStatus::Delivered => told.delivered_at,
        DeliveryStatus::Read => told.read_at,
    }
}

/// The receiver, unless it is hidden.
fn person(request: &Request<'_>, payload: &Object, member: &str, medium: Medium) -> Option<PersonReport> {
    address::on(medium, &payload.address(member)?, numbering(request)).map(Address::person)
}

/// Further members of a report that Inlet keeps for every provider, and further data of a failure.
fn details(payload: &Object) -> Object {
    let mut details = Object::new();
    for name in vocabulary::DETAILS {
        put(&mut details, name, payload.get(name));
    }
    for (name, value) in failure::details(payload) {
        put(&mut details, name, Some(value));
    }
    details
}

/// The part in a member of its own; empty without one.
fn own_part(payload: &Object) -> String {
    payload.known("part").filter(|part| is_part(part)).unwrap_or_default()
}

fn is_part(text: &str) -> bool {
    !text.is_empty() && text.len() <= 6 && text.bytes().all(|b| b.is_ascii_digit())
}
