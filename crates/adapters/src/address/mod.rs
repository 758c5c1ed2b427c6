//! Addresses of people, normalised so that one person is one person whatever writes the address.

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

/// An address of a person, normalised, and the phone number or email address to show for it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Address {
    /// The identity that the address is.
    pub identity: IdentityRef,
    /// The number to show, where the address is a phone number: the form that was written, in E.164.
    pub phone: Option<String>,
    /// The email address to show, where the address is one.
    pub email: Option<String>,
}

impl Address {
    /// A person of whom no more is known than the address.
    pub(crate) fn person(self) -> PersonReport {
        PersonReport {
            identities: vec![self.identity],
            phone: self.phone,
            email: self.email,
            ..PersonReport::default()
        }
    }
}

/// The address as it is on this medium; `None` where its owner is hidden, for then it is nobody's.
///
/// A medium that has no phones has the provider's ids alone, whatever they look like. On EMAIL an email address is one.
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

/// The address where no medium is told: a group, an email address, a phone number, else the provider's id of a person.
/// `None` where its owner is hidden.
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

/// A phone number where the text is one.
pub(crate) fn phone(written: &str, numbering: Numbering) -> Option<Address> {
    let bare = clothes::undress(written);
    if bare.is_hidden(true) {
        return None;
    }
    of_number(&bare, written, numbering).filter(|address| address.identity.kind == IdentityKind::Phone)
}

/// The number to show of a text that is a phone number: the form that was written, in E.164.
pub(crate) fn shown(written: &str, numbering: Numbering) -> Option<String> {
    phone(written, numbering)?.phone
}

/// An email address where the text is one, in lower case.
pub(crate) fn email(written: &str) -> Option<IdentityRef> {
    let bare = clothes::undress(written);
    if bare.is_hidden(false) {
        return None;
    }
    of_email(&bare, written).map(|address| address.identity)
}

/// Whether the address is that of a sender who hides.
pub(crate) fn hides(written: &str) -> bool {
    clothes::undress(written).is_hidden(false)
}

/// The provider's id of a person, unless it is a word for a hidden one.
pub(crate) fn provider_name(kind: IdentityKind, id: &str) -> Option<IdentityRef> {
    (!clothes::undress(id).is_hidden(false)).then(|| identity(kind, id.to_owned(), id))
}

/// The identity of a person who hides: it is this event's alone, so that each is a contact of its own, and a replay
/// finds the same.
pub(crate) fn hidden(key: &IdempotencyKey) -> IdentityRef {
    let digest = digest::of_value(&json!([key.kind, key.id]));
    IdentityRef::new(IdentityKind::ProviderConversation, format!("hidden:{digest}"))
}

/// An identity of `kind`; `original` is kept where it differs.
pub(crate) fn identity(kind: IdentityKind, value: String, original: &str) -> IdentityRef {
    let value = bounded_id(value);
    let original = (value != original).then(|| original.to_owned());
    IdentityRef { original, ..IdentityRef::new(kind, value) }
}

/// Each identity once, in the order given.
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

/// The same identity, as one that another account may mean someone else by.
pub(crate) fn in_account(identity: IdentityRef) -> IdentityRef {
    IdentityRef { scope: IdentityScope::Account, ..identity }
}

#[cfg(test)]
mod tests;
