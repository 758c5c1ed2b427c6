//! Oblic: contacts, conversations, messages, groups and attachments, each created, updated or deleted. Updates may be
//! partial, in any order, and carry a version (OB-10).

mod attachment;
mod contact;
mod message;
mod thread;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use inlet_domain::{
    command::{Change, ChannelRef, Command, Effect, Patch, Version},
    model::{channel::Medium, source::HmacAlgorithm},
};
use serde_json::{Value, json};

use crate::{
    address::{self, Numbering},
    channel, digest,
    fields::{self, Members, Object},
    provider::{Adapter, Demo, Request, Understanding},
    signature::Scheme,
    times,
};

/// The adapter.
#[derive(Debug, Clone, Copy)]
pub struct Oblic;

/// The entity of an event type, by the first part of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entity {
    Contact,
    Conversation,
    Message,
    Group,
    Attachment,
}

impl Entity {
    const ALL: [(&'static str, Self); 5] = [
        ("contact", Self::Contact),
        ("conversation", Self::Conversation),
        ("message", Self::Message),
        ("group", Self::Group),
        ("attachment", Self::Attachment),
    ];
}

const CHANGES: [(&str, Change); 3] =
    [("created", Change::Created), ("updated", Change::Updated), ("deleted", Change::Deleted)];

/// The event of a type such as `message.updated`, with its documented name.
fn event(name: &str) -> Option<(String, Entity, Change)> {
    let name = name.to_ascii_lowercase();
    let (entity, change) = name.split_once('.')?;
    let (_, entity) = Entity::ALL.into_iter().find(|(word, _)| *word == entity)?;
    let (_, change) = CHANGES.into_iter().find(|(word, _)| *word == change)?;
    Some((name, entity, change))
}

impl Adapter for Oblic {
    fn scheme(&self) -> Scheme {
        Scheme::hex("x-oblic-signature", HmacAlgorithm::Sha256)
    }

    fn demo(&self) -> Option<Demo> {
        Some(Demo { name: "Oblic", phone_region: Some("US") })
    }

    fn understand(&self, request: &Request<'_>) -> Understanding {
        let Some(body) = request.body.as_object() else {
            return request.unknown("the body is not an object");
        };
        let Some((name, entity, change)) = request.named(event) else {
            return request.unknown("this is not a known Oblic event");
        };
        // OB-9: a null payload identifies nothing.
        let Some(payload) = body.object("payload") else {
            return Understanding::Unknown {
                reason: format!("{name}: the payload is missing, null or not an object, so it identifies nothing"),
                event: Some(name),
            };
        };
        let Some(id) = payload.id("id") else {
            let reason = format!("{name}: `payload.id` is missing or a placeholder");
            return Understanding::Unknown { reason, event: Some(name) };
        };
        if entity == Entity::Contact && address::hides(&id) {
            let reason = format!("{name}: `payload.id` is a word for a hidden person, which identifies no one");
            return Understanding::Unknown { reason, event: Some(name) };
        }
        // OB-1
        let key = body.id("id").unwrap_or_else(|| digest::of_value(&json!([id, payload])));
        let key = fields::versioned(&name, key, |rules| match body.get("id") {
            Some(id) if fields::is_no_id(id) => None,
            Some(id) if rules.id(id).is_some() => rules.id(id),
            _ => Some(digest::of_value(&json!([rules.id_of(payload, "id"), payload]))),
        });
        let report = Report { request, payload, id, change };
        if entity == Entity::Message && change == Change::Created && !message::tells_place(&report) {
            let reason =
                format!("{name}: neither `conversation_id` nor `contact` identifies the conversation of the message");
            return Understanding::Unknown { reason, event: Some(name) };
        }
        let effect = match entity {
            Entity::Contact => Effect::Contact(Box::new(contact::read(&report))),
            Entity::Conversation => Effect::Conversation(Box::new(thread::read_conversation(&report))),
            Entity::Message => Effect::Message(Box::new(message::read(&report))),
            Entity::Group => Effect::Group(Box::new(thread::read_group(&report))),
            Entity::Attachment => Effect::Attachment(Box::new(attachment::read(&report))),
        };
        let mut commands = vec![Command { key: key.clone(), effect }];
        if entity == Entity::Group
            && let Some(conversation) = thread::read_conversation_of_group(&report)
        {
            let key = inlet_domain::command::IdempotencyKey { kind: format!("{name}:conversation"), ..key };
            commands.push(Command { key, effect: Effect::Conversation(Box::new(conversation)) });
        } else if entity == Entity::Conversation
            && let Some(group) = thread::read_group_of_conversation(&report)
        {
            let key = inlet_domain::command::IdempotencyKey { kind: format!("{name}:group"), ..key };
            commands.push(Command { key, effect: Effect::Group(Box::new(group)) });
        }
        Understanding::Known { event: name, commands }
    }
}

/// A payload and its id and version.
struct Report<'a> {
    request: &'a Request<'a>,
    payload: &'a Object,
    /// The entity's id.
    id: String,
    change: Change,
}

impl Report<'_> {
    /// The version. Its time is `updated_at`. A new entity may have no update time, and a deleted one may tell the time
    /// of the deletion. Without any of these, the arrival counts (OB-10).
    fn version(&self) -> Version {
        let own = |change, name| time(self.payload, name).filter(|_| self.change == change);
        let told = own(Change::Deleted, "deleted_at")
            .or_else(|| time(self.payload, "updated_at"))
            .or_else(|| own(Change::Created, "created_at"));
        Version::new(self.change, told, self.request.received_at)
    }

    fn channel(&self) -> ChannelRef {
        channel::own(self.request.source, self.request.source.medium.unwrap_or(Medium::Webchat))
    }

    /// A number without `+` is national, so without a region it stays as written (OB-2).
    fn numbering(&self) -> Numbering {
        self.request.region().map_or(Numbering::PlusOnly, Numbering::RegionFirst)
    }
}

/// OB-8
fn read_time(value: &Value) -> Option<DateTime<Utc>> {
    times::read(value, Tz::UTC)
}

fn time(object: &Object, name: &str) -> Option<DateTime<Utc>> {
    object.get(name).and_then(read_time)
}

fn text(object: &Object, name: &str) -> Patch<String> {
    match object.get(name) {
        // A word for null means null.
        Some(value) if fields::text(value).is_some() && fields::name(value).is_none() => Patch::Null,
        _ => object.patch(name, fields::name),
    }
}

/// Members without a field of their own, by name; times as RFC 3339.
fn others(payload: &Object, placed: &[&str]) -> Object {
    let mut others = Object::new();
    for (name, value) in payload.iter().filter(|(name, _)| !placed.contains(&name.as_str())) {
        let time = name.ends_with("_at").then(|| read_time(value)).flatten();
        let value = time.map_or_else(
            || value.clone(),
            |time| Value::from(time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)),
        );
        others.insert(name.clone(), value);
    }
    others
}
