//! Reads contacts by a mapping.

use inlet_domain::{
    command::{Change, ContactReport, Effect, IdentityKind, IdentityRef, Patch, Version},
    model::mapping::Field,
};

use super::{Places, Reading, cut, misfit};
use crate::address;

pub(super) fn read(places: &Places<'_>) -> Reading<Effect> {
    let numbering = places.numbering();
    let change = match places.text(Field::Change)?.map(|word| word.to_ascii_lowercase()).as_deref() {
        None | Some("updated") => Change::Updated,
        Some("created") => Change::Created,
        Some("deleted") => Change::Deleted,
        Some(word) => {
            return misfit(format!("`change` is `{}`: expected created, updated or deleted", cut(word)));
        }
    };
    let written = places.text(Field::Address)?;
    let medium = places.medium_of_addresses()?;
    let address = written.as_deref().and_then(|written| address::on(medium, written, numbering));
    let phone = places.text(Field::Phone)?.filter(|phone| !address::hides(phone));
    let email = places.text(Field::Email)?.filter(|email| !address::hides(email));
    let username = places.text(Field::Username)?;
    let id = places.id(Field::Id)?.and_then(|id| address::provider_name(IdentityKind::ProviderUser, &id));
    let of_name = username.as_deref().and_then(|name| address::provider_name(IdentityKind::Username, name));
    // The address identifies the person. Phone and email of the profile join no contacts, unless the event has no other
    // identity.
    let address_identity = address.as_ref().map(|address| IdentityRef { leads: true, ..address.identity.clone() });
    let of_profile = || {
        let phone = phone.as_deref().and_then(|phone| address::phone(phone, numbering)).map(|phone| phone.identity);
        phone.or_else(|| address::email(email.as_deref()?))
    };
    let mut identities: Vec<IdentityRef> = id.into_iter().chain(address_identity).collect();
    if identities.is_empty() {
        identities.extend(of_profile());
    }
    if identities.is_empty() {
        return misfit("none of `id`, `address`, `phone` and `email` identifies a person");
    }
    identities.extend(of_name);
    let (of_address, email_of_address) = address.map(|address| (address.phone, address.email)).unwrap_or_default();
    let phone = phone.map(|phone| address::shown(&phone, numbering).unwrap_or(phone));
    Ok(Effect::Contact(Box::new(ContactReport {
        version: Version::new(change, places.time(Field::UpdatedAt)?, places.view.request.received_at),
        identities: address::distinct(identities),
        name: Patch::known(places.text(Field::Name)?),
        phone: Patch::known(phone.or(of_address)),
        email: Patch::known(email.or(email_of_address)),
        username: Patch::known(username),
        avatar_url: Patch::known(places.text(Field::AvatarUrl)?),
        last_active_at: Patch::known(places.time(Field::LastActiveAt)?),
        attributes: places.details()?,
    })))
}
