//! JSON in JavaScript's own form. `JSON.stringify(JSON.parse(text)) === text` holds for every text that this module
//! writes. So a receiver that verifies a signature over the re-serialised body gets the signed bytes.

use std::fmt;

use serde_json::Value;

/// The value as `JSON.stringify` writes it after `JSON.parse`: numbers as doubles in their shortest form, integer-like
/// keys first and ascending, the others in their order.
#[must_use]
pub fn javascript(value: &Value) -> String {
    let mut out = String::with_capacity(256);
    // Writing to a String cannot fail.
    let _ = write(value, &mut out);
    out
}

/// Writes the value as [`javascript`] does.
///
/// # Errors
/// `out` is full; the rest of the value is skipped.
pub fn write(value: &Value, out: &mut impl fmt::Write) -> fmt::Result {
    match value {
        Value::Null => out.write_str("null"),
        Value::Bool(true) => out.write_str("true"),
        Value::Bool(false) => out.write_str("false"),
        Value::Number(number) => number_to(number.as_f64().unwrap_or(0.0), out),
        Value::String(text) => write_string_to(text, out),
        Value::Array(items) => {
            out.write_char('[')?;
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.write_char(',')?;
                }
                write(item, out)?;
            }
            out.write_char(']')
        }
        Value::Object(members) => {
            out.write_char('{')?;
            for (i, (key, value)) in in_order(members.iter(), |(key, _)| key).into_iter().enumerate() {
                if i > 0 {
                    out.write_char(',')?;
                }
                write_string_to(key, out)?;
                out.write_char(':')?;
                write(value, out)?;
            }
            out.write_char('}')
        }
    }
}

/// Members in the order of JavaScript: integer-like names first and ascending, then the others in their order.
pub fn in_order<T>(members: impl Iterator<Item = T>, name: impl Fn(&T) -> &str) -> Vec<T> {
    let mut members: Vec<T> = members.collect();
    // The sort is stable, so the others keep their order.
    members.sort_by_key(|member| integer_key(name(member)).map_or(u64::MAX, u64::from));
    members
}

/// The number of values in a JSON text, members and items, counted without parsing it: a parsed value takes far more
/// memory than the two bytes that its text may have. For other text the number has no meaning.
#[must_use]
pub fn count_values(text: &[u8]) -> usize {
    let (mut count, mut in_string, mut escaped) = (1, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b',' | b':' | b'[' | b'{' if !in_string => count += 1,
            _ => {}
        }
    }
    count
}

/// A quoted string with the escapes that `JSON.stringify` uses.
pub fn write_string(text: &str, out: &mut String) {
    let _ = write_string_to(text, out);
}

/// Writes a character of such a string.
pub fn write_char(c: char, out: &mut String) {
    let _ = char_to(c, out);
}

/// Writes the double nearest to a number as JavaScript prints it.
pub fn write_number(number: f64, out: &mut String) {
    let _ = number_to(number, out);
}

/// Writes a quoted string as [`write_string`] does.
///
/// # Errors
/// `out` is full.
pub fn write_string_to(text: &str, out: &mut impl fmt::Write) -> fmt::Result {
    out.write_char('"')?;
    escaped_to(text, out)?;
    out.write_char('"')
}

/// Writes a text with its escapes, without quotes.
///
/// # Errors
/// `out` is full.
pub fn escaped_to(text: &str, out: &mut impl fmt::Write) -> fmt::Result {
    text.chars().try_for_each(|c| char_to(c, out))
}

fn char_to(c: char, out: &mut impl fmt::Write) -> fmt::Result {
    match c {
        '"' => out.write_str("\\\""),
        '\\' => out.write_str("\\\\"),
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        '\u{8}' => out.write_str("\\b"),
        '\u{c}' => out.write_str("\\f"),
        c if c < ' ' => write!(out, "\\u{:04x}", u32::from(c)),
        c => out.write_char(c),
    }
}

fn number_to(number: f64, out: &mut impl fmt::Write) -> fmt::Result {
    if number == 0.0 {
        out.write_char('0')
    } else if number.is_finite() {
        out.write_str(ryu_js::Buffer::new().format_finite(number))
    } else {
        out.write_str("null")
    }
}

/// The key's value if it is an array index in the sense of ECMA-262, section 6.1.7: canonical and below 2^32 - 1.
#[must_use]
pub fn integer_key(key: &str) -> Option<u32> {
    let canonical = key == "0" || (!key.starts_with('0') && !key.is_empty() && key.bytes().all(|b| b.is_ascii_digit()));
    if canonical { key.parse().ok().filter(|index| *index != u32::MAX) } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_values_outside_of_texts() {
        for (text, count) in
            [("", 1), ("1", 1), ("[]", 2), ("[1,2,3]", 4), (r#"{"a":[1],"b":{}}"#, 7), (r#"["\",{[:"]"#, 2)]
        {
            assert_eq!(count_values(text.as_bytes()), count, "{text}");
        }
    }

    #[test]
    fn writes_as_javascript_does() {
        let value =
            json!({"b": 2.0, "10": 1, "2": -0.0, "a": "\u{1}\u{2028}/é", "01": 1e21, "n": 9_007_199_254_740_993_u64});
        assert_eq!(
            javascript(&value),
            "{\"2\":0,\"10\":1,\"b\":2,\"a\":\"\\u0001\u{2028}/é\",\"01\":1e+21,\"n\":9007199254740992}"
        );
    }
}
