//! `voice:message:out`: a call ended (MT-9).

use chrono::{DateTime, Utc};
use inlet_domain::{
    command::{Command, Effect, IdempotencyKey, MessageReport, Patch, PersonReport, ThreadReport},
    model::{
        channel::Medium,
        message::{Direction, MessageKind},
        source::CallLeg,
    },
};
use serde_json::{Value, json};

use super::{Misfit, Reading, numbering, put, put_time, time};
use crate::{
    address, channel, digest,
    fields::{self, Members, Object, Rules},
    provider::Request,
};

pub(super) fn read(request: &Request<'_>, payload: &Object, event: &str) -> Reading {
    let customer = match request.source.call_customer_leg {
        CallLeg::To => payload.address("to").ok_or(Misfit("`to` does not name the called person"))?,
        CallLeg::From => payload.address("from").ok_or(Misfit("`from` does not name the caller"))?,
    };
    let status = payload.known("status");
    let past = |time: DateTime<Utc>| time.min(request.received_at);
    let started_at = time(request, payload, "start_at").map(past);
    let numbering = numbering(request);
    // `mid` is a campaign's id, so only all four values together identify a call (MT-11). Without a start, the digest
    // of the whole payload does.
    let key_of = |rules: Rules| {
        let members = ["mid", "from", "to", "start_at"].map(|name| rules.text_of(payload, name));
        digest::of_value(&json!(members))
    };
    let key = if payload.get("start_at").is_none_or(|start| fields::id(start).is_none()) {
        IdempotencyKey::new(event, digest::of_value(&Value::Object(payload.clone())))
    } else {
        fields::versioned(event, key_of(Rules::Current), |rules| Some(key_of(rules)))
    };
    let to_us =
        status.as_deref().is_some_and(|word| ["RECEIVED", "MISSED"].iter().any(|ours| word.eq_ignore_ascii_case(ours)));

    let mut details = Object::new();
    for name in ["bridge", "from", "to"] {
        if let Some(number) = payload.known(name) {
            let number = address::shown(&number, numbering).unwrap_or(number);
            details.insert(name.to_owned(), Value::from(number));
        }
    }
    for name in ["status", "source", "mid", "flow_id", "recording_url"] {
        put(&mut details, name, payload.get(name));
    }
    put_time(&mut details, "started_at", started_at);
    put_time(&mut details, "ended_at", time(request, payload, "end_at").map(past));
    if let Some(seconds) = payload.text("duration").and_then(|text| text.parse::<f64>().ok()).filter(|s| s.is_finite())
    {
        details.insert("duration_seconds".to_owned(), Value::from(seconds.round() as i64));
    }
    let report = MessageReport {
        // The provider gives calls no id. This one lets a replay find the call.
        ids: vec![format!("voice:{}", key.id)],
        external_id: None,
        version: None,
        channel: match payload.address("bridge") {
            Some(bridge) => channel::at(Medium::Voice, &bridge, numbering),
            None => channel::own(request.source, Medium::Voice),
        },
        person: Some(match address::on(Medium::Voice, &customer, numbering) {
            Some(address) => address.person(),
            None => PersonReport { identities: vec![address::hidden(&key)], ..PersonReport::default() },
        }),
        thread: ThreadReport::default(),
        direction: if to_us { Direction::Inbound } else { Direction::Outbound },
        kind: MessageKind::Call,
        author_name: None,
        content_type: Patch::Value("call".to_owned()),
        content: Patch::Absent,
        details,
        attachments: None,
        reactions: Patch::Absent,
        quoted_id: None,
        occurred_at: started_at,
        read_at: Patch::Absent,
    };
    Ok(Command { key, effect: Effect::Message(Box::new(report)) })
}
