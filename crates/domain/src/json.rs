//! JSON in JavaScript's own form: `JSON.stringify(JSON.parse(text)) === text` holds for everything written here, so
//! that a consumer that verifies a signature over the re-serialised body finds the bytes that were signed.

use serde_json::Value;

/// The value as `JSON.stringify` writes it after `JSON.parse`: numbers as doubles in their shortest form,
/// integer-like keys first and ascending, the others in order.
#[must_use]
pub fn javascript(value: &Value) -> String {
    let mut out = String::with_capacity(256);
    write(value, &mut out);
    out
}

/// How many values a JSON text holds, members and items, told without parsing it: a value takes far more memory than the
/// two bytes that it may be in the text. Of what is no JSON it is a number all the same.
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
    out.push('"');
    for c in text.chars() {
        write_char(c, out);
    }
    out.push('"');
}

/// A character as it stands within such a string.
pub fn write_char(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        c if c < ' ' => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            let code = c as usize;
            out.push_str("\\u00");
            out.push(char::from(HEX[code >> 4]));
            out.push(char::from(HEX[code & 15]));
        }
        c => out.push(c),
    }
}

/// A number as JavaScript prints the double nearest to it.
pub fn write_number(number: f64, out: &mut String) {
    if number == 0.0 {
        out.push('0');
    } else if number.is_finite() {
        out.push_str(ryu_js::Buffer::new().format_finite(number));
    } else {
        out.push_str("null");
    }
}

/// The key's value if it is an array index as ECMA-262 (section 6.1.7) defines it: canonical and below 2^32 - 1. Such
/// keys come first in an object, ascending.
#[must_use]
pub fn integer_key(key: &str) -> Option<u32> {
    let canonical = key == "0" || (!key.starts_with('0') && !key.is_empty() && key.bytes().all(|b| b.is_ascii_digit()));
    if canonical { key.parse().ok().filter(|index| *index != u32::MAX) } else { None }
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(number.as_f64().unwrap_or(0.0), out),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut indices: Vec<_> = members.iter().filter_map(|(k, v)| Some((integer_key(k)?, k, v))).collect();
            indices.sort_unstable_by_key(|(index, ..)| *index);
            let named = members.iter().filter(|(k, _)| integer_key(k).is_none());
            out.push('{');
            for (i, (key, value)) in indices.into_iter().map(|(_, k, v)| (k, v)).chain(named).enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
    }
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
