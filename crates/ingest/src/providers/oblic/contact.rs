//! `contact.*` (OB-2), and the contact that a message or conversation names.

use inlet_domain::command::{ContactReport, IdentityKind, IdentityRef, PersonReport};
use serde_json::Value;

use super::{Report, others, read_time, text, time};
use crate::{
    address::{self, Numbering},
    fields::{Members, Object},
};

const PLACED: [&str; 8] =
    ["id", "name", "username", "phone_number", "email", "avatar_url", "last_active_at", "updated_at"];

pub(super) fn read(report: &Report<'_>) -> ContactReport {
    let contact = report.payload;
    let username = text(contact, "username");
    ContactReport {
        version: report.version(),
        identities: identities(contact, report.numbering()),
        name: if contact.contains_key("name") { text(contact, "name") } else { username.clone() },
        phone: contact.patch("phone_number", |value| phone(value, report.numbering())),
        email: text(contact, "email"),
        username,
        avatar_url: text(contact, "avatar_url"),
        last_active_at: contact.patch("last_active_at", read_time),
        attributes: others(contact, &PLACED),
    }
}

/// The other side of a message; `None` where nothing names it.
pub(super) fn person(contact: &Object, numbering: Numbering) -> Option<PersonReport> {
    let identities = identities(contact, numbering);
    let username = contact.text("username");
    (!identities.is_empty()).then(|| PersonReport {
        identities,
        name: contact.text("name").or_else(|| username.clone()),
        phone: contact.get("phone_number").and_then(|value| phone(value, numbering)),
        email: contact.text("email"),
        username,
        avatar_url: contact.text("avatar_url"),
        last_active_at: time(contact, "last_active_at"),
        attributes: others(contact, &PLACED),
    })
}

/// A number to show: in E.164 where it can be, else as written.
fn phone(value: &Value, numbering: Numbering) -> Option<String> {
    let written = crate::fields::text(value)?;
    Some(address::e164(&written, numbering).unwrap_or(written))
}

/// The provider's id is the address. A number that is not sure to be this person's all over the world joins nothing.
fn identities(contact: &Object, numbering: Numbering) -> Vec<IdentityRef> {
    let id = contact.id("id").map(|id| address::identity(IdentityKind::ProviderUser, id.clone(), &id));
    let phone = contact.text("phone_number").and_then(|written| {
        let number = address::e164(&written, numbering)?;
        Some(address::identity(IdentityKind::Phone, number, &written))
    });
    let email = contact.text("email").and_then(|email| address::email(&email));
    let username = contact.text("username").map(|name| address::identity(IdentityKind::Username, name.clone(), &name));
    [id, phone, email, username].into_iter().flatten().collect()
}

/// The id of the contact that a payload names.
pub(super) fn id(payload: &Object) -> Option<String> {
    payload
        .object("contact")
        .and_then(|contact| contact.id("id"))
        .or_else(|| payload.id("contact"))
        .or_else(|| payload.id("contact_id"))
}

/// A contact that stands as an object, or as its id alone.
pub(super) fn named(payload: &Object, numbering: Numbering) -> Option<PersonReport> {
    if let Some(contact) = payload.object("contact") {
        return person(contact, numbering);
    }
    let id = id(payload)?;
    let identities = vec![address::identity(IdentityKind::ProviderUser, id.clone(), &id)];
    Some(PersonReport { identities, ..PersonReport::default() })
}
