//! A JSON Schema for the webhook body of each event type. The schemas are open, because within one `api_version`
//! members may be added. `schemas/` holds them as files; `make check` compares the files with these.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    EventType,
    payload::{
        AttachmentPayload, BalancePayload, CampaignPayload, ContactPayload, ConversationPayload, DeletedPayload,
        GroupPayload, MessagePayload, MessageStatusPayload, OptOutPayload, VerificationPayload, WebhookPayload,
    },
};
use crate::{
    event::{API_VERSION, pattern::is_sent, webhook_filter::ActorKind},
    ids::{EventId, WorkspaceId},
};

/// The schema of an id, whose prefix tells its kind.
pub(super) fn id(prefix: &str) -> Value {
    json!({"type": "string", "pattern": format!("^{prefix}_[0-9a-z]{{26}}$")})
}

fn payload(kind: EventType) -> Map<String, Value> {
    fn of<T: JsonSchema>() -> Map<String, Value> {
        let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
        match Value::from(generator.into_root_schema_for::<T>()) {
            Value::Object(schema) => schema,
            _ => Map::new(),
        }
    }
    match kind {
        EventType::ContactCreated | EventType::ContactUpdated | EventType::ContactMerged => of::<ContactPayload>(),
        EventType::ConversationCreated | EventType::ConversationUpdated => of::<ConversationPayload>(),
        EventType::MessageCreated | EventType::MessageUpdated | EventType::CallCompleted => of::<MessagePayload>(),
        EventType::MessageStatusChanged => of::<MessageStatusPayload>(),
        EventType::GroupCreated | EventType::GroupUpdated => of::<GroupPayload>(),
        EventType::AttachmentCreated | EventType::AttachmentUpdated => of::<AttachmentPayload>(),
        EventType::VerificationVerified => of::<VerificationPayload>(),
        EventType::BalanceLow => of::<BalancePayload>(),
        EventType::CampaignCompleted => of::<CampaignPayload>(),
        EventType::OptOutCreated | EventType::OptOutWithdrawn => of::<OptOutPayload>(),
        EventType::WebhookDisabled | EventType::WebhookRecovered => of::<WebhookPayload>(),
        _ if kind.name().ends_with(".deleted") => of::<DeletedPayload>(),
        _ => Map::new(),
    }
}

/// The schema of a type's body; `None` for a live-only type.
#[must_use]
pub fn of(kind: EventType) -> Option<Value> {
    if !is_sent(kind.name()) {
        return None;
    }
    let mut payload = payload(kind);
    payload.remove("$schema");
    let definitions = payload.remove("$defs");
    let actors: Vec<&str> = ActorKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.name(),
        "type": "object",
        "required": ["id", "type", "timestamp", "workspace_id", "api_version", "test", "actor", "payload"],
        "properties": {
            "id": id(EventId::PREFIX),
            "type": {"const": kind.name()},
            "timestamp": {"description": "Time of the event.", "type": "string", "format": "date-time"},
            "workspace_id": id(WorkspaceId::PREFIX),
            "api_version": {"const": API_VERSION},
            "test": {"description": "Whether `testWebhook` made the event.", "type": "boolean"},
            "actor": {
                "description": "Actor that caused the event.",
                "type": "object",
                "required": ["type", "id"],
                "properties": {"type": {"enum": actors}, "id": {"type": ["string", "null"]}},
            },
            "payload": payload,
        },
    });
    if kind.name().ends_with(".updated") {
        schema["properties"]["previous"] = json!({
            "description": "The changed members, with their old values.", "type": "object",
        });
    }
    if let Some(definitions) = definitions {
        schema["$defs"] = definitions;
    }
    Some(schema)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn the_files_are_the_schemas() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
        let mut expected: Vec<String> = Vec::new();
        for (kind, schema) in EventType::ALL.iter().filter_map(|kind| Some((kind, of(*kind)?))) {
            let name = format!("{}.json", kind.name());
            let text = fs::read_to_string(folder.join(&name)).unwrap_or_default();
            let written: Value = serde_json::from_str(&text).unwrap_or_default();
            assert_eq!(written, schema, "schemas/{name} is out of date: make event-schemas");
            expected.push(name);
        }
        expected.sort();
        let mut files: Vec<String> =
            fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        assert_eq!(files, expected, "a file of a type that is none");
    }

    #[test]
    fn every_type_that_is_sent_has_a_payload_of_its_own() {
        for kind in EventType::ALL {
            let Some(schema) = of(*kind) else { continue };
            let properties = schema["properties"]["payload"]["properties"].as_object();
            assert!(properties.is_some_and(|members| members.contains_key("id")), "{}: {schema}", kind.name());
        }
    }
}
