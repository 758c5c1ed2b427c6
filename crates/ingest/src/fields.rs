//! Members of a body, read as providers write them: numbers for texts, texts for numbers, `"null"` for null.

use inlet_domain::command::Patch;
use serde_json::{Map, Value};

use crate::key;

/// An object of a body.
pub(crate) type Object = Map<String, Value>;

/// The longest id that is kept as it is. Longer ones are kept as their digest: an index entry has a limit, and two
/// ids must not become one.
const LONGEST_ID: usize = 255;

/// A text or a number as a text without space around it; `None` where nothing is left.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The same, cut to what an index takes.
pub(crate) fn id(value: &Value) -> Option<String> {
    text(value).map(bounded_id)
}

/// An id that fits an index entry.
pub(crate) fn bounded_id(id: String) -> String {
    if id.len() <= LONGEST_ID { id } else { format!("sha256:{}", key::digest_of_text(&id)) }
}

/// A name that is shown in lists: no longer than any that is documented could be.
pub(crate) fn bounded_name(name: &str) -> String {
    name.chars().take(100).collect()
}

/// Named members of an object.
pub(crate) trait Members {
    /// See [`text`].
    fn text(&self, name: &str) -> Option<String>;
    /// As [`Members::text`], and the text `null` means null (MT-7).
    fn known(&self, name: &str) -> Option<String>;
    /// See [`id`].
    fn id(&self, name: &str) -> Option<String>;
    /// The text as it is, with the space around it: what people write.
    fn written(&self, name: &str) -> Option<String>;
    /// A boolean, also as text or as 0 and 1.
    fn flag(&self, name: &str) -> Option<bool>;
    /// A member that is an object.
    fn object(&self, name: &str) -> Option<&Object>;
    /// A member that is an array.
    fn array(&self, name: &str) -> Option<&[Value]>;
    /// A decimal number as text; `None` where it is none.
    fn decimal(&self, name: &str) -> Option<String>;
    /// Absent, null or a value as `read` reads it. What it cannot read is as if it were absent.
    fn patch<T>(&self, name: &str, read: impl FnOnce(&Value) -> Option<T>) -> Patch<T>;
}

impl Members for Object {
    fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(text)
    }

    fn known(&self, name: &str) -> Option<String> {
        self.text(name).filter(|text| !text.eq_ignore_ascii_case("null"))
    }

    fn id(&self, name: &str) -> Option<String> {
        self.get(name).and_then(id)
    }

    fn written(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Bool(flag) => Some(*flag),
            other => match text(other)?.to_ascii_lowercase().as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
        }
    }

    fn object(&self, name: &str) -> Option<&Object> {
        self.get(name)?.as_object()
    }

    fn array(&self, name: &str) -> Option<&[Value]> {
        self.get(name)?.as_array().map(Vec::as_slice)
    }

    fn decimal(&self, name: &str) -> Option<String> {
        self.text(name).filter(|text| is_decimal(text))
    }

    fn patch<T>(&self, name: &str, read: impl FnOnce(&Value) -> Option<T>) -> Patch<T> {
        match self.get(name) {
            None => Patch::Absent,
            Some(Value::Null) => Patch::Null,
            Some(value) => Patch::known(read(value)),
        }
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text.len() <= 64 && all_digits(whole) && all_digits(fraction)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_numbers_texts_and_nulls_alike() {
        let value = json!({"n": 91, "t": " 91 ", "null": "NULL", "none": null, "no": false, "yes": "true", "d": "2.0000", "x": "2,5"});
        let object = value.as_object().unwrap();
        assert_eq!(object.text("n").as_deref(), Some("91"));
        assert_eq!(object.text("t").as_deref(), Some("91"));
        assert_eq!(object.written("t").as_deref(), Some(" 91 "));
        assert_eq!((object.text("null").as_deref(), object.known("null")), (Some("NULL"), None));
        assert_eq!((object.text("none"), object.flag("no"), object.flag("yes")), (None, Some(false), Some(true)));
        assert_eq!((object.decimal("d").as_deref(), object.decimal("x")), (Some("2.0000"), None));
        assert_eq!(object.patch("none", text), Patch::Null);
        assert_eq!(object.patch("nowhere", text), Patch::Absent);
    }

    #[test]
    fn a_long_id_is_digested_not_cut() {
        let (a, b) = ("x".repeat(300), format!("{}y", "x".repeat(299)));
        assert_eq!(bounded_id("short".to_owned()), "short");
        assert_ne!(bounded_id(a.clone()), bounded_id(b));
        assert!(bounded_id(a).len() <= LONGEST_ID);
    }
}
