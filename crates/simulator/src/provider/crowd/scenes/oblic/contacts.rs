//! Contacts and groups of Oblic.

use serde_json::{Value, json};

use super::{
    super::super::{Crowd, Event, FIRST, LAST, odd::occurred},
    Circle, MEDIUM, about, at, stamp_of, user,
};

use crate::{
    claim::{Claim, Kind, Must, created},
    provider::oblic::{self, Person},
};

impl Crowd {
    /// A contact's own events. Only a contact without messages is deleted. If an update has no name, the username is a
    /// placeholder, which any reported name replaces.
    pub(in crate::provider::crowd) fn oblic_contact(&mut self) -> Event {
        let silent = self.random.percent(40);
        let friend = if silent { self.new_friend() } else { self.known_friend() };
        let mut events = Vec::new();
        for version in 0..=i64::try_from(self.random.below(4)).unwrap_or(0) {
            let at = self.second().timestamp();
            let mut payload = oblic::contact(&friend, at);
            payload["updated_at"] = json!(at);
            let name = format!("{} {} {at}", self.random.pick(&FIRST), self.random.pick(&LAST));
            let mut claims = about(&friend);
            if self.random.percent(80) {
                payload["name"] = json!(name);
                if version > 0 && self.random.percent(20) {
                    payload = json!({ "id": friend.id, "name": name, "updated_at": at });
                    claims.clear();
                }
                let (kind, names, stamp) = (Kind::Contact, vec![user(&friend.id)], stamp_of(version, at));
                claims.push(Claim::Told { kind, names, stamp, members: vec![("name", Must::text(name))] });
            }
            let name = if version == 0 { "contact.created" } else { "contact.updated" };
            events.push(self.oblic(name, payload, claims));
        }
        if silent && self.random.percent(50) {
            events.push(self.forget(&friend, None));
        }
        self.mixed(events)
    }

    pub(super) fn forget(&mut self, person: &Person, until: Option<i64>) -> Event {
        let name = user(&person.id);
        let payload = json!({ "id": person.id, "updated_at": until });
        let until = until.and_then(|until| chrono::DateTime::from_timestamp(until, 0));
        self.oblic("contact.deleted", payload, vec![Claim::Forgotten { name, until }])
    }

    /// A person whom the provider deletes, between messages or after them. Messages until then belong to no contact; a
    /// later message makes a new contact. Other events of the deleted contact change nothing.
    pub(in crate::provider::crowd) fn forgotten(&mut self) -> Event {
        let friend = self.new_friend();
        let mut events = Vec::new();
        for version in 0..=i64::from(self.random.percent(50)) {
            let at = self.second().timestamp();
            let mut payload = oblic::contact(&friend, at);
            payload["updated_at"] = json!(at);
            payload["name"] = json!(format!("{} {at}", self.random.pick(&FIRST)));
            let name = if version == 0 { "contact.created" } else { "contact.updated" };
            events.push(self.oblic(name, payload, vec![]));
        }
        for _ in 0..self.random.below(3) {
            events.push(self.told_by(&friend, false));
        }
        let until = self.random.percent(80).then(|| self.second().timestamp());
        events.push(self.forget(&friend, until));
        let later = self.random.below(3);
        for _ in 0..later {
            events.push(self.told_by(&friend, until.is_some()));
        }
        let is_theirs = until.is_some() && later > 0;
        let contact = if is_theirs { Must::Hold(user(&friend.id)) } else { Must::be_null() };
        let name = format!("oblic:{}", friend.conversation);
        let claim = Claim::told(Kind::Conversation, name, vec![("contact", contact)]);
        for event in events.iter_mut().filter(|event| event.name == "message.created") {
            event.claims.push(claim.clone());
        }
        self.mixed(events)
    }

