//! `message.*` (OB-4, OB-5).

use inlet_domain::{
    command::{Change, IdempotencyKey, MessageReport, Patch, PersonReport, ThreadReport},
    model::message::{Direction, MessageKind},
};
use serde_json::Value;

use super::{Report, attachment, contact, others, read_time, time};
use crate::{
    address, content,
    fields::{Members, Object},
};

const PLACED: [&str; 10] = [
    "id",
    "conversation_id",
    "contact",
    "contact_id",
    "message",
    "reactions",
    "attachments",
    "read_at",
    "created_at",
    "updated_at",
];

pub(super) fn read(report: &Report<'_>) -> MessageReport {
    let message = report.payload;
    let deleted = report.change == Change::Deleted;
    let content = content_of(message);
    let attachments = message.get("attachments").and_then(attachment::parts);
    let writer = contact::named(message, report.numbering());
    let ours = contact::id(message).is_some_and(|id| report.request.source.own_user_ids.contains(&id));
    MessageReport {
        ids: vec![report.id.clone()],
        external_id: Some(report.id.clone()),
        version: Some(report.version()),
        channel: report.channel(),
        // A deletion identifies only the message, whatever else it carries. An outbound message belongs to the contact
        // of the conversation.
        author_name: writer.as_ref().filter(|_| ours).and_then(|writer| writer.name.clone()),
        person: if deleted || ours { None } else { writer.or_else(|| hidden(report)) },
        thread: ThreadReport { id: message.id("conversation_id"), ..ThreadReport::default() },
        // No member tells the direction. A contact's message is inbound, unless the source lists its author as one of
        // our users.
        direction: if ours { Direction::Outbound } else { Direction::Inbound },
        kind: MessageKind::Message,
        content_type: content_type(&content, attachments.as_deref()),
        content,
        details: details(message),
        attachments,
        reactions: message.patch("reactions", reactions),
        quoted_id: None,
        occurred_at: time(message, "created_at"),
        read_at: message.patch("read_at", read_time),
    }
}

/// Whether the message names a conversation or a person that it belongs to.
pub(super) fn tells_place(report: &Report<'_>) -> bool {
    let message = report.payload;
    message.id("conversation_id").is_some()
        || contact::named(message, report.numbering()).is_some()
        || hidden(report).is_some()
}

/// A hidden writer without a conversation: the identity is of this message alone.
fn hidden(report: &Report<'_>) -> Option<PersonReport> {
    let message = report.payload;
    let contact = message.object("contact");
    let written = contact.and_then(|contact| contact.address("id").or_else(|| contact.address("username")));
    let written = written.or_else(|| message.address("contact")).or_else(|| message.address("contact_id"))?;
    // An invalid number is a placeholder and no hidden sender.
    let is_word = written.chars().any(char::is_alphabetic);
    let is_alone = is_word && address::hides(&written) && message.id("conversation_id").is_none();
    // All events of the message have the same identity.
    let of_message = IdempotencyKey::new("message", report.id.as_str());
    is_alone.then(|| PersonReport { identities: vec![address::hidden(&of_message)], ..PersonReport::default() })
}

/// The text as it was written, also an empty one. Of an object or list, the readable part.
fn content_of(message: &Object) -> Patch<String> {
    message.patch("message", |value| match value {
        Value::String(text) => Some(text.clone()),
        other => content::shown(None, other).or_else(|| content::whole(other)),
    })
}

/// Members without a field of their own, and the originals of values that are shown only in part.
fn details(message: &Object) -> Object {
    let mut details = others(message, &PLACED);
    for name in ["message", "attachments"] {
        if let Some(value) =
            message.get(name).filter(|value| value.is_object() || (name == "message" && value.is_array()))
        {
            details.insert(name.to_owned(), value.clone());
        }
    }
    details
}

/// The documents name no type: it follows from the content. An update without content changes no type.
fn content_type(
    content: &Patch<String>,
    attachments: Option<&[inlet_domain::command::AttachmentPart]>,
) -> Patch<String> {
    let file = attachments.and_then(|parts| parts.first());
    match (content.value(), file) {
        (Some(text), _) if !text.is_empty() => Patch::Value("text".to_owned()),
        (_, Some(file)) => Patch::Value(file.kind.as_str().to_owned()),
        (Some(_), None) => Patch::Value("text".to_owned()),
        (None, None) => Patch::Absent,
    }
}

/// OB-5: an object, or an array of objects, each with an emoji and its sender.
fn reactions(value: &Value) -> Option<Object> {
    let mut merged = Object::new();
    let mut add = |reaction: &Object| {
        for (emoji, names) in reaction {
            let all = merged.entry(emoji.clone()).or_insert_with(|| Value::Array(Vec::new()));
            let names = match names {
                Value::Array(names) => names.clone(),
                Value::Null => Vec::new(),
                one => vec![one.clone()],
            };
            if let Value::Array(all) = all {
                for name in names {
                    if !all.contains(&name) {
                        all.push(name);
                    }
                }
            }
        }
    };
    match value {
        Value::Object(reaction) => add(reaction),
        Value::Array(reactions) => reactions.iter().filter_map(Value::as_object).for_each(add),
        _ => return None,
    }
    Some(merged)
}
