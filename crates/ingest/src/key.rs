//! Digests that stand for an event that has no id of its own.

use inlet_domain::{command::IdempotencyKey, json};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::fields::Rules;

/// The key of an event, with the one that the former rules gave it where that is another. `former`
/// gives none where the former id told no two events apart.
pub(crate) fn versioned(kind: &str, current: String, former: impl FnOnce(Rules) -> Option<String>) -> IdempotencyKey {
    let former = former(Rules::Former).filter(|former| *former != current);
    IdempotencyKey { former, ..IdempotencyKey::new(kind, current) }
}

/// The hex SHA-256 of the value in canonical form: members by name, no space.
pub(crate) fn digest(value: &Value) -> String {
    let mut canonical = String::with_capacity(256);
    write(value, &mut canonical);
    digest_of_text(&canonical)
}

/// The hex SHA-256 of a text.
pub(crate) fn digest_of_text(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => json::write_string(text, out),
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
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            out.push('{');
            for (i, (name, value)) in members.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                json::write_string(name, out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_members_is_no_matter_and_all_else_is() {
        assert_eq!(digest(&json!({"a": 1, "b": [null, "x"]})), digest(&json!({"b": [null, "x"], "a": 1})));
        assert_ne!(digest(&json!(["ab", "c"])), digest(&json!(["a", "bc"])));
        assert_ne!(digest(&json!([1])), digest(&json!(["1"])));
    }
}
