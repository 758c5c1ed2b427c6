//! `*:unsubscription`: a person refuses messages (MT-4).

use inlet_domain::{
    command::{Command, Effect, OptOutReport},
    model::{channel::Medium, opt_out::OptOutScope},
};
use serde_json::json;

use super::{Misfit, Reading, numbering, time};
use crate::{
    address, digest,
    fields::{self, Members, Object},
    provider::Request,
    text::bounded_id,
};

pub(super) fn read(request: &Request<'_>, payload: &Object, event: &str, medium: Medium) -> Reading {
    let receiver = payload.address("receiver").ok_or(Misfit("`receiver` names no person"))?;
    let address = address::on(medium, &receiver, numbering(request))
        .ok_or(Misfit("`receiver` is hidden, so the opt-out belongs to no one"))?;
    let scope: OptOutScope = payload
        .text("type")
        .and_then(|word| word.to_ascii_lowercase().parse().ok())
        .ok_or(Misfit("`type` is not a known scope: expected all, category, sender, tag, service or product"))?;
    // `status` is a sentence. If it speaks of an end, the event is not an opt-out; the documents name no other values.
    let sentence = payload.text("status").unwrap_or_default().to_ascii_lowercase();
    if ["deleted", "removed", "withdrawn"].iter().any(|word| sentence.contains(word)) {
        return Err(Misfit("`status` reports the end of an opt-out, which the documents do not describe"));
    }
    // The value is part of an index entry.
    let value = payload.known("value").map_or_else(|| "*".to_owned(), bounded_id);
    let external_id = payload.id("id");
    let key_of = |id, receiver, value| {
        digest::of_value(&json!([id, receiver, scope.as_str(), value, payload.get("created_at")]))
    };
    let key = fields::versioned(event, key_of(external_id.clone(), Some(receiver), Some(value.clone())), |rules| {
        let value = rules.text_of(payload, "value").map_or_else(|| "*".to_owned(), bounded_id);
        Some(key_of(rules.id_of(payload, "id"), rules.text_of(payload, "receiver"), Some(value)))
    });
    let report = OptOutReport {
        external_id,
        person: address.person(),
        medium,
        scope,
        value,
        occurred_at: time(request, payload, "created_at"),
    };
    Ok(Command { key, effect: Effect::OptOut(Box::new(report)) })
}