    /// A message of a person who will be deleted, and whether it must belong to them.
    pub(super) fn told_by(&mut self, friend: &Person, is_theirs: bool) -> Event {
        let (token, created_at) = (self.token(), self.second());
        let id = format!("m-{}", token.as_str());
        let text = format!("Do you know me? {}", token.as_str());
        let seconds = created_at.timestamp();
        let payload = oblic::message("", &id, friend, &text, seconds, seconds)["payload"].take();
        let mut members = vec![
            ("direction", Must::text("INBOUND")),
            ("kind", Must::text("MESSAGE")),
            ("content", Must::text(text)),
            ("thread", Must::text(format!("oblic:{}", friend.conversation))),
        ];
        members.extend(occurred(Some(created_at)));
        if is_theirs {
            members.push(("author", Must::Hold(user(&friend.id))));
        }
        let message = Claim::told(Kind::Message, format!("{MEDIUM}/{id}"), members);
        let wrote = Claim::Wrote { name: user(&friend.id), at: created_at };
        self.oblic("message.created", payload, vec![message, wrote])
    }

    /// A group, and mostly the conversation of its members (OB-6): the conversation names the group, or the group its
    /// conversation. The messages of a deleted group stay.
    pub(in crate::provider::crowd) fn oblic_group(&mut self) -> Event {
        let token = self.token();
        let (group, conversation) = (format!("g-{}", token.as_str()), format!("v-{}", token.as_str()));
        let members: Vec<Person> = (0..2 + self.random.below(3)).map(|_| self.new_friend()).collect();
        let (tells, is_silent) = (self.random.percent(40), self.random.percent(20));
        let shared = |stamp| {
            let (kind, names) = (Kind::Conversation, vec![format!("oblic:{conversation}")]);
            let claim = Claim::Told { kind, names, stamp, members: vec![("group", Must::text(&group))] };
            [claim, Claim::told(Kind::Group, &group, vec![])]
        };
        let mut events = Vec::new();
        for version in 0..=i64::try_from(self.random.below(3)).unwrap_or(0) {
            let at_seconds = self.second().timestamp();
            let stamp = stamp_of(version, at_seconds);
            let left = usize::from(version == 1);
            let participants: Vec<Value> =
                members.iter().skip(left).map(|person| json!({ "username": person.username })).collect();
            let archived_at = (version > 0 && self.random.percent(30)).then_some(at_seconds);
            let mut payload = json!({
                "id": group, "name": format!("Group {at_seconds}"), "avatar_url": null, "contacts": participants,
                "description": format!("About {at_seconds}"), "archived_at": archived_at, "created_at": at_seconds,
                "updated_at": at_seconds });
            let mut claims = vec![Claim::Told {
                kind: Kind::Group,
                names: vec![group.clone()],
                stamp,
                members: vec![
                    ("name", Must::text(format!("Group {at_seconds}"))),
                    ("description", Must::text(format!("About {at_seconds}"))),
                    ("archivedAt", archived_at.map_or_else(Must::be_null, at)),
                    ("participants", Must::Be(Value::Array(participants))),
                ],
            }];
            if tells && !is_silent {
                match self.random.below(2) {
                    0 => payload["conversation_id"] = json!(conversation),
                    _ => payload["conversation"] = json!({ "id": conversation }),
                }
                claims.extend(shared(stamp));
            }
            let name = if version == 0 { "group.created" } else { "group.updated" };
            events.push(self.oblic(name, payload, claims));
        }
        if is_silent || (tells && self.random.percent(20)) {
            events.push(self.gone(Kind::Group, "group.deleted", &group, group.clone()));
        }
        if !is_silent {
            if !tells {
                let at_seconds = self.second().timestamp();
                let payload = json!({
                    "id": conversation, "group": { "id": group }, "pinned": false, "muted": false,
                    "created_at": at_seconds, "updated_at": at_seconds });
                let claims = shared(created(Some(at_seconds))).to_vec();
                events.push(self.oblic("conversation.created", payload, claims));
            }
            self.circles.push(Circle { conversation, members });
        }
        self.mixed(events)
    }

    /// Any of the events first, the others later in any order.
    pub(super) fn mixed(&mut self, mut events: Vec<Event>) -> Event {
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
