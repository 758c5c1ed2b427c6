//! `whatsapp|rcs|viber|vmn:message:in`: a message to us (MT-6 to MT-8).

use std::iter;

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
    fields::{self, Members, Object, bounded_id},
    key,
    provider::Request,
};

pub(super) fn read(request: &Request<'_>, payload: &Object, event: &str, medium: Medium) -> Reading {
    let recipient = payload.object("recipient").ok_or(Misfit("there is no `recipient` in it"))?;
    let message = payload.object("message").ok_or(Misfit("there is no `message` in it"))?;
    let content = message.object("payload");
    let external_id = payload.id("id");
    // MT-15: ids are unique in their channel only.
    let in_medium = |id: &String| bounded_id(format!("{medium}:{id}"));
    let id = external_id.as_ref().map(in_medium);
    let key = id.clone().unwrap_or_else(|| key::digest(&Value::Object(payload.clone())));
    let key = key::versioned(event, key, |rules| {
        let former = payload.get("id").filter(|id| !fields::is_no_id(id)).and_then(|id| rules.id(id));
        former.as_ref().map(in_medium)
    });
    let person = person(request, medium, recipient, &key)
        .ok_or(Misfit("neither `recipient.from` nor an id of `recipient.user` tells who sent it"))?;

    let kind = message.text("type").map(|word| word.to_ascii_lowercase());
    let attachments: Vec<_> = content.and_then(|content| attachment(kind.as_deref(), content)).into_iter().collect();
    let mut details = Object::new();
    if !matches!(kind.as_deref(), Some("text" | "image" | "video" | "audio" | "document")) {
        put(&mut details, "payload", message.get("payload"));
    }
    let to = payload
        .array("channels")
        .and_then(|channels| channels.first()?.as_object())
        .and_then(|channel| channel.address("to"));
    let report = MessageReport {
        ids: id.into_iter().collect(),
        external_id,
        version: None,
        channel: match to {
            Some(to) => channel::at(medium, &to, numbering(request)),
            None => channel::own(request.source, medium),
        },
        person: Some(person),
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
    Ok(Command { key, effect: Effect::Message(Box::new(report)) })
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

/// The sender: the address it wrote from, and what the provider knows of the person. What the profile says of phone and
/// email is shown and joins nobody. `None` where nothing tells who it is.
fn person(request: &Request<'_>, medium: Medium, recipient: &Object, key: &IdempotencyKey) -> Option<PersonReport> {
    let numbering = numbering(request);
    let user = recipient.object("user");
    let mut report = PersonReport::default();
    if let Some(user) = user {
        report.phone = user.known("phone").and_then(|phone| address::shown(&phone, numbering));
        report.email = user.known("email").and_then(|email| address::email(&email)).map(|email| email.value);
        report.username = user.known("username");
        report.name = full_name(user).or_else(|| report.username.clone());
        let info = user.object("user_info");
        report.avatar_url = info.and_then(|info| info.known("picture"));
        report.attributes = attributes(user, info);
    }
    let ids = [("subscriber_id", "subscriber"), ("id", "user")].into_iter().filter_map(|(member, prefix)| {
        let id = user?.id(member).filter(|id| !address::hides(id))?;
        Some(provider_user(prefix, &id))
    });
    report.identities = match recipient.address("from").map(|from| address::on(medium, &from, numbering)) {
        // The ids of one who hides may be those of all who do.
        Some(None) => {
            (report.phone, report.email, report.username) = (None, None, None);
            vec![address::hidden(key)]
        }
        // The profile is that of a member.
        Some(Some(address)) if address.identity.kind == IdentityKind::Group => return Some(address.person()),
        Some(Some(address)) => {
            report.phone = address.phone.or(report.phone);
            report.email = address.email.or(report.email);
            address::distinct(iter::once(address.identity).chain(ids))
        }
        None => ids.collect(),
    };
    (!report.identities.is_empty()).then_some(report)
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
