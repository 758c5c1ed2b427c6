//! A made-up event of each type, generated from its schema with realistic values.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::{EventType, payload::timestamp, schema};
use crate::{ambient::Ambient, event::API_VERSION, ids::EventId, json::javascript, scope::Scope};

/// An event's payload and previous values, in their final bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The entity.
    pub payload: String,
    /// The changed members of an update, with their old values.
    pub previous: Option<String>,
}

/// A sample of this type at `now`; `None` for a live-only type.
#[must_use]
pub fn of(kind: EventType, now: DateTime<Utc>) -> Option<Sample> {
    let schema = schema::of(kind)?;
    let payload = value("payload", &schema["properties"]["payload"], &schema["$defs"], now);
    let previous = kind.name().ends_with(".updated").then(|| {
        let member = ["status", "name", "content", "filename"].iter().find(|member| payload.get(**member).is_some());
        let before = member.map(|member| ((*member).to_owned(), Value::Null));
        javascript(&Value::Object(before.into_iter().collect()))
    });
    Some(Sample { payload: javascript(&payload), previous })
}

/// A complete made-up event of this type, as a webhook gets it.
#[must_use]
pub fn event(kind: EventType, scope: Scope, ambient: &Ambient) -> Option<Value> {
    let now = ambient.now();
    let Sample { payload, previous } = of(kind, now)?;
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let mut event = json!({
        "id": EventId(ambient.uuid()).to_string(),
        "type": kind.name(),
        "timestamp": timestamp(now),
        "workspace_id": scope.workspace().to_string(),
        "api_version": API_VERSION,
        "test": true,
        "actor": {"type": "system", "id": null},
        "payload": read(&payload),
    });
    if let Some(previous) = previous {
        event["previous"] = read(&previous);
    }
    Some(event)
}

/// A value that fits `schema`; `name` is the name of its member.
fn value(name: &str, schema: &Value, definitions: &Value, now: DateTime<Utc>) -> Value {
    if let Some(target) = schema["$ref"].as_str().and_then(|target| target.strip_prefix("#/$defs/")) {
        return value(name, &definitions[target], definitions, now);
    }
    if let Some(choice) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()).and_then(|choices| choices.first())
    {
        return value(name, choice, definitions, now);
    }
    if let Some(word) = schema.get("const").or_else(|| schema["enum"].as_array().and_then(|words| words.first())) {
        return word.clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first().and_then(Value::as_str),
        kind => kind.as_str(),
    };
    match kind {
        Some("object") => {
            let members = schema["properties"].as_object().into_iter().flatten();
            let member = |(name, schema): (&String, &Value)| (name.clone(), value(name, schema, definitions, now));
            Value::Object(members.map(member).collect::<Map<_, _>>())
        }
        Some("array") => json!([value(name.trim_end_matches('s'), &schema["items"], definitions, now)]),
        Some("string") if schema["format"] == "date-time" => json!(timestamp(now)),
        Some("string") => json!(text(name, schema)),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        _ if name == "participants" => json!([]),
        _ => json!({}),
    }
}

fn text(name: &str, schema: &Value) -> String {
    if let Some((prefix, _)) = schema["pattern"].as_str().and_then(|it| it.strip_prefix('^')?.split_once("_[")) {
        return format!("{prefix}_01jd4rk0v8fh2s9m3q7w5x6y1z");
    }
    let shown = match name {
        "name" | "username" => "Ada Example",
        "phone" | "to" | "mobile" | "identifier" => "+15555550100",
        "from" => "+15555550199",
        "email" => "ada@example.com",
        "content" => "This is a test of your webhook.",
        "content_type" => "text",
        "subject" => "Test",
        "url" | "avatar_url" | "report_url" => "https://example.com/test",
        "filename" => "test.pdf",
        "mime_type" => "application/pdf",
        "units" => "12.50",
        "type" => "contact",
        _ => "test",
    };
    shown.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_is_sent_has_a_sample_with_what_is_required() {
        let now = "2026-11-20T10:00:00Z".parse().unwrap();
        for kind in EventType::ALL {
            let Some(sample) = of(*kind, now) else { continue };
            let payload: Value = serde_json::from_str(&sample.payload).unwrap();
            assert_eq!(javascript(&payload), sample.payload);
            let schema = schema::of(*kind).unwrap();
            for member in schema["properties"]["payload"]["required"].as_array().unwrap() {
                assert!(payload.get(member.as_str().unwrap()).is_some(), "{}: {member}", kind.name());
            }
            assert_eq!(sample.previous.is_some(), kind.name().ends_with(".updated"));
        }
    }
}
