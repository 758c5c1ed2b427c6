//! Delivery reports: `smsDeliveryReport` and `whatsappDeliveryReport` (OR-9, OR-10).

use chrono::SecondsFormat;
use chrono_tz::Tz;
use inlet_domain::{
    command::{Command, Effect, StatusReport, StatusTimes},
    model::{channel::Medium, status::DeliveryStatus},
};
use serde_json::{Value, json};

use super::{Misfit, Reading, numbering, put, time};
use crate::{
    address::{self, Address},
    channel, digest, failure,
    fields::{self, Members, Object},
    provider::Request,
    times,
    vocabulary::{self, Meaning},
};

/// The longest name of a part.
const LONGEST_PART: usize = 20;

/// Reads the body of a report. `conversation` is the sent message.
pub(super) fn read(request: &Request<'_>, body: &Object, event: &str, medium: Medium) -> Reading {
    let sent = body.object("conversation").ok_or(Misfit("there is no `conversation` in it"))?;
    row(request, sent, event, medium)
}

/// Reads one sent message of a report or of a row of a campaign report. Both have the same keys (OR-12).
pub(super) fn row(request: &Request<'_>, sent: &Object, event: &str, medium: Medium) -> Reading {
    let (id, external_id) = (sent.id("id"), sent.id("externalId"));
    let ids: Vec<String> = id.iter().chain(&external_id).cloned().collect();
    if ids.is_empty() {
        return Err(Misfit("neither `id` nor `externalId` identifies a message"));
    }
    let raw_status = sent.text("status").ok_or(Misfit("it tells no status"))?;
    let meaning = Meaning::of(&raw_status);
    let delivered_time = times::surest(sent, &["delivered_time", "delivered_at", "deliveredAt"], Tz::UTC);

    let mut times = StatusTimes::default();
    let reported_at = match meaning.step() {
        Some(DeliveryStatus::Delivered) => {
            times.delivered_at = delivered_time;
            delivered_time
        }
        // The report carries the time of the delivery, and none of the reading.
        Some(DeliveryStatus::Read) => {
            times.delivered_at = delivered_time;
            None
        }
        Some(DeliveryStatus::Failed) => {
            times.failed_at = delivered_time;
            delivered_time
        }
        Some(DeliveryStatus::Queued | DeliveryStatus::Sent) | None => None,
    };
    let mut details = Object::new();
    for name in vocabulary::DETAILS {
        put(&mut details, name, sent.get(name));
    }
    for (name, value) in failure::details(sent) {
        put(&mut details, name, Some(value));
    }
    if let Some(sent_time) = time(sent, "sent_time") {
        details.insert("sent_time".to_owned(), Value::from(sent_time.to_rfc3339_opts(SecondsFormat::Millis, true)));
    }
    let failure = failure::of_report(sent);
    if let Some(created_at) = time(sent, "createdAt") {
        details.insert("submit_time".to_owned(), Value::from(created_at.to_rfc3339_opts(SecondsFormat::Millis, true)));
    }
    let numbering = numbering(request);
    // The key holds all names of the message. A report with fewer or more names is no repeat, because it may join two
    // names.
    let part = sent.known("part").filter(|part| part.len() <= LONGEST_PART).unwrap_or_default();
    let key_of = |ids: &[String], status: Option<&str>| match part.as_str() {
        "" => digest::of_value(&json!([ids, status, sent.get("delivered_time")])),
        part => digest::of_value(&json!([ids, status, sent.get("delivered_time"), part])),
    };
    let key = fields::versioned(event, key_of(&ids, Some(&raw_status)), |rules| {
        let ids: Vec<String> = ["id", "externalId"].into_iter().filter_map(|name| rules.id_of(sent, name)).collect();
        Some(key_of(&ids, rules.text_of(sent, "status").as_deref()))
    });
    let report = StatusReport {
        external_id: external_id.or(id),
        ids,
        part,
        status: meaning.step(),
        code: failure.code.filter(|_| meaning.may_fail()),
        reason: failure.reason,
        reported_at,
        times,
        channel: match sent.address("from").filter(|from| !address::hides(from)) {
            Some(from) => channel::at(medium, &from, numbering),
            None => channel::own(request.source, medium),
        },
        person: sent.address("to").and_then(|to| address::on(medium, &to, numbering)).map(Address::person),
        campaign_id: sent.id("campaign_id"),
        details,
        raw_status,
    };
    Ok(Command { key, effect: Effect::Status(Box::new(report)) })
}
