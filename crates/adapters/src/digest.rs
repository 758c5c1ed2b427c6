//! Digests, which serve as ids of events without an id.

use inlet_domain::json;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The hex SHA-256 of the value in canonical form: members sorted by name, no spaces.
pub fn of_value(value: &Value) -> String {
    let mut canonical = String::with_capacity(256);
    write(value, &mut canonical);
    of_text(&canonical)
}

/// The hex SHA-256 of a text.
pub fn of_text(text: &str) -> String {
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
        assert_eq!(of_value(&json!({"a": 1, "b": [null, "x"]})), of_value(&json!({"b": [null, "x"], "a": 1})));
        assert_ne!(of_value(&json!(["ab", "c"])), of_value(&json!(["a", "bc"])));
        assert_ne!(of_value(&json!([1])), of_value(&json!(["1"])));
    }
}
