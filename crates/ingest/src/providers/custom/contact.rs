//! Contacts by a mapping.

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
            return misfit(format!("`change` is `{}`, none of created, updated or deleted", cut(word)));
        }
    };
    let address = places.text(Field::Address)?.map(|address| address::any(&address, numbering));
    let of_kind = |kind| address.iter().find(|address| address.kind == kind).map(|address| address.value.clone());
    let phone = places.text(Field::Phone)?.map(|phone| address::e164(&phone, numbering).unwrap_or(phone));
    let email = places.text(Field::Email)?;
    let username = places.text(Field::Username)?;
    let mut identities: Vec<IdentityRef> = places
        .id(Field::Id)?
        .into_iter()
        .map(|id| address::identity(IdentityKind::ProviderUser, id.clone(), &id))
        .chain(address.clone())
        .collect();
    identities.extend(phone.as_deref().and_then(|phone| address::phone(phone, numbering)));
    identities.extend(email.as_deref().and_then(address::email));
    identities.extend(username.iter().map(|name| address::identity(IdentityKind::Username, name.clone(), name)));
    let mut seen: Vec<IdentityRef> = Vec::new();
    for identity in identities {
        if !seen.iter().any(|other| other.kind == identity.kind && other.value == identity.value) {
            seen.push(identity);
        }
    }
    if seen.is_empty() {
        return misfit("what it gives as phone or email is neither");
    }
    Ok(Effect::Contact(Box::new(ContactReport {
        version: Version::new(change, places.time(Field::UpdatedAt)?, places.view.request.received_at),
        identities: seen,
        name: Patch::known(places.text(Field::Name)?),
        phone: Patch::known(phone.or_else(|| of_kind(IdentityKind::Phone))),
        email: Patch::known(email.or_else(|| of_kind(IdentityKind::Email))),
        username: Patch::known(username),
        avatar_url: Patch::known(places.text(Field::AvatarUrl)?),
        last_active_at: Patch::known(places.time(Field::LastActiveAt)?),
        attributes: places.details()?,
    })))
}
