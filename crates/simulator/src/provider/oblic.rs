//! The bodies of Oblic (`oblic-webhooks.md`). Times are unix seconds.

use serde_json::{Value, json};

/// A person who writes over Oblic.
#[derive(Debug, Clone)]
pub struct Person {
    /// Oblic's id of the person; empty if a placeholder stands there, so that the username identifies the person.
    pub id: String,
    /// The username at Oblic.
    pub username: String,
    /// Oblic's id of the conversation with that person.
    pub conversation: String,
    /// The number as digits with country code, if Oblic knows it.
    pub phone: Option<String>,
}

/// A contact as every event with one contains it (OB-2).
#[must_use]
pub fn contact(person: &Person, at: i64) -> Value {
    json!({
        "id": if person.id.is_empty() { "null" } else { person.id.as_str() },
        "username": person.username,
        "phone_number": person.phone.as_ref().map(|digits| format!("+{digits}")),
        "avatar_url": format!("https://assets.invalid/{}.jpg", person.username),
        "last_active_at": at,
        "created_at": at,
    })
}

fn envelope(id: &str, kind: &str, payload: Value) -> Value {
    json!({ "id": id, "type": kind, "payload": payload })
}

/// `message.created` or, with a later `updated`, `message.updated` (OB-4).
#[must_use]
pub fn message(envelope_id: &str, id: &str, person: &Person, text: &str, created: i64, updated: i64) -> Value {
    let kind = if updated > created { "message.updated" } else { "message.created" };
    let payload = json!({
        "id": id,
        "conversation_id": person.conversation,
        "contact": contact(person, created),
        "message": text,
        "reactions": [],
        "attachments": [],
        "read_at": null,
        "created_at": created,
        "updated_at": updated,
    });
    envelope(envelope_id, kind, payload)
}

/// `attachment.created` (OB-7).
#[must_use]
pub fn attachment_created(envelope_id: &str, id: &str, message: &str) -> Value {
    let payload = json!({
        "id": id,
        "message_id": message,
        "filename": "photo.jpg",
        "file_url": format!("https://assets.invalid/{id}.jpg"),
        "file_type": "image/jpeg",
        "file_size": 1_024,
    });
    envelope(envelope_id, "attachment.created", payload)
}
