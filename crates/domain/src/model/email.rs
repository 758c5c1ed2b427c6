//! Email addresses of logins.

use email_address::{EmailAddress, Options};
use unicode_normalization::UnicodeNormalization;

use super::name::is_visible;

/// An email in the form of stored logins: without surrounding blanks, in NFC and lower case.
#[must_use]
pub fn normal(email: &str) -> String {
    email.trim().nfc().collect::<String>().to_lowercase().nfc().collect()
}

/// The stored form of an email; `None` for an invalid address: a display name, a host without a dot, an address
/// literal, or invisible characters.
#[must_use]
pub fn checked(email: &str) -> Option<String> {
    let email = normal(email);
    let options = Options::default().with_required_tld().without_domain_literal().without_display_text();
    let is_address = email.chars().all(is_visible) && EmailAddress::parse_with_options(&email, options).is_ok();
    is_address.then_some(email)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d1_an_email_is_checked_as_one() {
        for (given, kept) in [
            ("ada@example.com", "ada@example.com"),
            (" Ada.B+c@Example.COM ", "ada.b+c@example.com"),
            ("JOSE\u{301}@example.com", "jos\u{e9}@example.com"),
            ("\u{e9}@b\u{fc}cher.example", "\u{e9}@b\u{fc}cher.example"),
        ] {
            assert_eq!(checked(given).as_deref(), Some(kept), "{given}");
        }
        for no in [
            "",
            "@",
            "a@",
            "@b.example",
            "ada",
            "ada@localhost",
            "ada@example..com",
            "ada@.example.com",
            "ada@example.com.",
            ".ada@example.com",
            "a..b@example.com",
            "a b@example.com",
            "ada@exa mple.com",
            "a@b@example.com",
            "ada@example.com, b@example.com",
            "Ada <ada@example.com>",
            "mailto:ada@example.com@",
            "ada@[127.0.0.1]",
            "ada@-example.com",
            "ada@example.com\nbcc: b@example.com",
            "ada\u{200B}@example.com",
            "ada@exam\u{202E}ple.com",
        ] {
            assert_eq!(checked(no), None, "{no}");
        }
        assert_eq!(checked(&format!("{}@example.com", "a".repeat(65))), None);
    }
}
