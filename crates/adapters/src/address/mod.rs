//! Normalises addresses, so that every spelling of one address is one identity.

mod clothes;
mod number;
mod rekey;

use inlet_domain::{
    command::{IdempotencyKey, IdentityKind, IdentityRef, IdentityScope, PersonReport},
    model::channel::Medium,
};
use serde_json::json;

use self::clothes::{Bare, Form};
pub(crate) use self::number::Numbering;
pub use self::{
    number::canonical,
    rekey::{Rekeyed, rekey},
};
use crate::{
    digest,
    text::{bounded_id, trim},
};

/// A normalised address, with the phone number or email address that Inlet shows for it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Address {
    /// The identity.
    pub identity: IdentityRef,
    /// The shown number of a phone number: the written form, in E.164.
    pub phone: Option<String>,
    /// The shown email address of an email address.
    pub email: Option<String>,
}

impl Address {
    /// A person who is known only by the address.
    pub(crate) fn person(self) -> PersonReport {
        PersonReport {
            identities: vec![self.identity],
            phone: self.phone,
            email: self.email,
            ..PersonReport::default()
        }
    }
}

/// The address on this medium; `None` for a hidden sender, whose address identifies no one.
///
/// A medium without phone numbers has only the provider's ids, whatever they look like. On EMAIL an email address is an
/// email identity.
pub(crate) fn on(medium: Medium, written: &str, numbering: Numbering) -> Option<Address> {
    match medium {
        Medium::Whatsapp | Medium::Sms | Medium::Rcs | Medium::Viber | Medium::Voice | Medium::Vmn => {
            anywhere(written, numbering)
        }
        Medium::Email => {
            let bare = clothes::undress(written);
            (!bare.is_hidden(false)).then(|| of_email(&bare, written).unwrap_or_else(|| provider_id(written)))
        }
        Medium::Webchat | Medium::Messenger | Medium::Telegram | Medium::Other => {
            let bare = clothes::undress(written);
            (!bare.is_hidden(false)).then(|| of_group(&bare, written).unwrap_or_else(|| provider_id(written)))
        }
    }
}

/// The address without a known medium: a group, an email address, a phone number, else the provider's id of a person.
/// `None` for a hidden sender.
pub(crate) fn anywhere(written: &str, numbering: Numbering) -> Option<Address> {
    let bare = clothes::undress(written);
    if bare.is_hidden(true) {
        return None;
    }
    let found = match bare.form {
        Form::Group => of_group(&bare, written),
        Form::Lid => Some(Address {
            identity: identity(IdentityKind::ProviderUser, bare.text.clone(), trim(written)),
            phone: None,
            email: None,
        }),
        Form::Mail => of_email(&bare, written),
        Form::Plain | Form::Number | Form::PhoneJid | Form::Sip => {
            of_email(&bare, written).or_else(|| of_number(&bare, written, numbering))
        }
    };
    Some(found.unwrap_or_else(|| provider_id(written)))
}

/// The phone number in a text, if it is one.
pub(crate) fn phone(written: &str, numbering: Numbering) -> Option<Address> {
    let bare = clothes::undress(written);
    if bare.is_hidden(true) {
        return None;
    }
    of_number(&bare, written, numbering).filter(|address| address.identity.kind == IdentityKind::Phone)
}

/// The shown form of a phone number: the written form, in E.164.
pub(crate) fn shown(written: &str, numbering: Numbering) -> Option<String> {
    phone(written, numbering)?.phone
}

/// The email address in a text, in lower case, if it is one.
pub(crate) fn email(written: &str) -> Option<IdentityRef> {
    let bare = clothes::undress(written);
    if bare.is_hidden(false) {
        return None;
    }
    of_email(&bare, written).map(|address| address.identity)
}

/// Whether the sender of the address is hidden.
pub(crate) fn hides(written: &str) -> bool {
    clothes::undress(written).is_hidden(false)
}

/// The provider's id of a person, unless it is a word for a hidden sender.
pub(crate) fn provider_name(kind: IdentityKind, id: &str) -> Option<IdentityRef> {
    (!clothes::undress(id).is_hidden(false)).then(|| identity(kind, id.to_owned(), id))
}

/// The identity of a hidden sender. It belongs to this event alone, so that each event has a contact of its own and a
/// replay finds the same contact.
pub(crate) fn hidden(key: &IdempotencyKey) -> IdentityRef {
    let digest = digest::of_value(&json!([key.kind, key.id]));
    IdentityRef::new(IdentityKind::ProviderConversation, format!("hidden:{digest}"))
}

/// An identity of `kind`; keeps `original` if it differs.
pub(crate) fn identity(kind: IdentityKind, value: String, original: &str) -> IdentityRef {
    let value = bounded_id(value);
    let original = (value != original).then(|| original.to_owned());
    IdentityRef { original, ..IdentityRef::new(kind, value) }
}

/// The identities without duplicates, in order.
pub(crate) fn distinct(identities: impl IntoIterator<Item = IdentityRef>) -> Vec<IdentityRef> {
    let mut seen: Vec<IdentityRef> = Vec::new();
    for identity in identities {
        let is_known = |other: &IdentityRef| {
            (other.kind, other.scope, &other.value) == (identity.kind, identity.scope, &identity.value)
        };
        if !seen.iter().any(is_known) {
            seen.push(identity);
        }
    }
    seen
}

/// The forms by which one of our own addresses finds its channel: as written, and each normalised form that differs.
pub(crate) fn forms(medium: Medium, written: &str, numbering: Numbering) -> Vec<String> {
    let mut forms = vec![written.to_owned()];
    if let Some(Address { identity, phone, .. }) = on(medium, written, numbering) {
        for form in phone.into_iter().chain([identity.value]) {
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    forms
}

fn of_number(bare: &Bare, written: &str, numbering: Numbering) -> Option<Address> {
    let numbering = if bare.form == Form::PhoneJid { Numbering::CountryCodeAlways } else { numbering };
    let number = number::read(&bare.text, numbering)?;
    Some(if number.is_phone() {
        let shown = number.shown;
        Address {
            identity: identity(IdentityKind::Phone, number::key(&shown), trim(written)),
            phone: Some(shown),
            email: None,
        }
    } else {
        let identity = identity(IdentityKind::ProviderUser, number::key(&number.shown), trim(written));
        Address { identity, phone: None, email: None }
    })
}

fn of_email(bare: &Bare, written: &str) -> Option<Address> {
    if !matches!(bare.form, Form::Plain | Form::Mail) {
        return None;
    }
    let (local, domain) = bare.text.rsplit_once('@')?;
    let is_one = !local.is_empty()
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && bare.text.len() <= 254
        && !bare.text.chars().any(|c| c.is_whitespace() || c.is_control());
    is_one.then(|| {
        let value = bare.text.to_lowercase();
        Address {
            identity: identity(IdentityKind::Email, value.clone(), trim(written)),
            phone: None,
            email: Some(value),
        }
    })
}

fn of_group(bare: &Bare, written: &str) -> Option<Address> {
    (bare.form == Form::Group).then(|| Address {
        identity: identity(IdentityKind::Group, bare.text.clone(), trim(written)),
        phone: None,
        email: None,
    })
}

fn provider_id(written: &str) -> Address {
    let written = trim(written);
    Address { identity: identity(IdentityKind::ProviderUser, written.to_owned(), written), phone: None, email: None }
}

/// This identity, in the scope of the provider account.
pub(crate) fn in_account(identity: IdentityRef) -> IdentityRef {
    IdentityRef { scope: IdentityScope::Account, ..identity }
}

#[cfg(test)]
mod tests;
