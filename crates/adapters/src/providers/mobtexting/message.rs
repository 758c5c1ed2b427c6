//! `whatsapp|rcs|viber|vmn:message:in`: an inbound message (MT-6 to MT-8).

use std::iter;

use chrono::{DateTime, Utc};
use inlet_domain::{
    command::{
        Change, ChannelRef, Command, Effect, IdempotencyKey, IdentityKind, IdentityRef, MessageReport, Patch,
        PersonReport, ThreadReport, Version,
    },
    model::{
        channel::Medium,
        message::{Direction, MessageKind},
    },
};
use serde_json::Value;

use super::{Misfit, Reading, full_name, numbering, put, time};
use crate::{
    address, channel, content, digest,
    fields::{self, Members, Object},
    provider::Request,
    text::bounded_id,
};

pub(super) fn read(request: &Request<'_>, payload: &Object, event: &str, medium: Medium) -> Reading {
    let recipient = payload.object("recipient").ok_or(Misfit("there is no `recipient` in it"))?;
    let message = payload.get("message").filter(|message| !is_nothing(message));
    let message = message.ok_or(Misfit("there is no `message` in it"))?;
    let external_id = payload.id("id");
    // MT-15: ids are unique only within their channel.
    let in_medium = |id: &String| bounded_id(format!("{medium}:{id}"));
    let id = external_id.as_ref().map(in_medium);
    let key = id.clone().unwrap_or_else(|| digest::of_value(&Value::Object(payload.clone())));
    let key = fields::versioned(event, key, |rules| {
        let former = payload.get("id").filter(|id| !fields::is_no_id(id)).and_then(|id| rules.id(id));
        former.as_ref().map(in_medium)
    });
    let person = person(request, medium, recipient, &key)
        .ok_or(Misfit("neither `recipient.from` nor an id of `recipient.user` tells who sent it"))?;

    let is_group = person.identities.first().is_some_and(|address| address.kind == IdentityKind::Group);
    let member = recipient.object("user").filter(|_| is_group).and_then(member);
    let said = Said::of(message);
    let occurred_at = message
        .as_object()
        .and_then(|message| time(request, message, "timestamp"))
        .or_else(|| time(request, payload, "timestamp"));
    let to = our_address(payload);
    let channel = match to {
        Some(to) => channel::at(medium, &to, numbering(request)),
        None => channel::own(request.source, medium),
    };
    if said.is("reaction") {
        let effect = reaction(request, &said, medium, &person, channel, occurred_at)?;
        return Ok(Command { key, effect: Effect::Message(Box::new(effect)) });
    }
    let kind = said.kind.as_deref();
    // A URL within a text is text.
    let has_files = match said.payload {
        Value::Object(_) => true,
        Value::Array(items) => content::is_media(kind) || items.iter().any(Value::is_object),
        _ => content::is_media(kind),
    };
    let attachments = if has_files { content::files(kind, said.payload) } else { Vec::new() };
    let shown = content::shown(kind, said.payload).or_else(|| match kind.filter(|kind| *kind != "text") {
        _ if !attachments.is_empty() => None,
        Some(kind) => content::named(kind),
        None => content::whole(said.payload).filter(|_| said.holds_any()),
    });
    let report = MessageReport {
        ids: id.into_iter().collect(),
        external_id,
        version: None,
        channel,
        person: Some(person),
        thread: ThreadReport::default(),
        direction: Direction::Inbound,
        kind: MessageKind::Message,
        author_name: member.as_ref().and_then(|member| member.known("name")),
        content_type: Patch::Value(said.kind.clone().unwrap_or_else(|| {
            attachments.first().filter(|_| shown.is_none()).map_or("text", |file| file.kind.as_str()).to_owned()
        })),
        content: Patch::told(shown),
        details: {
            let mut details = said.details();
            put(&mut details, "sender", member.map(Value::Object).as_ref());
            details
        },
        attachments: Some(attachments),
        reactions: Patch::Absent,
        quoted_id: None,
        occurred_at,
        read_at: Patch::Absent,
    };
    Ok(Command { key, effect: Effect::Message(Box::new(report)) })
}

/// The content of a message: `{type, payload}`, or an equivalent form.
struct Said<'a> {
    /// The message as it was received.
    message: &'a Value,
    /// The type in lower case.
    kind: Option<String>,
    /// The value with the shown text.
    payload: &'a Value,
}

impl<'a> Said<'a> {
    /// The payload is under `payload`, under the name of the type, or the message itself.
    fn of(message: &'a Value) -> Self {
        let kind = message.as_object().and_then(|message| message.text("type")).map(|word| word.to_ascii_lowercase());
        let named = kind.as_deref().and_then(|kind| message.get(kind));
        let payload = message.get("payload").filter(|payload| !payload.is_null()).or(named).unwrap_or(message);
        Self { message, kind, payload }
    }

    fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }

    /// Whether the payload, or the message beside the type, has any content.
    fn holds_any(&self) -> bool {
        !std::ptr::eq(self.payload, self.message)
            || self.message.as_object().is_none_or(|it| it.keys().any(|name| name != "type"))
    }

    /// MT-8: unknown members of the message, and a payload that holds more than the shown text, unchanged.
    fn details(&self) -> Object {
        const PLACED: [&str; 5] = ["type", "payload", "timestamp", "id", "from"];
        const TEXT: [&str; 1] = ["text"];
        const MEDIA: [&str; 6] = ["url", "caption", "filename", "file_name", "fileName", "mime_type"];
        let mut details = Object::new();
        let Some(message) = self.message.as_object() else {
            if !self.message.is_string() {
                put(&mut details, "message", Some(self.message));
            }
            return details;
        };
        let understood: &[&str] = match self.kind.as_deref() {
            None | Some("text") => &TEXT,
            Some("image" | "video" | "audio" | "document") => &MEDIA,
            Some(_) => &[],
        };
        let is_plain = |value: &Value| value.is_string() || value.is_number() || value.is_null();
        if let Some(payload) = message.get("payload") {
            let is_understood = match payload {
                Value::String(_) => !understood.is_empty(),
                Value::Object(members) => {
                    !understood.is_empty()
                        && members.iter().all(|(name, value)| understood.contains(&name.as_str()) && is_plain(value))
                }
                _ => false,
            };
            if !is_understood {
                put(&mut details, "payload", Some(payload));
            }
        }
        for (name, value) in message {
            let is_shown = name == "text" && understood == TEXT && value.is_string();
            if !PLACED.contains(&name.as_str()) && !is_shown {
                put(&mut details, name, Some(value));
            }
        }
        details
    }
}

/// A person added or removed an emoji: a change of the other message, and no message of its own.
fn reaction(
    request: &Request<'_>,
    said: &Said<'_>,
    medium: Medium,
    person: &PersonReport,
    channel: ChannelRef,
    told: Option<DateTime<Utc>>,
) -> Result<MessageReport, Misfit> {
    let reaction = said.payload.get("reaction").unwrap_or(said.payload);
    let reaction = reaction.as_object().ok_or(NO_TARGET)?;
    let target = ["message_id", "messageId", "msg_id", "id"].into_iter().find_map(|name| reaction.id(name));
    let target = target.ok_or(NO_TARGET)?;
    let emoji = ["emoji", "reaction", "text"].into_iter().find_map(|name| reaction.known(name));
    let who = person.identities.first().map(|address| address.value.clone()).unwrap_or_default();
    // In a conversation of two, all inbound reactions are the sender's.
    let reactions = emoji.map(|emoji| (emoji, Value::from(vec![who]))).into_iter().collect();
    Ok(MessageReport {
        ids: vec![bounded_id(format!("{medium}:{target}"))],
        external_id: Some(target),
        version: Some(Version::new(Change::Updated, told, request.received_at)),
        channel,
        person: None,
        thread: ThreadReport::default(),
        direction: Direction::Inbound,
        kind: MessageKind::Message,
        author_name: None,
        content_type: Patch::Absent,
        content: Patch::Absent,
        details: Object::new(),
        attachments: None,
        reactions: Patch::Value(reactions),
        quoted_id: None,
        occurred_at: None,
        read_at: Patch::Absent,
    })
}

const NO_TARGET: Misfit = Misfit("the reaction does not name its message: `message.payload.message_id` is missing");

/// Our address: of the first channel, also if a single channel stands instead of the list.
fn our_address(payload: &Object) -> Option<String> {
    first_channel(payload)?.address("to")
}

/// The channel of the message.
pub(super) fn first_channel(payload: &Object) -> Option<&Object> {
    match payload.get("channels")? {
        Value::Array(channels) => channels.iter().find_map(Value::as_object),
        Value::Object(channel) if channel.contains_key("to") || channel.contains_key("name") => Some(channel),
        // By name: `{"whatsapp": {"to": ...}}`.
        Value::Object(by_name) => by_name.values().find_map(Value::as_object),
        _ => None,
    }
}

fn is_nothing(message: &Value) -> bool {
    match message {
        Value::Null | Value::Bool(_) => true,
        Value::String(text) => text.trim().is_empty() || text.trim().eq_ignore_ascii_case("null"),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Number(_) => false,
    }
}

/// The sender: the address, and the provider's data of the person. Phone and email of the profile are shown and join no
/// contacts. `None` if nothing identifies the sender.
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
        // The ids of a hidden sender may belong to all hidden senders.
        Some(None) => {
            (report.phone, report.email, report.username) = (None, None, None);
            vec![address::hidden(key)]
        }
        // The profile is that of a group member.
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

/// The author of a message in a group, from the profile beside the group's address: name, number and id.
fn member(user: &Object) -> Option<Object> {
    let mut member = Object::new();
    let name = full_name(user).or_else(|| user.known("username"));
    for (name, told) in [("name", name), ("phone", user.known("phone")), ("id", user.id("id"))] {
        if let Some(told) = told {
            member.insert(name.to_owned(), Value::from(told));
        }
    }
    (!member.is_empty()).then_some(member)
}

/// The provider counts its users and its subscribers separately, so one number may mean two people.
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
