//! Oblic: every entity is created, updated in parts and deleted, in any order (OB-1 to OB-10).

mod contacts;

use serde_json::{Map, Value, json};

use super::super::{
    Crowd, Event,
    odd::{DESK, occurred},
};
use crate::{
    claim::{Claim, GIVES_WAY, Kind, Must, Stamp, created, updated},
    provider::{
        Provider,
        oblic::{self, Person},
    },
};

/// People who share a conversation and write nowhere else.
#[derive(Debug, Clone)]
pub(crate) struct Circle {
    conversation: String,
    members: Vec<Person>,
}

const MEDIUM: &str = "WEBCHAT";

fn user(id: &str) -> String {
    format!("PROVIDER_USER/{id}")
}

/// Times are unix seconds (OB-8).
fn at(seconds: i64) -> Must {
    Must::at(chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default())
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// The name of a person: by the id, else by the username.
fn address(person: &Person) -> String {
    if person.id.is_empty() { format!("USERNAME/{}", person.username) } else { user(&person.id) }
}

/// The claims about a person wherever an event names them. The number is the profile's and identifies no one. The
/// username is shown until there is a name.
fn about(person: &Person) -> Vec<Claim> {
    let names = vec![address(person), format!("USERNAME/{}", person.username)];
    let phone = person.phone.as_ref().map_or_else(Must::be_null, |phone| Must::text(format!("+{phone}")));
    let members = vec![("username", Must::text(&person.username)), ("phone", phone)];
    let called = vec![("name", Must::text(&person.username))];
    let (kind, named) = (Kind::Contact, vec![address(person)]);
    vec![Claim::person(names, members), Claim::Told { kind, names: named, stamp: GIVES_WAY, members: called }]
}

/// The version of the change number `version`; the first is the creation.
fn stamp_of(version: i64, at: i64) -> Stamp {
    if version == 0 { created(Some(at)) } else { updated(Some(at)) }
}

impl Crowd {
    fn new_friend(&mut self) -> Person {
        let token = self.token();
        let token = token.as_str();
        // The number of another writer, or of a desk: a person with it in a profile is another person.
        let phone = match self.random.below(10) {
            0 => Some(self.person().phone),
            1 => Some(DESK.1.to_owned()),
            2 => Some(self.phone()),
            _ => None,
        };
        Person { id: format!("c-{token}"), username: format!("u-{token}"), conversation: format!("v-{token}"), phone }
    }

    fn friend(&mut self) -> Person {
        if let Some(friend) = Self::old(&mut self.random, &self.friends) {
            return friend;
        }
        let mut friend = self.new_friend();
        if self.random.percent(5) {
            friend.id.clear();
        }
        self.friends.push(friend.clone());
        friend
    }

    /// A person with an id of Oblic.
    fn known_friend(&mut self) -> Person {
        let friend = self.friend();
        if friend.id.is_empty() { self.new_friend() } else { friend }
    }

    /// An event of Oblic, with a new envelope.
    fn oblic(&mut self, name: &str, payload: Value, claims: Vec<Claim>) -> Event {
        let envelope = json!(format!("e-{}", self.token().as_str()));
        // A placeholder as the envelope's id identifies no event; the payload does.
        let envelope = if self.random.percent(5) { self.no_id() } else { envelope };
        let body = json!({ "id": envelope, "type": name, "payload": payload });
        Event::new(Provider::Oblic, name, body, claims)
    }

    fn gone(&mut self, kind: Kind, event: &str, id: &str, name: String) -> Event {
        self.oblic(event, json!({ "id": id }), vec![Claim::Gone { kind, name }])
    }

    pub(in super::super) fn oblic_message(&mut self) -> Event {
        let circle = if self.random.percent(15) { Self::old(&mut self.random, &self.circles) } else { None };
        let (mut author, thread) = match circle {
            Some(circle) => {
                let author = circle.members[self.random.below(circle.members.len())].clone();
                (author, circle.conversation)
            }
            None => {
                let friend = self.friend();
                (friend.clone(), friend.conversation)
            }
        };
        author.conversation.clone_from(&thread);
        let (token, created_at) = (self.token(), self.second().timestamp());
        let id = format!("m-{}", token.as_str());
        let text = format!("I hate meetings. {} v0", token.as_str());
        let mut whole = object(oblic::message("", &id, &author, &text, created_at, created_at)["payload"].take());
        let file = self.random.percent(12).then(|| format!("f-{}", token.as_str()));
        if let Some(file) = &file {
            let part = oblic::attachment_created("", file, &id)["payload"].take();
            whole.insert("attachments".into(), json!([part]));
        }
        let mut first = whole.clone();
        match self.random.below(24) {
            0 => first.insert("updated_at".into(), Value::Null),
            1 => first.insert("message".into(), json!({ "text": text })),
            2 => first.insert("message".into(), json!([text])),
            _ => None,
        };
        if self.random.percent(3) {
            // A message was not written after it was received.
            let late = if self.random.percent(50) { json!(0) } else { json!(self.to_come().timestamp()) };
            first.insert("created_at".into(), late.clone());
            first.insert("updated_at".into(), json!(created_at));
            whole.insert("created_at".into(), late);
        }
        let mut events = vec![self.version(&first, &author, "message.created", created(Some(created_at)))];
        let mut is_untold = false;
        for _ in 0..self.random.below(4) {
            let stamp = if self.random.percent(20) { created_at } else { self.second().timestamp() };
            if stamp == created_at && events.len() > 1 {
                continue;
            }
            let mut part = self.update(&whole, &author, stamp);
            let mut version = updated(Some(stamp));
            // Of several updates without a time the last to arrive is the newest, so the scene has at most one.
            if stamp != created_at && !is_untold && self.random.percent(6) {
                is_untold = true;
                part.insert("updated_at".into(), Value::Null);
                version = updated(None);
            }
            let event = self.version(&part, &author, "message.updated", version);
            events.push(event);
        }
        if let Some(file) = &file {
            let events_of_file = self.file(&id, file, true);
            events.extend(events_of_file);
        } else if self.random.percent(15) {
            let file = format!("f-{}", self.token().as_str());
            let events_of_file = self.file(&id, &file, false);
            events.extend(events_of_file);
        }
        if self.random.percent(10) {
            events.push(self.gone(Kind::Message, "message.deleted", &id, format!("{MEDIUM}/{id}")));
        }
        self.mixed(events)
    }

    /// An update of some members; an absent member is not null (OB-10).
    fn update(&mut self, whole: &Map<String, Value>, author: &Person, stamp: i64) -> Map<String, Value> {
        let mut part = whole.clone();
        part.insert("updated_at".into(), json!(stamp));
        let text = whole["message"].as_str().unwrap_or_default().to_owned();
        part.insert("message".into(), json!(format!("{text} v{stamp}")));
        part.insert("read_at".into(), json!(stamp));
        part.insert("reactions".into(), self.reactions(&author.username));
        if stamp == whole["created_at"] {
            part.insert("message".into(), json!(text));
        }
        let droppable: &[&str] = match self.random.below(4) {
            0 => &["contact", "conversation_id", "created_at", "message", "attachments"],
            1 => &["contact", "created_at", "attachments", "reactions"],
            2 => &["message", "read_at", "attachments"],
            _ => &[],
        };
        part.retain(|name, _| !droppable.contains(&name.as_str()));
        part
    }

    /// OB-5: an array of objects, or one object.
    fn reactions(&mut self, username: &str) -> Value {
        match self.random.below(3) {
            0 => json!([{ "👍": [username] }, { "🎉": ["someone", "else"] }]),
            1 => json!({ "👍": [username] }),
            _ => json!([]),
        }
    }

    fn version(&mut self, part: &Map<String, Value>, author: &Person, name: &str, stamp: Stamp) -> Event {
        let id = part["id"].as_str().unwrap_or_default();
        let mut members = vec![("direction", Must::text("INBOUND")), ("kind", Must::text("MESSAGE"))];
        let mut claims = Vec::new();
        if let Some(text) = part.get("message") {
            // In odd forms too the text is shown.
            let text = text.get("text").or_else(|| text.get(0)).unwrap_or(text);
            members.push(("content", Must::Be(text.clone())));
        }
        if let Some(time) = part.get("created_at").and_then(Value::as_i64) {
            let is_none = time == 0 || time > self.to_come().timestamp() - 1;
            let told = chrono::DateTime::from_timestamp(time, 0).filter(|_| !is_none);
            members.extend(occurred(told));
        }
        if let Some(time) = part.get("read_at") {
            let time = time.as_i64().and_then(|time| chrono::DateTime::from_timestamp(time, 0));
            members.push(("readAt", Must::BeEarliest(time)));
        }
        if let Some(files) = part.get("attachments").and_then(Value::as_array) {
            claims.extend(files.iter().map(|file| file_claim(id, file, stamp)));
        }
        if let Some(reactions) = part.get("reactions") {
            members.push(("reactions", Must::Be(flat(reactions))));
        }
        if part.contains_key("contact") {
            members.push(("author", Must::Hold(address(author))));
            claims.extend(about(author));
        }
        if part.contains_key("conversation_id") {
            members.push(("thread", Must::text(format!("oblic:{}", author.conversation))));
        }
        let names = vec![format!("{MEDIUM}/{id}")];
        claims.push(Claim::Told { kind: Kind::Message, names, stamp, members });
        self.oblic(name, Value::Object(part.clone()), claims)
    }

    /// The life of a message's file: it may arrive before the message, or be deleted before that (OB-7). A file within
    /// its message is the same file.
    fn file(&mut self, message: &str, id: &str, came_inside: bool) -> Vec<Event> {
        let whole = oblic::attachment_created("", id, message)["payload"].take();
        let at = self.second().timestamp();
        let mut events = Vec::new();
        let versions = if came_inside { i64::from(self.random.percent(50)) } else { 0 };
        for version in versions..=i64::from(self.random.percent(40)) {
            let mut payload = whole.clone();
            payload["updated_at"] = json!(at + version);
            payload["filename"] = json!(format!("photo{version}.jpg"));
            let claim = file_claim(message, &payload, stamp_of(version, at + version));
            let name = if version == 0 { "attachment.created" } else { "attachment.updated" };
            events.push(self.oblic(name, payload, vec![claim]));
        }
        if self.random.percent(20) {
            events.push(self.gone(Kind::File, "attachment.deleted", id, id.to_owned()));
        }
        events
    }

    /// A conversation's own events, before, between and after its messages. Only a conversation without messages is
    /// deleted.
    pub(in super::super) fn oblic_conversation(&mut self) -> Event {
        let silent = self.random.percent(30);
        let friend = if silent { self.new_friend() } else { self.friend() };
        let id = friend.conversation.clone();
        let mut events = Vec::new();
        for version in 0..=i64::from(self.random.percent(50)) {
            let stamp = self.second().timestamp();
            let payload = json!({
                "id": id, "contact": oblic::contact(&friend, stamp), "pinned": version > 0, "muted": false,
                "archived_at": null, "created_at": stamp, "updated_at": stamp });
            let name = format!("oblic:{id}");
            let members = vec![("contact", Must::Hold(address(&friend)))];
            let stamp = stamp_of(version, stamp);
            let mut claims = vec![Claim::Told { kind: Kind::Conversation, names: vec![name], stamp, members }];
            claims.extend(about(&friend));
            let event = if version == 0 { "conversation.created" } else { "conversation.updated" };
            events.push(self.oblic(event, payload, claims));
        }
        if silent && self.random.percent(60) {
            events.push(self.gone(Kind::Conversation, "conversation.deleted", &id, format!("oblic:{id}")));
        }
        self.mixed(events)
    }

    /// A person whose conversation sometimes has a placeholder as its id. Then the message belongs to the writer's own
    /// conversation: two people with one placeholder have two conversations.
    pub(in super::super) fn placeless(&mut self) -> Event {
        let friend = self.new_friend();
        let mut events = Vec::new();
        for _ in 0..2 + self.random.below(3) {
            let mut event = self.told_by(&friend, true);
            event.claims.extend(about(&friend));
            if self.random.percent(50) {
                event.body["payload"]["conversation_id"] = self.no_id();
            }
            events.push(event);
        }
        self.mixed(events)
    }
}

/// The claim about a file of a message.
fn file_claim(message: &str, file: &Value, stamp: Stamp) -> Claim {
    Claim::Told {
        kind: Kind::File,
        names: vec![file["id"].as_str().unwrap_or_default().to_owned()],
        stamp,
        members: vec![
            ("message", Must::text(format!("{MEDIUM}/{message}"))),
            ("filename", Must::Be(file["filename"].clone())),
            ("url", Must::Be(file["file_url"].clone())),
            ("kind", Must::text("IMAGE")),
        ],
    }
}

/// Reactions as GraphQL shows them: each emoji with its senders.
fn flat(reactions: &Value) -> Value {
    let all = reactions.as_array().cloned().unwrap_or_else(|| vec![reactions.clone()]);
    Value::Object(all.into_iter().flat_map(object).collect())
}
