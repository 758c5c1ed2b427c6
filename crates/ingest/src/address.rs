//! Addresses of people, normalised so that one person is one person whatever writes the address.

use inlet_domain::command::{IdentityKind, IdentityRef};
use rlibphonenumber::{PhoneNumber, PhoneNumberFormat, enums::Region};

use crate::fields::bounded_id;

/// How a number without `+` is to be understood.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Numbering {
    /// As a number of the region; where it is none, with its country code and no `+`.
    RegionFirst(Region),
    /// With its country code and no `+`; where it is none, as a number of the region.
    CountryCodeFirst(Option<Region>),
    /// Only a number with `+` is one.
    PlusOnly,
}

/// The number in E.164, if the written text is a valid number.
pub(crate) fn e164(written: &str, numbering: Numbering) -> Option<String> {
    let written = written.trim();
    let plausible = written.len() <= 32
        && written.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b' ' | b'-' | b'(' | b')' | b'.' | b'/'));
    if !plausible {
        return None;
    }
    if written.starts_with('+') {
        return valid(written, None);
    }
    let with_code = || valid(&format!("+{written}"), None);
    match numbering {
        Numbering::RegionFirst(region) => valid(written, Some(region)).or_else(with_code),
        Numbering::CountryCodeFirst(region) => with_code().or_else(|| valid(written, Some(region?))),
        Numbering::PlusOnly => None,
    }
}

fn valid(written: &str, region: Option<Region>) -> Option<String> {
    let number = PhoneNumber::parse(written, region).ok()?;
    number.is_valid().then(|| number.format_as(PhoneNumberFormat::E164).into_owned())
}

/// An identity of `kind`; `original` is kept where it differs.
pub(crate) fn identity(kind: IdentityKind, value: String, original: &str) -> IdentityRef {
    let value = bounded_id(value);
    let original = (value != original).then(|| original.to_owned());
    IdentityRef { original, ..IdentityRef::new(kind, value) }
}

/// A phone number where the text is one: in E.164, or the bare digits of what no numbering plan knows.
pub(crate) fn phone(written: &str, numbering: Numbering) -> Option<IdentityRef> {
    let written = written.trim();
    if let Some(number) = e164(written, numbering) {
        return Some(identity(IdentityKind::Phone, number, written));
    }
    let digits = written.strip_prefix('+').unwrap_or(written);
    let looks_like_one = (5..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    looks_like_one.then(|| identity(IdentityKind::Phone, digits.to_owned(), written))
}

/// An email address where the text is one, in lower case.
pub(crate) fn email(written: &str) -> Option<IdentityRef> {
    let written = written.trim();
    let (local, domain) = written.rsplit_once('@')?;
    let is_one = !local.is_empty()
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && written.len() <= 254
        && !written.chars().any(|c| c.is_whitespace() || c.is_control());
    is_one.then(|| identity(IdentityKind::Email, written.to_lowercase(), written))
}

/// Whatever the text is: an email address, a phone number, else the provider's id of a person.
pub(crate) fn any(written: &str, numbering: Numbering) -> IdentityRef {
    email(written)
        .or_else(|| phone(written, numbering))
        .unwrap_or_else(|| identity(IdentityKind::ProviderUser, written.trim().to_owned(), written.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDIA: Numbering = Numbering::CountryCodeFirst(Some(Region::IN));

    #[test]
    fn mt_6_a_number_with_or_without_plus_is_one_number() {
        for written in ["919019120123", "+919019120123", "+91 90191-20123", "9019120123"] {
            assert_eq!(phone(written, INDIA).unwrap().value, "+919019120123", "{written}");
        }
        assert_eq!(phone("919019120123", INDIA).unwrap().original.as_deref(), Some("919019120123"));
    }

    #[test]
    fn what_no_plan_knows_keeps_its_digits_and_a_word_is_no_number() {
        let odd = phone("12345678", Numbering::CountryCodeFirst(None)).unwrap();
        assert_eq!((odd.kind, odd.value.as_str(), odd.original), (IdentityKind::Phone, "12345678", None));
        assert_eq!(any("91XXXXXX", INDIA).kind, IdentityKind::ProviderUser);
        assert_eq!(any("700969ca-0cb2-11ec-a2c0", INDIA).kind, IdentityKind::ProviderUser);
        assert_eq!(any("Demo@Gmail.com", INDIA).value, "demo@gmail.com");
        assert_eq!(e164("+1 800 759 3000 ext. 5", Numbering::PlusOnly), None);
    }

    #[test]
    fn ob_2_a_national_number_needs_a_region() {
        let written = "1-800-759-3000";
        assert_eq!(e164(written, Numbering::PlusOnly), None);
        assert_eq!(e164(written, Numbering::RegionFirst(Region::US)).as_deref(), Some("+18007593000"));
        assert_eq!(e164("(415) 555-2671", Numbering::RegionFirst(Region::US)).as_deref(), Some("+14155552671"));
    }
}
