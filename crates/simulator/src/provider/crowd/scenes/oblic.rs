//! Oblic: everything is created, updated in parts and deleted, and no two of these need come in their order (OB-1 to
//! OB-10).

use serde_json::{Map, Value, json};

use super::super::{Crowd, Event};
use crate::{
    claim::{Claim, Kind, Must, Stamp},
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

fn about(person: &Person) -> Claim {
    let mut names = vec![user(&person.id), format!("USERNAME/{}", person.username)];
    names.extend(person.phone.iter().map(|phone| format!("PHONE/{phone}")));
    Claim::person(names, vec![("username", Must::text(&person.username))])
}

impl Crowd {
    fn new_friend(&mut self) -> Person {
        let token = self.token();
        let token = token.as_str();
        let phone = self.random.percent(30).then(|| self.phone());
        Person { id: format!("c-{token}"), username: format!("u-{token}"), conversation: format!("v-{token}"), phone }
    }

    fn friend(&mut self) -> Person {
        if let Some(friend) = Self::old(&mut self.random, &self.friends) {
            return friend;
        }
        let friend = self.new_friend();
        self.friends.push(friend.clone());
        friend
    }

    /// An event of Oblic, with an envelope of its own.
    fn oblic(&mut self, name: &str, payload: Value, claims: Vec<Claim>) -> Event {
        let envelope = self.token();
        let body = json!({ "id": format!("e-{}", envelope.as_str()), "type": name, "payload": payload });
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
        let (token, created) = (self.token(), self.second().timestamp());
        let id = format!("m-{}", token.as_str());
        let text = format!("I hate meetings. {} v0", token.as_str());
        let whole = object(oblic::message("", &id, &author, &text, created, created)["payload"].take());
        let mut events = vec![self.version(&whole, &author, "message.created", (created, 0))];
        for _ in 0..self.random.below(4) {
            let stamp = if self.random.percent(20) { created } else { self.second().timestamp() };
            if stamp == created && events.len() > 1 {
                continue;
            }
            let event = self.update(&whole, &author, stamp);
            events.push(event);
        }
        if self.random.percent(15) {
            let file = self.file(&id);
            events.extend(file);
        }
        if self.random.percent(10) {
            events.push(self.gone(Kind::Message, "message.deleted", &id, format!("{MEDIUM}/{id}")));
        }
        self.mixed(events)
    }

    /// An update of some members; an absent one is not null (OB-10).
    fn update(&mut self, whole: &Map<String, Value>, author: &Person, stamp: i64) -> Event {
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
        self.version(&part, author, "message.updated", (stamp, 1))
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
            members.push(("content", Must::Be(text.clone())));
        }
        if let Some(time) = part.get("created_at").and_then(Value::as_i64) {
            members.push(("occurredAt", at(time)));
        }
        if let Some(time) = part.get("read_at") {
            members.push(("readAt", time.as_i64().map_or_else(Must::be_null, at)));
        }
        if let Some(reactions) = part.get("reactions") {
            members.push(("reactions", Must::Be(flat(reactions))));
        }
        if part.contains_key("contact") {
            members.push(("author", Must::Hold(user(&author.id))));
            claims.push(about(author));
        }
        if part.contains_key("conversation_id") {
            members.push(("thread", Must::text(format!("oblic:{}", author.conversation))));
        }
        let names = vec![format!("{MEDIUM}/{id}")];
        claims.push(Claim::Told { kind: Kind::Message, names, stamp, members });
        self.oblic(name, Value::Object(part.clone()), claims)
    }

    /// A file of a message, which may come before the message or go before it came (OB-7).
    fn file(&mut self, message: &str) -> Vec<Event> {
        let token = self.token();
        let id = format!("f-{}", token.as_str());
        let whole = oblic::attachment_created("", &id, message)["payload"].take();
        let stamp = self.second().timestamp();
        let mut events = Vec::new();
        for version in 0..=i64::from(self.random.percent(40)) {
            let mut payload = whole.clone();
            let filename = format!("photo{version}.jpg");
            payload["updated_at"] = json!(stamp + version);
            payload["filename"] = json!(filename);
            let claim = Claim::Told {
                kind: Kind::File,
                names: vec![id.clone()],
                stamp: (stamp + version, u8::from(version > 0)),
                members: vec![
                    ("message", Must::text(format!("{MEDIUM}/{message}"))),
                    ("filename", Must::text(filename)),
                    ("url", Must::Be(payload["file_url"].clone())),
                    ("kind", Must::text("IMAGE")),
                ],
            };
            let name = if version == 0 { "attachment.created" } else { "attachment.updated" };
            events.push(self.oblic(name, payload, vec![claim]));
        }
        if self.random.percent(20) {
            events.push(self.gone(Kind::File, "attachment.deleted", &id, id.clone()));
        }
        events
    }

    /// A conversation's own life, before, between and after its messages; deleted only where no one writes in it.
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
            let claim = Claim::Told { kind: Kind::Conversation, names: vec![name], stamp: (stamp, 0), members: vec![] };
            let event = if version == 0 { "conversation.created" } else { "conversation.updated" };
            events.push(self.oblic(event, payload, vec![claim, about(&friend)]));
        }
        if silent && self.random.percent(60) {
            events.push(self.gone(Kind::Conversation, "conversation.deleted", &id, format!("oblic:{id}")));
        }
        self.mixed(events)
    }

    /// A contact's own life; deleted only where nothing else is known of it.
    pub(in super::super) fn oblic_contact(&mut self) -> Event {
        let silent = self.random.percent(40);
        let friend = if silent { self.new_friend() } else { self.friend() };
        let mut events = Vec::new();
        for version in 0..=self.random.below(3) {
            let stamp = self.second().timestamp();
            let mut payload = oblic::contact(&friend, stamp);
            payload["updated_at"] = json!(stamp);
            payload["name"] = json!(format!("Name {stamp}"));
            if version > 0 && friend.phone.is_none() && self.random.percent(30) {
                payload = json!({ "id": friend.id, "name": format!("Name {stamp}"), "updated_at": stamp });
            }
            let Claim::Told { kind, names, .. } = about(&friend) else { continue };
            let names = if payload["username"].is_null() { vec![user(&friend.id)] } else { names };
            let members = vec![("name", Must::text(format!("Name {stamp}")))];
            let claim = Claim::Told { kind, names, stamp: (stamp, u8::from(version > 0)), members };
            let name = if version == 0 { "contact.created" } else { "contact.updated" };
            events.push(self.oblic(name, payload, vec![claim]));
        }
        if silent && friend.phone.is_none() && self.random.percent(50) {
            events.push(self.gone(Kind::Contact, "contact.deleted", &friend.id, user(&friend.id)));
        }
        self.mixed(events)
    }

    /// A group, and mostly the conversation that its members share (OB-6).
    pub(in super::super) fn oblic_group(&mut self) -> Event {
        let token = self.token();
        let (group, conversation) = (format!("g-{}", token.as_str()), format!("v-{}", token.as_str()));
        let members: Vec<Person> = (0..2 + self.random.below(3)).map(|_| self.new_friend()).collect();
        let mut events = Vec::new();
        for version in 0..=self.random.below(3) {
            let stamp = self.second().timestamp();
            let participants: Vec<Value> =
                members.iter().skip(version % 2).map(|person| json!({ "username": person.username })).collect();
            let payload = json!({
                "id": group, "name": format!("Group {stamp}"), "avatar_url": null, "contacts": participants,
                "created_at": stamp, "updated_at": stamp });
            let claim = Claim::Told {
                kind: Kind::Group,
                names: vec![group.clone()],
                stamp: (stamp, u8::from(version > 0)),
                members: vec![
                    ("name", Must::text(format!("Group {stamp}"))),
                    ("participants", Must::Be(Value::Array(participants))),
                ],
            };
            let name = if version == 0 { "group.created" } else { "group.updated" };
            events.push(self.oblic(name, payload, vec![claim]));
        }
        if self.random.percent(20) {
            events.push(self.gone(Kind::Group, "group.deleted", &group, group.clone()));
        } else {
            let stamp = self.second().timestamp();
            let payload = json!({
                "id": conversation, "group": { "id": group }, "pinned": false, "muted": false, "created_at": stamp,
                "updated_at": stamp });
            let name = format!("oblic:{conversation}");
            let told = vec![("group", Must::text(&group))];
            let claim = Claim::Told { kind: Kind::Conversation, names: vec![name], stamp: (stamp, 0), members: told };
            let named = Claim::told(Kind::Group, &group, vec![]);
            events.push(self.oblic("conversation.created", payload, vec![claim, named]));
            self.circles.push(Circle { conversation, members });
        }
        self.mixed(events)
    }

    /// Any of them first, the others later in any order.
    fn mixed(&mut self, mut events: Vec<Event>) -> Event {
        for place in (1..events.len()).rev() {
            let other = self.random.below(place + 1);
            if self.random.percent(60) {
                events.swap(place, other);
            }
        }
        let first = events.remove(0);
        self.later(events);
        first
    }
}

/// What GraphQL shows of reactions: each emoji with who sent it.
fn flat(reactions: &Value) -> Value {
    let all = reactions.as_array().cloned().unwrap_or_else(|| vec![reactions.clone()]);
    Value::Object(all.into_iter().flat_map(object).collect())
}
