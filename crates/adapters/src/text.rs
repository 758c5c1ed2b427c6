//! Texts without what nobody sees, and ids that fit an index.

use rlibphonenumber::PHONE_NUMBER_UTIL;

use crate::digest;

/// The longest id that is kept as it is. Longer ones are kept as their digest: an index entry has a limit, and two
/// ids must not become one.
pub(crate) const LONGEST_ID: usize = 255;

/// Without blanks and marks that nobody sees at both ends.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c))
}

/// Marks that show nothing: for breaking lines, for the direction of the script, for joining signs.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e007f}')
}

/// The decimal digit, of whatever script.
pub(crate) fn digit(c: char) -> Option<char> {
    if c.is_ascii() {
        return Some(c).filter(char::is_ascii_digit);
    }
    PHONE_NUMBER_UTIL.normalize_digits_only(c.encode_utf8(&mut [0; 4])).chars().next()
}

/// An id that fits an index entry.
pub(crate) fn bounded_id(id: String) -> String {
    if id.len() <= LONGEST_ID { id } else { format!("sha256:{}", digest::of_text(&id)) }
}
