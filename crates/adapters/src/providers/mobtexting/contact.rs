//! `contacts:subscriber:subscription`: a contact was created or changed (MT-10).

use chrono::{DateTime, Utc};
use inlet_domain::command::{Change, Command, ContactReport, Effect, IdentityRef, Patch, Version};
use serde_json::{Value, json};

use super::{Misfit, Reading, full_name, message::provider_user, numbering, time};
use crate::{
    address, digest,
    fields::{self, Members, Object},
    provider::Request,
};

pub(super) fn read(request: &Request<'_>, payload: &Object, event: &str) -> Reading {
    let id = payload.id("id");
    let address = payload.address("identity").and_then(|identity| address::anywhere(&identity, numbering(request)));
    if id.is_none() && address.is_none() {
        return Err(Misfit("neither `id` nor `identity` identifies a person"));
    }
    let sentence = payload.text("status").unwrap_or_default();
    if ["deleted", "removed"].iter().any(|word| sentence.to_ascii_lowercase().contains(word)) {
        return Err(Misfit("`status` reports a deleted subscriber, which the documents do not describe"));
    }
    // Only the sentence tells the kind of change. In every case the payload is the contact's current state.
    let change = if sentence.to_ascii_lowercase().contains("created") { Change::Created } else { Change::Updated };
    let (phone, email) =
        address.as_ref().map(|address| (address.phone.clone(), address.email.clone())).unwrap_or_default();
    // The address identifies the contact.
    let identity = address.map(|address| IdentityRef { leads: true, ..address.identity });
    let report = ContactReport {
        version: Version::new(change, told_version(request, payload, change), request.received_at),
        identities: id.as_deref().map(|id| provider_user("subscriber", id)).into_iter().chain(identity).collect(),
        name: Patch::known(full_name(payload)),
        phone: Patch::known(phone),
        email: Patch::known(email),
        username: Patch::Absent,
        avatar_url: Patch::Absent,
        last_active_at: Patch::Absent,
        attributes: attributes(payload),
    };
    let key_of = |id| digest::of_value(&json!([id, payload.get("identity"), payload.get("updated_at"), sentence]));
    let key = fields::versioned(event, key_of(id), |rules| Some(key_of(rules.id_of(payload, "id"))));
    Ok(Command { key, effect: Effect::Contact(Box::new(report)) })
}

/// The time of the version: a new contact may have no update time.
fn told_version(request: &Request<'_>, payload: &Object, change: Change) -> Option<DateTime<Utc>> {
    let created_at = || time(request, payload, "created_at").filter(|_| change == Change::Created);
    time(request, payload, "updated_at").or_else(created_at)
}

fn attributes(payload: &Object) -> Object {
    let mut attributes = Object::new();
    for name in ["gender", "birth_date", "company"] {
        if let Some(value) = payload.get(name) {
            attributes.insert(name.to_owned(), value.clone());
        }
    }
    match payload.get("attributes") {
        Some(Value::Object(more)) => attributes.extend(more.clone()),
        Some(Value::Null) | None => {}
        Some(Value::Array(items)) if items.is_empty() => {}
        Some(other) => {
            attributes.insert("attributes".to_owned(), other.clone());
        }
    }
    attributes
}
