//! `contact.*` (OB-2), and the contact of a message or conversation.

use inlet_domain::command::{ContactReport, IdentityKind, IdentityRef, Patch, PersonReport};
use serde_json::Value;

use super::{Report, others, read_time, text, time};
use crate::{
    address::{self, Numbering},
    fields::{self, Members, Object},
};

const PLACED: [&str; 8] =
    ["id", "name", "username", "phone_number", "email", "avatar_url", "last_active_at", "updated_at"];

pub(super) fn read(report: &Report<'_>) -> ContactReport {
    let contact = report.payload;
    let username = text(contact, "username");
    ContactReport {
        version: report.version(),
        identities: identities(contact, report.numbering()),
        name: if contact.contains_key("name") {
            text(contact, "name")
        } else {
            Patch::known(username.value().cloned())
        },
        phone: contact.patch("phone_number", |value| phone(value, report.numbering())),
        email: text(contact, "email"),
        username,
        avatar_url: text(contact, "avatar_url"),
        last_active_at: contact.patch("last_active_at", read_time),
        attributes: others(contact, &PLACED),
    }
}

/// The contact of a message; `None` if nothing identifies it.
pub(super) fn person(contact: &Object, numbering: Numbering) -> Option<PersonReport> {
    let identities = identities(contact, numbering);
    let username = contact.known("username");
    (!identities.is_empty()).then(|| PersonReport {
        identities,
        name: contact.known("name").or_else(|| username.clone()),
        phone: contact.get("phone_number").and_then(|value| phone(value, numbering)),
        email: contact.known("email"),
        username,
        avatar_url: contact.known("avatar_url"),
        last_active_at: time(contact, "last_active_at"),
        attributes: others(contact, &PLACED),
    })
}

/// A shown number: in E.164 if possible, else as written.
fn phone(value: &Value, numbering: Numbering) -> Option<String> {
    let written = fields::name(value).filter(|written| !address::hides(written))?;
    Some(address::shown(&written, numbering).unwrap_or(written))
}

/// The provider's id is the address, and its username another id. Phone and email of the profile are shown and join no
/// contacts, unless the payload has no other identity.
fn identities(contact: &Object, numbering: Numbering) -> Vec<IdentityRef> {
    let of_provider = |name, kind| address::provider_name(kind, &contact.id(name)?);
    let named: Vec<_> =
        [of_provider("id", IdentityKind::ProviderUser), of_provider("username", IdentityKind::Username)]
            .into_iter()
            .flatten()
            .collect();
    if !named.is_empty() {
        return named;
    }
    let phone = contact.address("phone_number").and_then(|phone| address::phone(&phone, numbering));
    let email = || contact.address("email").and_then(|email| address::email(&email));
    phone.map(|phone| phone.identity).or_else(email).into_iter().collect()
}

/// The contact's id in a payload.
pub(super) fn id(payload: &Object) -> Option<String> {
    payload
        .object("contact")
        .and_then(|contact| contact.id("id"))
        .or_else(|| payload.id("contact"))
        .or_else(|| payload.id("contact_id"))
}

/// A contact in a payload: an object, or only its id.
pub(super) fn named(payload: &Object, numbering: Numbering) -> Option<PersonReport> {
    if let Some(contact) = payload.object("contact") {
        return person(contact, numbering);
    }
    let id = id(payload)?;
    let identities = vec![address::provider_name(IdentityKind::ProviderUser, &id)?];
    Some(PersonReport { identities, ..PersonReport::default() })
}
