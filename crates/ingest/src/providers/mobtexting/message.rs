//! `whatsapp|rcs|viber|vmn:message:in`: a message to us (MT-6 to MT-8).

use inlet_domain::{
    command::{
        AttachmentPart, Command, Effect, IdempotencyKey, IdentityKind, IdentityRef, MessageReport, Patch, PersonReport,
        ThreadReport,
    },
    model::{
        channel::Medium,
        message::{AttachmentKind, Direction, MessageKind},
    },
};
use serde_json::Value;

use super::{Misfit, Reading, full_name, numbering, put, time};
use crate::{
    address, channel,
    fields::{Members, Object, bounded_id},
    key,
    provider::Request,
};

pub(super) fn read(request: &Request<'_>, payload: &Object, event: &str, medium: Medium) -> Reading {
    let recipient = payload.object("recipient").ok_or(Misfit("there is no `recipient` in it"))?;
    let message = payload.object("message").ok_or(Misfit("there is no `message` in it"))?;
    let from = recipient.known("from").ok_or(Misfit("it does not tell who sent it"))?;
    let content = message.object("payload");
    let external_id = payload.id("id");
    // MT-15: ids are unique in their channel only.
    let id = external_id.as_ref().map(|id| bounded_id(format!("{medium}:{id}")));
    let key = id.clone().unwrap_or_else(|| key::digest(&Value::Object(payload.clone())));

    let kind = message.text("type").map(|word| word.to_ascii_lowercase());
    let attachments: Vec<_> = content.and_then(|content| attachment(kind.as_deref(), content)).into_iter().collect();
    let mut details = Object::new();
    if !matches!(kind.as_deref(), Some("text" | "image" | "video" | "audio" | "document")) {
        put(&mut details, "payload", message.get("payload"));
    }
    let to = payload
        .array("channels")
        .and_then(|channels| channels.first()?.as_object())
        .and_then(|channel| channel.known("to"));
    let report = MessageReport {
        ids: id.into_iter().collect(),
        external_id,
        version: None,
        channel: match to {
            Some(to) => channel::at(medium, &to, numbering(request)),
            None => channel::own(request.source, medium),
        },
        person: Some(person(request, &from, recipient.object("user"))),
        thread: ThreadReport::default(),
        direction: Direction::Inbound,
        kind: MessageKind::Message,
        author_name: None,
        content_type: Patch::known(kind.or_else(|| Some("text".to_owned()))),
        content: Patch::told(content.and_then(shown)),
        details,
        attachments: Some(attachments),
        reactions: Patch::Absent,
        quoted_id: None,
        occurred_at: time(request, message, "timestamp").or_else(|| time(request, payload, "timestamp")),
        read_at: Patch::Absent,
    };
    Ok(Command { key: IdempotencyKey::new(event, key), effect: Effect::Message(Box::new(report)) })
}

/// MT-8: what there is to show, of whatever type.
fn shown(content: &Object) -> Option<String> {
    content.written("text").or_else(|| content.written("caption")).or_else(|| content.written("postback")).or_else(
        || {
            let postback = content.object("postback")?;
            postback.written("title").or_else(|| postback.written("text")).or_else(|| postback.written("payload"))
        },
    )
}

fn attachment(kind: Option<&str>, content: &Object) -> Option<AttachmentPart> {
    Some(AttachmentPart {
        external_id: None,
        kind: match kind {
            Some("image" | "sticker") => AttachmentKind::Image,
            Some("video") => AttachmentKind::Video,
            Some("audio" | "voice") => AttachmentKind::Audio,
            Some("document" | "file") => AttachmentKind::Document,
            _ => AttachmentKind::Other,
        },
        url: Some(content.known("url")?),
        filename: content.known("filename"),
        mime_type: content.known("mime_type"),
        size_bytes: None,
    })
}

/// The sender: the address it wrote from, and what the provider knows of the person.
fn person(request: &Request<'_>, from: &str, user: Option<&Object>) -> PersonReport {
    let numbering = numbering(request);
    let address = address::any(from, numbering);
    let mut report = PersonReport { phone: address::e164(from, numbering), ..PersonReport::default() };
    let mut identities = vec![address];
    if let Some(user) = user {
        let phone = user.known("phone").and_then(|phone| address::e164(&phone, numbering));
        let email = user.known("email").and_then(|email| address::email(&email));
        for (member, prefix) in [("subscriber_id", "subscriber"), ("id", "user")] {
            if let Some(id) = user.known(member) {
                identities.push(provider_user(prefix, &id));
            }
        }
        identities.extend(phone.iter().map(|phone| address::identity(IdentityKind::Phone, phone.clone(), phone)));
        report.email = email.as_ref().map(|email| email.value.clone());
        identities.extend(email);
        report.phone = report.phone.or(phone);
        report.username = user.known("username");
        report.name = full_name(user).or_else(|| report.username.clone());
        let info = user.object("user_info");
        report.avatar_url = info.and_then(|info| info.known("picture"));
        report.attributes = attributes(user, info);
    }
    let mut seen: Vec<IdentityRef> = Vec::new();
    for identity in identities {
        if !seen.iter().any(|other| other.kind == identity.kind && other.value == identity.value) {
            seen.push(identity);
        }
    }
    report.identities = seen;
    report
}

/// The provider counts its users and its subscribers apart, so that one number may mean two people.
pub(super) fn provider_user(prefix: &str, id: &str) -> IdentityRef {
    address::identity(IdentityKind::ProviderUser, format!("{prefix}:{id}"), id)
}

fn attributes(user: &Object, info: Option<&Object>) -> Object {
    let mut attributes = Object::new();
    for name in ["identity", "identifier_id"] {
        put(&mut attributes, name, user.get(name));
    }
    for name in ["gender", "title"] {
        put(&mut attributes, name, info.and_then(|info| info.get(name)));
    }
    match user.get("attributes") {
        Some(Value::Object(more)) => {
            for (name, value) in more {
                put(&mut attributes, name, Some(value));
            }
        }
        Some(Value::Array(items)) if items.is_empty() => {}
        other => put(&mut attributes, "attributes", other),
    }
    attributes
}
