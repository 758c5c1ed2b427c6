//! Removes invisible characters from texts, and bounds ids to index entries.

use rlibphonenumber::PHONE_NUMBER_UTIL;

use crate::digest;

/// The longest id that is stored unchanged. A longer id is stored as its digest: index entries are bounded, and a cut
/// could make two ids equal.
pub(crate) const LONGEST_ID: usize = 255;

/// The text without blanks and invisible characters at both ends.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c))
}

/// Invisible characters: for line breaks, direction and joining.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e007f}')
}

/// The decimal digit, in any script.
pub(crate) fn digit(c: char) -> Option<char> {
    if c.is_ascii() {
        return Some(c).filter(char::is_ascii_digit);
    }
    PHONE_NUMBER_UTIL.normalize_digits_only(c.encode_utf8(&mut [0; 4])).chars().next()
}

/// The id, bounded to an index entry.
pub(crate) fn bounded_id(id: String) -> String {
    if id.len() <= LONGEST_ID { id } else { format!("sha256:{}", digest::of_text(&id)) }
}
