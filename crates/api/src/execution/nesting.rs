//! The nesting of a document's text. The parser and what follows it recurse into brackets, so a document must be known to be
//! shallow before it is parsed.

/// Maximum nesting of brackets in a document. An operation has at most 16 levels, and its arguments add a few.
pub const MAX_NESTING: usize = 64;

/// Whether the brackets of a document nest more than [`MAX_NESTING`] levels, outside of strings and comments.
pub fn is_too_nested(text: &str) -> bool {
    let (mut rest, mut level) = (text.as_bytes(), 0_usize);
    while let [first, after @ ..] = rest {
        rest = match first {
            b'{' | b'[' | b'(' => {
                level += 1;
                after
            }
            b'}' | b']' | b')' => {
                level = level.saturating_sub(1);
                after
            }
            b'"' => after_string(after),
            b'#' => after.iter().position(|byte| matches!(byte, b'\n' | b'\r')).map_or(&[], |end| &after[end..]),
            _ => after,
        };
        if level > MAX_NESTING {
            return true;
        }
    }
    false
}

/// The text after a string whose first quote has been read.
fn after_string(text: &[u8]) -> &[u8] {
    let (mut rest, is_block) = match text {
        [b'"', b'"', block @ ..] => (block, true),
        _ => (text, false),
    };
    loop {
        rest = match rest {
            [] => return rest,
            [b'\\', b'"', b'"', b'"', after @ ..] if is_block => after,
            [b'"', b'"', b'"', after @ ..] if is_block => return after,
            [b'\\', _, after @ ..] if !is_block => after,
            // A string of one line ends with its line, and is not valid then.
            [b'"' | b'\n' | b'\r', after @ ..] if !is_block => return after,
            [_, after @ ..] => after,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p11_nesting_is_counted_outside_of_strings_and_comments() {
        let nested = |levels: usize, inner: &str| format!("{}{inner}{}", "[".repeat(levels), "]".repeat(levels));
        let many = "{".repeat(1_000);
        assert!(!is_too_nested(&nested(MAX_NESTING, "")));
        assert!(is_too_nested(&nested(MAX_NESTING + 1, "")));
        assert!(is_too_nested(&"(".repeat(20_000)));
        assert!(!is_too_nested(&"{ a(b: [1]) } ".repeat(1_000)));
        for harmless in [
            format!("{{ a(b: \"{many}\") }}"),
            format!("{{ a(b: \"\\\"{many}\") }}"),
            format!("{{ a(b: \"\"\"{many} \\\"\"\" {many} \" \n\"\"\") }}"),
            format!("# {many}\n{{ a }}"),
            "\"".to_owned(),
            "\"\"\"\\".to_owned(),
        ] {
            assert!(!is_too_nested(&harmless), "{harmless}");
        }
        for deep in [
            format!("{{ a(b: \"\") {many}"),
            format!("# \"\n{many}"),
            format!("\"\"\"\\\"\"\"\"\"\"{many}"),
            format!("\"a\n{many}"),
        ] {
            assert!(is_too_nested(&deep), "{deep}");
        }
    }
}
