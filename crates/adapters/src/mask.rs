//! Masks secrets in the raw log: members that an adapter declares secret are not stored (OR-8, P12).

use inlet_domain::json;
use serde_json::Value;

use crate::body::lenient;

/// The replacement of a secret.
pub(crate) const MASK: &str = "***";

/// The body with the values of these members masked. All other bytes stay, if the result is readable and holds no
/// secret. Otherwise the body is written anew from its parsed value.
pub(crate) fn body(body: &[u8], members: &[&str]) -> Vec<u8> {
    let masked = members.iter().fold(body.to_vec(), |bytes, member| values_of(&bytes, member));
    match lenient::parse(&masked) {
        Ok(parsed) if !is_masked(&parsed.value, members) => {
            let mut value = parsed.value;
            mask_value(&mut value, members);
            json::javascript(&value).into_bytes()
        }
        Ok(_) | Err(_) => masked,
    }
}

/// The query with the values of these members masked.
pub(crate) fn query(query: &str, members: &[&str]) -> String {
    let masked = members.iter().fold(query.as_bytes().to_vec(), |bytes, member| values_of(&bytes, member));
    String::from_utf8_lossy(&masked).into_owned()
}

fn is_masked(value: &Value, members: &[&str]) -> bool {
    match value {
        Value::Object(object) => object.iter().all(|(name, value)| {
            let secret = members.iter().any(|member| name.eq_ignore_ascii_case(member));
            if secret { value.is_null() || value == MASK } else { is_masked(value, members) }
        }),
        Value::Array(items) => items.iter().all(|item| is_masked(item, members)),
        _ => true,
    }
}

fn mask_value(value: &mut Value, members: &[&str]) {
    match value {
        Value::Object(object) => {
            for (name, value) in object.iter_mut() {
                if members.iter().any(|member| name.eq_ignore_ascii_case(member)) {
                    *value = Value::from(MASK);
                } else {
                    mask_value(value, members);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask_value(item, members)),
        _ => {}
    }
}

/// Masks the value after `member` and a `:` or `=`, in JSON, JSON5, forms and other text.
fn values_of(bytes: &[u8], member: &str) -> Vec<u8> {
    let member = member.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match value_after(bytes, at, member) {
            Some(value) => {
                out.extend_from_slice(&bytes[at..value.from]);
                out.extend_from_slice(if value.bare_json { b"\"***\"" } else { MASK.as_bytes() });
                at = value.to;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

struct Found {
    from: usize,
    to: usize,
    /// The value has no quotes, but the mask needs quotes to be a JSON value.
    bare_json: bool,
}

fn value_after(bytes: &[u8], at: usize, member: &[u8]) -> Option<Found> {
    let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let name = bytes.get(at..at + member.len())?;
    if !name.eq_ignore_ascii_case(member) || (at > 0 && bytes.get(at - 1).is_some_and(word)) {
        return None;
    }
    let mut from = at + member.len();
    if matches!(bytes.get(from), Some(b'"' | b'\'')) {
        from += 1;
    }
    from = skip_space(bytes, from);
    let separator = *bytes.get(from)?;
    if !matches!(separator, b':' | b'=') {
        return None;
    }
    from = skip_space(bytes, from + 1);
    match bytes.get(from) {
        Some(quote @ (b'"' | b'\'')) => {
            let mut to = from + 1;
            while bytes.get(to).is_some_and(|b| b != quote) {
                to += if bytes.get(to) == Some(&b'\\') { 2 } else { 1 };
            }
            Some(Found { from: from + 1, to: to.min(bytes.len()), bare_json: false })
        }
        Some(b'{' | b'[') | None => None,
        Some(_) => {
            let ends = |b: &u8| matches!(b, b',' | b'}' | b']' | b'&' | b'/' | b'#' | b';') || b.is_ascii_whitespace();
            let length = bytes.get(from..)?.iter().position(ends);
            let to = length.map_or(bytes.len(), |length| from + length);
            Some(Found { from, to, bare_json: separator == b':' })
        }
    }
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        String::from_utf8(body(text.as_bytes(), &["otp"])).unwrap()
    }

    #[test]
    fn or_8_the_code_is_masked_and_every_other_byte_stays() {
        assert_eq!(
            masked(r#"{"event": "otpVerified",  "otp": "01234", "n": 2.0}"#),
            r#"{"event": "otpVerified",  "otp": "***", "n": 2.0}"#
        );
        assert_eq!(masked(r#"{"otp":01234,"x":1}"#), r#"{"otp":"***","x":1}"#);
        assert_eq!(masked("{otp: '01234', // note\n}"), "{otp: '***', // note\n}");
        assert_eq!(masked(r#"{"a":{"OTP" : 1234 }}"#), r#"{"a":{"OTP" : "***" }}"#);
        assert_eq!(masked(r#"{"otp":"1\"23","b":1}"#), r#"{"otp":"***","b":1}"#);
        assert_eq!(masked("{\"otp\": \"0123"), "{\"otp\": \"***");
        assert_eq!(masked(r#"{"totp":"55","otp_x":"5"}"#), r#"{"totp":"55","otp_x":"5"}"#);
        assert_eq!(query("a=1&otp=0123&b=2", &["otp"]), "a=1&otp=***&b=2");
    }

    #[test]
    fn or_8_a_disguised_name_hides_no_code() {
        for disguised in [r#"{"\u006ftp":"01234"}"#, r#"{"otp":["01234"]}"#, "{\"otp\"/**/:/**/\"01234\"}"] {
            assert!(!masked(disguised).contains("01234"), "{}", masked(disguised));
        }
    }
}
