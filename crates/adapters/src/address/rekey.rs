//! Today's key of an identity that earlier rules keyed.

use inlet_domain::command::{IdentityKind, IdentityScope};

use super::{
    Numbering,
    clothes::{self, Form},
    number, of_email,
};

/// Today's key of a stored identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rekeyed {
    /// The kind.
    pub kind: IdentityKind,
    /// The scope in which it is unique.
    pub scope: IdentityScope,
    /// The normalised form.
    pub value: String,
}

/// The key that today's rules give an identity with the stored `value`; `None` if it has that key already.
///
/// `original` is the written form, if it was stored. Only a value that is clearly a number or a group becomes one: an
/// id of bare digits stays an id. The function is idempotent.
#[must_use]
pub fn rekey(kind: IdentityKind, scope: IdentityScope, value: &str, original: Option<&str>) -> Option<Rekeyed> {
    use IdentityScope::{Account, Workspace};
    let phone = |value: String| Rekeyed { kind: IdentityKind::Phone, scope: Workspace, value };
    let of_provider = |kind, value: String| Rekeyed { kind, scope: Account, value };
    let rekeyed = match (kind, scope) {
        (IdentityKind::Phone, Workspace) => {
            let with_plus = original.filter(|original| original.strip_prefix('+') == Some(value));
            phone(settled(with_plus.unwrap_or(value))?)
        }
        // On a medium without phone numbers an address that looks like one is stored as an id. Earlier rules did not do
        // so.
        (IdentityKind::ProviderUser, Account) if is_plain(value) => return None,
        (IdentityKind::Email, Workspace) | (IdentityKind::ProviderUser, Account) => {
            let bare = clothes::undress(value);
            let says_number = match bare.form {
                Form::Number | Form::Sip | Form::PhoneJid => true,
                Form::Plain => bare.text.trim_start().starts_with(['+', '(']) && bare.text.contains('+'),
                Form::Mail | Form::Group | Form::Lid => false,
            };
            match bare.form {
                Form::Group => of_provider(IdentityKind::Group, bare.text),
                Form::Lid => of_provider(IdentityKind::ProviderUser, bare.text),
                Form::Mail | Form::Plain if !says_number && !starts_abroad(&bare.text) => {
                    let address = of_email(&bare, value)?;
                    Rekeyed { kind: IdentityKind::Email, scope: Workspace, value: address.identity.value }
                }
                Form::PhoneJid | Form::Number | Form::Sip | Form::Plain | Form::Mail => phone(settled(value)?),
            }
        }
        _ => return None,
    };
    let is_same = (rekeyed.kind, rekeyed.scope, rekeyed.value.as_str()) == (kind, scope, value);
    (!is_same).then_some(rekeyed)
}

/// The number of a text with a country code, or of bare digits that are long enough for one.
fn settled(written: &str) -> Option<String> {
    let bare = clothes::undress(written);
    if bare.is_hidden(true) {
        return None;
    }
    let number = number::read(&bare.text, Numbering::CountryCodeFirst(None)).filter(number::Number::is_phone)?;
    Some(number::key(&number.shown))
}

/// Whether earlier rules took the text for an email address or a phone number.
fn is_plain(value: &str) -> bool {
    let digits = value.strip_prefix('+').unwrap_or(value);
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let is_email = value.rsplit_once('@').is_some_and(|(_, domain)| {
        domain.contains('.')
            && value.is_ascii()
            && !value.contains(|c: char| c.is_whitespace() || matches!(c, ':' | '<'))
    });
    is_number || is_email
}

