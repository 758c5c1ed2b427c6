//! `voice:message:out`: a call ended (MT-9).

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
    address, channel,
    fields::{Members, Object},
    key,
    provider::Request,
};

pub(super) fn read(request: &Request<'_>, payload: &Object, event: &str) -> Reading {
    let customer = match request.source.call_customer_leg {
        CallLeg::To => payload.known("to").ok_or(Misfit("it does not tell who was called"))?,
        CallLeg::From => payload.known("from").ok_or(Misfit("it does not tell who called"))?,
    };
    let status = payload.known("status");
    let started_at = time(request, payload, "start_at");
    let numbering = numbering(request);
    // `mid` is a campaign's id, so it takes all four to name one call (MT-11).
    let key =
        key::digest(&json!([payload.text("mid"), payload.text("from"), payload.text("to"), payload.text("start_at")]));
    let to_us =
        status.as_deref().is_some_and(|word| ["RECEIVED", "MISSED"].iter().any(|ours| word.eq_ignore_ascii_case(ours)));

    let mut details = Object::new();
    for name in ["bridge", "from", "to"] {
        if let Some(number) = payload.known(name) {
            let number = address::e164(&number, numbering).unwrap_or(number);
            details.insert(name.to_owned(), Value::from(number));
        }
    }
    for name in ["status", "source", "mid", "flow_id", "recording_url"] {
        put(&mut details, name, payload.get(name));
    }
    put_time(&mut details, "started_at", started_at);
    put_time(&mut details, "ended_at", time(request, payload, "end_at"));
    if let Some(seconds) = payload.text("duration").and_then(|text| text.parse::<f64>().ok()).filter(|s| s.is_finite())
    {
        details.insert("duration_seconds".to_owned(), Value::from(seconds.round() as i64));
    }
    let report = MessageReport {
        // No id is the provider's own; this one lets a replay find the call again.
        ids: vec![format!("voice:{key}")],
        external_id: None,
        version: None,
        channel: match payload.known("bridge") {
            Some(bridge) => channel::at(Medium::Voice, &bridge, numbering),
            None => channel::own(request.source, Medium::Voice),
        },
        person: Some(PersonReport {
            identities: vec![address::any(&customer, numbering)],
            phone: address::e164(&customer, numbering),
            ..PersonReport::default()
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
    Ok(Command { key: IdempotencyKey::new(event, key), effect: Effect::Message(Box::new(report)) })
}
