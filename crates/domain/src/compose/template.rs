//! Texts with placeholders, `@{{path}}`, and the meaning of a path.

use std::fmt;

use serde_json::Value;

use super::written::{Encoded, Encoding, Written};
use crate::json;

/// The most placeholders of one text.
const MOST: usize = 100;

/// A path to a member of an event: `payload.status` or its short form `status`, `event.id`, `previous.status`,
/// `payload.attachments.0.url`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Path {
    /// The steps from the root of the event's body.
    steps: Vec<String>,
    written: String,
}

impl Path {
    fn read(written: &str) -> Result<Self, String> {
        let written = written.trim();
        let good = |step: &str| {
            (1..=64).contains(&step.len())
                && step.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        };
        let mut steps: Vec<String> = written.split('.').map(str::to_owned).collect();
        if steps.len() > 16 || !steps.iter().all(|step| good(step)) {
            let shown: String = written.chars().take(64).collect();
            return Err(format!("`@{{{{{shown}}}}}` is not a path: use one such as `@{{{{payload.status}}}}`"));
        }
        match (steps[0].as_str(), steps.len()) {
            ("payload" | "previous", _) => {}
            ("event", 2..) => {
                steps.remove(0);
            }
            _ => steps.insert(0, "payload".to_owned()),
        }
        Ok(Self { steps, written: written.to_owned() })
    }

    /// The path as its author wrote it.
    #[must_use]
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The value in an event's body; null if the body lacks it.
    #[must_use]
    pub fn find<'a>(&self, event: &'a Value) -> &'a Value {
        self.steps.iter().fold(event, |value, step| match value {
            Value::Array(items) => {
                step.parse::<usize>().ok().and_then(|index| items.get(index)).unwrap_or(&Value::Null)
            }
            value => value.get(step).unwrap_or(&Value::Null),
        })
    }

    /// Whether a body of this schema can have the value. Any member below an open object is possible.
    #[must_use]
    pub fn is_declared(&self, schema: &Value) -> bool {
        declares(schema, schema, &self.steps)
    }
}

fn declares(root: &Value, schema: &Value, steps: &[String]) -> bool {
    let Some((step, rest)) = steps.split_first() else { return true };
    if let Some(name) = schema["$ref"].as_str() {
        return name
            .strip_prefix('#')
            .and_then(|pointer| root.pointer(pointer))
            .is_some_and(|to| declares(root, to, steps));
    }
    for word in ["anyOf", "oneOf", "allOf"] {
        if schema[word].as_array().is_some_and(|choices| choices.iter().any(|choice| declares(root, choice, steps))) {
            return true;
        }
    }
    if let Some(member) = schema["properties"].get(step) {
        return declares(root, member, rest);
    }
    if let Some(items) = schema.get("items").filter(|_| step.parse::<usize>().is_ok()) {
        return declares(root, items, rest);
    }
    let holds_anything = |schema: &Value| {
        let speaks = ["properties", "items", "anyOf", "oneOf", "allOf", "const", "enum"];
        let is_object = schema["type"] == "object" || schema.get("type").is_none();
        *schema == Value::Bool(true) || (is_object && !speaks.iter().any(|word| schema.get(*word).is_some()))
    };
    holds_anything(schema)
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Literal text.
    Text(String),
    /// A placeholder.
    Place(Path),
}

/// A text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pub(super) pieces: Vec<Piece>,
}

impl Template {
    /// Reads a text.
    ///
    /// # Errors
    /// The problem of a placeholder.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("@{{") {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let (path, after) = after.split_once("}}").ok_or("a placeholder has no end: write `@{{path}}`")?;
            pieces.push(Piece::Place(Path::read(path)?));
            if pieces.len() > MOST * 2 {
                return Err(format!("a text has at most {MOST} placeholders"));
            }
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self { pieces })
    }

    /// The paths of its placeholders.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Place(path) => Some(path),
            Piece::Text(_) => None,
        })
    }

    /// Writes the text for an event: literal text in the encoding `own`, values in the encoding `values`.
    pub(super) fn write(&self, event: &Value, out: &mut Written, own: Encoding, values: Encoding) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => own.write(text, out),
            Piece::Place(path) => match path.find(event) {
                Value::Null => Ok(()),
                Value::String(text) => values.write(text, out),
                // Objects and lists are written as JSON.
                value => json::write(value, &mut Encoded::new(out, values)),
            },
        })
    }

    /// Writes the JSON value for an event. A text that is only a placeholder becomes the value itself, with its own
    /// type.
    pub(super) fn write_json(&self, event: &Value, out: &mut Written) -> fmt::Result {
        if let [Piece::Place(path)] = self.pieces.as_slice() {
            return json::write(path.find(event), out);
        }
        fmt::Write::write_char(out, '"')?;
        self.write(event, out, Encoding::Json, Encoding::Json)?;
        fmt::Write::write_char(out, '"')
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_bare_name_is_the_payloads_and_the_envelope_is_the_events() {
        let event = json!({"id": "evt_1", "type": "t", "payload": {"id": "msg_1", "event": 7, "list": [{"url": "u"}]}});
        let written = |write: &dyn Fn(&mut Written) -> fmt::Result| {
            let mut out = Written::new(1_000);
            write(&mut out).unwrap();
            out.into_text()
        };
        let fill = |text: &str| {
            let template = Template::read(text).unwrap();
            written(&|out| template.write(&event, out, Encoding::Plain, Encoding::Plain))
        };
        assert_eq!(fill("@{{id}} @{{ payload.id }} @{{event.id}} @{{event.type}}"), "msg_1 msg_1 evt_1 t");
        assert_eq!(fill("@{{event}}/@{{list.0.url}}/@{{list.1.url}}/@{{nope}}"), "7/u//");
        assert_eq!(fill("@{{list}}"), r#"[{"url":"u"}]"#);
        let json = |text: &str| written(&|out| Template::read(text).unwrap().write_json(&event, out));
        assert_eq!(json("@{{event}}"), "7");
        assert_eq!(json("\"@{{list}}"), r#""\"[{\"url\":\"u\"}]""#);
    }

    #[test]
    fn what_is_no_placeholder_is_told() {
        for bad in ["@{{", "@{{id", "@{{}}", "@{{a..b}}", "@{{a b}}", "@{{a{{b}}", "@{{@{{id}}}}"] {
            assert!(Template::read(bad).is_err(), "{bad}");
        }
        assert!(Template::read(&"@{{id}}".repeat(201)).is_err());
        assert_eq!(Template::read("{{id}} @{id}").unwrap().paths().count(), 0);
    }

    #[test]
    fn a_path_is_declared_through_references_choices_lists_and_open_objects() {
        let schema = json!({
            "properties": {"id": {"type": "string"}, "payload": {"properties": {
                "contact": {"anyOf": [{"$ref": "#/$defs/Contact"}, {"type": "null"}]},
                "attributes": {"type": "object", "additionalProperties": true},
                "files": {"type": "array", "items": {"$ref": "#/$defs/Contact"}}, "any": true,
            }}},
            "$defs": {"Contact": {"type": "object", "properties": {"name": {"type": ["string", "null"]}}}},
        });
        let is_declared = |path: &str| Path::read(path).unwrap().is_declared(&schema);
        for good in ["event.id", "contact", "contact.name", "attributes.x.y", "files.0.name", "any.thing", "payload"] {
            assert!(is_declared(good), "{good}");
        }
        for bad in ["id", "event.nope", "contact.nope", "contact.name.first", "files.name", "files.0.nope"] {
            assert!(!is_declared(bad), "{bad}");
        }
    }
}
