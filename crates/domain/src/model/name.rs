//! Names that members give: which texts are valid, and which names count as equal.

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// The longest name of most things, in characters.
pub const LONGEST: usize = 200;

/// A black flag. The tag characters after it select the flag, so they are visible.
const FLAG: char = '\u{1F3F4}';

/// A text is not a valid name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to {longest} characters: at least one that is visible, and no control character")]
pub struct NoName {
    longest: usize,
}

/// The stored form of a name: without surrounding blanks, in NFC.
///
/// # Errors
/// The name has no visible character, is longer than `longest` characters, or holds a control character.
pub fn checked(name: &str, longest: usize) -> Result<String, NoName> {
    let name: String = name.trim().nfc().collect();
    let fits = name.chars().count() <= longest && !name.chars().any(char::is_control);
    if fits && name.chars().any(|letter| is_visible(letter) && !is_mark(letter)) {
        Ok(name)
    } else {
        Err(NoName { longest })
    }
}

/// A key that names share if they look alike: it ignores case, composition and invisible characters, and takes a run of
/// blanks for one.
#[must_use]
pub fn key(name: &str) -> String {
    let decomposed: String = name.nfd().collect();
    let folded = UniCase::unicode(decomposed).to_folded_case();
    let mut key = String::with_capacity(folded.len());
    let (mut blank, mut flag) = (false, false);
    for letter in folded.nfc() {
        flag = letter == FLAG || flag && is_tag(letter);
        if letter.is_whitespace() {
            blank = !key.is_empty();
        } else if is_visible(letter) || flag {
            if std::mem::take(&mut blank) {
                key.push(' ');
            }
            key.push(letter);
        }
    }
    // The removed characters may have kept letters apart that now compose.
    key.nfc().collect()
}

/// Whether a character only changes the look of the one before.
fn is_mark(letter: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark, SpacingMark};
    matches!(letter.general_category(), NonspacingMark | SpacingMark | EnclosingMark)
}

/// Whether a character is visible.
#[must_use]
pub fn is_visible(letter: char) -> bool {
    // Letters and marks by Unicode that no font shows: fillers, joiners, variation selectors.
    let is_blank = matches!(
        letter,
        '\u{034F}'
            | '\u{115F}'
            | '\u{1160}'
            | '\u{17B4}'
            | '\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{2065}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFF8}'
            | '\u{FFFC}'
            | '\u{1D159}'
            | '\u{E0000}'..='\u{E0FFF}'
    );
    !is_blank
        && !matches!(
            letter.general_category(),
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::SpaceSeparator
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
                | GeneralCategory::Unassigned
        )
}

fn is_tag(letter: char) -> bool {
    matches!(letter, '\u{E0020}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Invisible characters: blanks, zero widths, marks of direction, fillers, selectors.
    const NOTHING: &[&str] = &[
        "\u{FFFC}",
        "",
        " ",
        "\u{A0}",
        "\u{3000}",
        "\u{2003}\u{2009}",
        "\u{200B}",
        "\u{200C}\u{200D}",
        "\u{2060}",
        "\u{FEFF}",
        "\u{200E}\u{200F}",
        "\u{202A}\u{202E}\u{202C}",
        "\u{2066}\u{2069}",
        "\u{AD}",
        "\u{61C}",
        "\u{180E}",
        "\u{3164}",
        "\u{FFA0}",
        "\u{115F}\u{1160}",
        "\u{2800}",
        "\u{34F}",
        "\u{FE0F}",
        "\u{E0001}\u{E0041}",
        "\u{2028}\u{2029}",
        " \u{200B}\u{3164} ",
    ];

    #[test]
    fn d1_a_name_of_nothing_visible_is_no_name() {
        for nothing in NOTHING {
            assert!(checked(nothing, LONGEST).is_err(), "{nothing:?}");
            assert_eq!(key(nothing), "", "{nothing:?}");
        }
        for name in ["a", "0", "-", "\u{1F600}", "\u{5D0}", "\u{3131}", " VIP ", "a\u{200D}b"] {
            assert!(checked(name, LONGEST).is_ok(), "{name:?}");
        }
        assert!(checked("a\nb", LONGEST).is_err() && checked("a\u{7}", LONGEST).is_err());
        assert!(checked(&"x".repeat(5), 5).is_ok() && checked(&"x".repeat(6), 5).is_err());
        assert_eq!(checked("  Cafe\u{301} ", LONGEST).unwrap(), "Caf\u{e9}");
    }

    #[test]
    fn d1_names_that_look_alike_have_one_key() {
        for alike in [
            &["VIP", "vip", " Vip ", "V\u{200B}IP", "\u{202E}vip\u{202C}", "vip\u{FE0F}"][..],
            &["Caf\u{e9}", "CAFE\u{301}", "cafe\u{34F}\u{301}"],
            &["Stra\u{df}e", "STRASSE", "stra\u{1E9E}e"],
            &["big deal", "Big  Deal", "big\u{A0}deal", "big \u{200B} deal"],
            &["\u{3A3}\u{3A3}", "\u{3C3}\u{3C2}"],
            &["\u{390}", "\u{3B9}\u{308}\u{301}"],
            &["\u{1F44D}\u{FE0F}", "\u{1F44D}"],
        ] {
            for name in alike {
                assert_eq!(key(name), key(alike[0]), "{name:?}");
            }
        }
        let flag = |region: &str| {
            let tags = region.bytes().filter_map(|byte| char::from_u32(0xE0000 + u32::from(byte)));
            format!("{FLAG}{}\u{E007F}", tags.collect::<String>())
        };
        let apart = ["VIP", "V I P", "VIPs", "\u{1F44D}", "\u{1F44E}", "caf\u{e9}", "cafe"].map(key);
        let flags = [flag("gbeng"), flag("gbsct")].map(|flag| key(&flag));
        let all: std::collections::BTreeSet<&String> = apart.iter().chain(&flags).collect();
        assert_eq!(all.len(), apart.len() + flags.len(), "{all:?}");
    }

    proptest! {
        #[test]
        fn d1_a_key_is_its_own_key_and_a_kept_name_has_one(text in "\\PC{0,12}") {
            let once = key(&text);
            prop_assert_eq!(&key(&once), &once);
            if let Ok(kept) = checked(&text, LONGEST) {
                prop_assert_eq!(&checked(&kept, LONGEST), &Ok(kept.clone()));
                prop_assert_eq!(key(&kept), once);
            }
        }
    }

    #[test]
    fn d1_marks_alone_are_no_name() {
        for nothing in ["\u{301}", "\u{301}\u{302} \u{20dd}", "\u{FFFC}"] {
            assert!(checked(nothing, LONGEST).is_err(), "{nothing:?}");
        }
        assert!(checked("e\u{301}", LONGEST).is_ok());
    }
}