/// Whether a text is a number after `00`: only digits and the characters that people write between them.
fn starts_abroad(text: &str) -> bool {
    text.starts_with("00")
        && number::read(text, Numbering::PlusOnly).is_some_and(|number| number.shown.starts_with('+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kind by its name, and its scope.
    fn key(kind: &str) -> (IdentityKind, IdentityScope) {
        let kind = IdentityKind::ALL.into_iter().find(|known| known.as_str() == kind).unwrap();
        let of_workspace = matches!(kind, IdentityKind::Phone | IdentityKind::Email);
        (kind, if of_workspace { IdentityScope::Workspace } else { IdentityScope::Account })
    }

    fn to(kind: &str, value: &str) -> Option<(IdentityKind, String)> {
        let (kind, scope) = key(kind);
        let rekeyed = rekey(kind, scope, value, None)?;
        let of_workspace = matches!(rekeyed.kind, IdentityKind::Phone | IdentityKind::Email);
        assert_eq!(rekeyed.scope == IdentityScope::Workspace, of_workspace);
        Some((rekeyed.kind, rekeyed.value))
    }

    #[test]
    fn b3_b4_what_earlier_rules_kept_gets_todays_key() {
        let number = Some((IdentityKind::Phone, "+447700900123".to_owned()));
        for (kind, value) in [
            ("email", "447700900123@s.whatsapp.net"),
            ("email", "447700900123@c.us"),
            ("email", "447700900123:12@s.whatsapp.net"),
            ("email", "sip:+447700900123@pbx.example.com"),
            ("provider_user", "whatsapp:+447700900123"),
            ("provider_user", "tel:447700900123"),
            ("provider_user", "+44\u{a0}7700\u{a0}900123"),
            ("provider_user", "\u{202a}+44 7700 900123\u{202c}"),
            ("provider_user", "(+44) 7700 900123"),
            ("provider_user", "00 44 7700 900123"),
            ("phone", "447700900123"),
            ("phone", "00447700900123"),
        ] {
            assert_eq!(to(kind, value), number, "{kind} {value}");
        }
        let group = Some((IdentityKind::Group, "120363025246125486@g.us".to_owned()));
        assert_eq!(to("email", "120363025246125486@g.us"), group);
        assert_eq!(to("provider_user", "7:4@lid"), Some((IdentityKind::ProviderUser, "7@lid".to_owned())));
        let ada = Some((IdentityKind::Email, "ada@example.com".to_owned()));
        assert_eq!(to("provider_user", "Ada <ada@example.com>"), ada);
        assert_eq!(to("email", "mailto:ada@example.com"), ada);
        assert_eq!(to("phone", "12345678"), Some((IdentityKind::Phone, "+12345678".to_owned())));
        assert_eq!(to("phone", "+551187654321"), Some((IdentityKind::Phone, "+5511987654321".to_owned())));
        assert_eq!(to("phone", "+5215512345678"), Some((IdentityKind::Phone, "+525512345678".to_owned())));
        assert_eq!(to("phone", "+5491123456789"), Some((IdentityKind::Phone, "+541123456789".to_owned())));
        for (kind, value) in [
            ("phone", "+447700900123"),
            ("phone", "+442079460000"),
            ("phone", "56161"),
            ("phone", "07700900123"),
            ("email", "ada@example.com"),
            ("provider_user", "user:7"),
            ("provider_user", "subscriber:447700900123"),
            ("provider_user", "6597325156"),
            ("provider_user", "+6597325156"),
            ("provider_user", "6597325156@c.us"),
            ("provider_user", "ada@example.com"),
            ("provider_user", "0012345678901234"),
            ("provider_user", "44 7700 900123"),
            ("provider_user", "WAz8eIbvDR60rouK"),
            ("provider_user", "007"),
            ("provider_user", "anonymous"),
            ("provider_user", "7@lid"),
            ("username", "+447700900123"),
            ("provider_conversation", "447700900123@c.us"),
            ("group", "120363025246125486@g.us"),
        ] {
            assert_eq!(to(kind, value), None, "{kind} {value}");
        }
        assert_eq!(
            rekey(IdentityKind::Email, IdentityScope::Account, "447700900123@c.us", None),
            None,
            "an account's own key of a customer"
        );
    }

    proptest::proptest! {
        #[test]
        fn b3_b4_a_second_rekey_changes_nothing(
            kind in proptest::sample::select(vec!["phone", "email", "username", "provider_user", "provider_conversation", "group"]),
            value in proptest::prop_oneof![
                "\\PC{0,40}",
                "[+]?[0-9]{1,17}",
                "(tel:|sip:|whatsapp:|mailto:)?[+]?(00)?(55|521|549|44|39|1)?[0-9() .-]{1,14}(:1)?(@s.whatsapp.net|@c.us|@g.us|@lid|@x.example)?",
            ],
            original in proptest::option::of("[+]?(00)?[0-9 ]{1,16}"),
        ) {
            let (kind, scope) = key(kind);
            if let Some(once) = rekey(kind, scope, &value, original.as_deref()) {
                let again = rekey(once.kind, once.scope, &once.value, original.as_deref());
                proptest::prop_assert_eq!(again, None, "{:?}", once);
            }
        }
    }
}
