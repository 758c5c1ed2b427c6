//! Messages, calls, contacts and opt-outs over MobTexting (MT-4 to MT-10).

use serde_json::{Value, json};

use super::super::{
    Crowd, Event, FIRST, LAST,
    odd::{DESK, occurred},
};
use crate::{
    claim::{Claim, Kind, Must, created, hidden, updated},
    provider::{
        Provider,
        mobtexting::{self, Person},
    },
};

const MEDIA: [&str; 4] = ["whatsapp", "rcs", "viber", "vmn"];

/// A person in MobTexting's list of contacts.
#[derive(Debug, Clone)]
pub(crate) struct Subscriber {
    /// `None` if the list has no ids.
    id: Option<u64>,
    /// An email address, or the number of a person who also writes.
    pub(super) identity: String,
    updates: i64,
}

pub(super) fn phone_name(digits: &str) -> String {
    format!("PHONE/{digits}")
}

/// The name of the conversation with an address on a channel.
pub(super) fn thread(medium: &str, ours: &str, phone: &str) -> String {
    format!("{medium}:{ours}:{phone}")
}

/// The contact of a number, and the number as it was written.
fn number(phone: &str, form: &str) -> Claim {
    Claim::person(vec![phone_name(phone)], vec![("phone", Must::text(format!("+{form}")))])
}

/// The claim of a hidden sender: a contact of the message's own, without a number.
fn somebody(message: &str) -> Claim {
    Claim::person(vec![hidden(message)], vec![("phone", Must::be_null())])
}

/// The conversation of a hidden sender.
fn thread_of_hidden(message: &str) -> String {
    format!("hidden:{message}")
}

/// The form of a message, and its expected values.
struct Looks {
    message: Value,
    kind: &'static str,
    content: Must,
    files: Vec<Value>,
}

impl Crowd {
    pub(super) fn person(&mut self) -> Person {
        match Self::old(&mut self.random, &self.people) {
            Some(person) => person,
            None => self.stranger(),
        }
    }

    fn stranger(&mut self) -> Person {
        let phone = self.phone();
        let (first, last) = (self.random.pick(&FIRST).to_owned(), self.random.pick(&LAST).to_owned());
        let person = Person { phone, first, last };
        self.people.push(person.clone());
        person
    }

    pub(in super::super) fn message_in(&mut self) -> Event {
        let person = self.person();
        let (medium, id) = (self.random.pick(&MEDIA).to_owned(), self.random.uuid());
        let event = self.message_of(&person, &medium, &id);
        if self.random.percent(3) {
            // MT-15: an id is unique only within its channel.
            let other = MEDIA.iter().find(|other| **other != medium).copied().unwrap_or_default();
            let twin = self.message_of(&person, other, &id);
            self.later(vec![twin]);
        }
        event
    }

    /// A person, mostly new, writes several times over two channels at one moment (P5).
    pub(in super::super) fn burst(&mut self) -> Event {
        let person = if self.random.percent(60) { self.stranger() } else { self.person() };
        let media = [self.random.pick(&MEDIA).to_owned(), self.random.pick(&MEDIA).to_owned()];
        let mut events = Vec::new();
        for place in 0..3 + self.random.below(4) {
            let id = self.random.uuid();
            let event = self.message_of(&person, &media[place % 2], &id);
            events.push(event);
        }
        self.at_once(events)
    }

    fn message_of(&mut self, person: &Person, medium: &str, id: &str) -> Event {
        let token = self.token();
        let ours = format!("91901912000{}", self.random.below(2));
        let text = format!("Where is my order {}? नमस्ते 👋", token.as_str());
        let mut body = mobtexting::message_in(medium, id, &ours, person, &text, false);
        let payload = &mut body["payload"];
        let upper = medium.to_uppercase();
        let has_id = !self.random.percent(4);
        let looks = self.looks(token.as_str(), &text, has_id);
        payload["message"] = looks.message;
        let mut name = format!("{upper}/{id}");
        if !has_id {
            payload["id"] = self.no_id();
            name = format!("text/{text}");
        }
        let at = self.second();
        let (written, told) = self.time_of(at);
        if payload["message"].is_object() && self.random.percent(50) {
            payload["message"]["timestamp"] = written;
        } else {
            payload["timestamp"] = written;
        }
        match self.random.below(20) {
            0 => payload["channels"] = payload["channels"][0].take(),
            1 => payload["channels"][0]["to"] = json!(format!("+{ours}")),
            _ => {}
        }
        let mut members = vec![
            ("direction", Must::text("INBOUND")),
            ("kind", Must::text("MESSAGE")),
            ("contentType", Must::text(looks.kind)),
            ("content", looks.content),
            ("files", Must::Be(Value::Array(looks.files))),
        ];
        members.extend(occurred(told));
        let mut claims = if self.random.percent(3) {
            payload["recipient"]["from"] = self.nobody();
            members.push(("author", Must::Hold(hidden(&name))));
            members.push(("thread", Must::text(thread_of_hidden(&name))));
            vec![somebody(&name)]
        } else {
            let (from, form) = self.written(&person.phone);
            payload["recipient"]["from"] = from;
            members.push(("author", Must::Hold(phone_name(&person.phone))));
            members.push(("thread", Must::text(thread(&upper, &ours, &person.phone))));
            self.profile(&mut payload["recipient"]["user"], person, &form)
        };
        claims.push(Claim::told(Kind::Message, name, members));
        claims.push(Claim::told(Kind::Channel, format!("{upper}/{ours}"), vec![]));
        Event::new(Provider::MobTexting, &format!("{medium}:message:in"), body, claims)
    }

    /// The provider's profile of the author. The profile's ids identify the person; its phone and email, which a desk
    /// may share, do not.
    fn profile(&mut self, user: &mut Value, person: &Person, form: &str) -> Vec<Claim> {
        let phone = &person.phone;
        let mut names = vec![phone_name(phone)];
        // Some people have no id: all of them have the same placeholder.
        if phone.ends_with('3') {
            user["id"] = self.no_id();
        } else {
            names.push(format!("PROVIDER_USER/user-{phone}"));
        }
        match self.random.below(4) {
            0 => user["attributes"] = json!("[]"),
            1 => user["attributes"] = json!({ "membership": "gold" }),
            2 => {
                user["subscriber_id"] = json!(format!("sub-{phone}"));
                names.push(format!("PROVIDER_USER/sub-{phone}"));
            }
            _ => {}
        }
        let mut members = vec![("phone", Must::text(format!("+{form}")))];
        if phone.ends_with(['7', '8']) {
            (user["email"], user["phone"]) = (json!(DESK.0), json!(DESK.1));
            members.push(("email", Must::text(DESK.0)));
        }
        let (name, stamp) = self.name_of(&format!("{} {}", person.first, person.last), phone);
        (user["first_name"], user["last_name"]) = (json!(name), json!("null"));
        let called = vec![("name", Must::text(name))];
        let (kind, named) = (Kind::Contact, vec![phone_name(phone)]);
        vec![Claim::person(names, members), Claim::Told { kind, names: named, stamp, members: called }]
    }

    /// Mostly a documented text; else a text in another form, a file, several files, or more than a text (MT-8). The
    /// text identifies a message without an id.
    fn looks(&mut self, token: &str, text: &str, has_id: bool) -> Looks {
        let url = |place: usize| format!("https://media.invalid/{token}-{place}.png");
        let said = |message: Value| Looks { message, kind: "text", content: Must::text(text), files: vec![] };
        match self.random.below(if has_id { 40 } else { 32 }) {
            0 => said(json!({ "type": "text", "payload": text })),
            1 => said(json!({ "type": "text", "payload": { "body": text } })),
            2 => said(json!({ "type": "text", "payload": { "text": { "body": text } } })),
            3 => said(json!(text)),
            4 => Looks {
                kind: "button",
                ..said(json!({ "type": "button", "payload": { "title": text, "payload": "YES" } }))
            },
            5..9 => Looks {
                kind: "image",
                files: vec![json!(url(0))],
                ..said(json!({ "type": "image", "payload": { "url": url(0), "caption": text, "filename": "" } }))
            },
            9..32 => said(json!({ "type": "text", "payload": { "text": text } })),
            32 | 33 => Looks {
                kind: "image",
                content: Must::be_null(),
                files: vec![json!(url(1)), json!(url(2))],
                ..said(json!({ "type": "image", "payload": [{ "url": url(1) }, { "url": url(2) }] }))
            },
            34 | 35 => Looks {
                kind: "location",
                content: Must::BeShown,
                ..said(json!({ "type": "location", "payload": { "latitude": 6.5, "longitude": 3.4 } }))
            },
            36 => Looks {
                kind: "contacts",
                content: Must::BeShown,
                ..said(json!({ "type": "contacts", "payload": { "contacts": [
                    { "name": { "formatted_name": "Ada" }, "phones": [{ "phone": "+91 98" }] }] } }))
            },
            _ => said(json!({ "type": "text", "payload": { "text": text } })),
        }
    }

    pub(in super::super) fn call(&mut self) -> Event {
        let token = self.token();
        let (person, at, seconds) = (self.person(), self.second(), self.random.below(300));
        let words = ["ANSWER", "BUSY", "NOANSWER", "CANCEL", "CONGESTION", "RECEIVED", "MISSED", "COMPLETED", "FAILED"];
        let status = self.random.pick(&words);
        let mut body = mobtexting::call(token.as_str(), &person.phone, seconds, at);
        body["status"] = json!(status);
        // `mid` is a campaign's id, which many calls share (MT-11).
        body["mid"] = json!(format!("1234-{}", self.random.below(5)));
        if self.random.percent(50) {
            body["duration"] = json!(seconds);
        }
        let inbound = matches!(status, "RECEIVED" | "MISSED");
        let bridge = "918068280000";
        let name = format!("token/{}", token.as_str());
        let (thread, somebody) = if self.random.percent(4) {
            body["to"] = self.nobody();
            (thread_of_hidden(&name), somebody(&name))
        } else {
            let (to, form) = self.written(&person.phone);
            body["to"] = to;
            (thread("VOICE", bridge, &person.phone), number(&person.phone, &form))
        };
        let claims = vec![
            Claim::told(
                Kind::Message,
                name,
                vec![
                    ("direction", Must::text(if inbound { "INBOUND" } else { "OUTBOUND" })),
                    ("kind", Must::text("CALL")),
                    ("occurredAt", Must::at(at)),
                    ("thread", Must::text(thread)),
                ],
            ),
            somebody,
            Claim::told(Kind::Channel, format!("VOICE/{bridge}"), vec![]),
            Claim::Logged { kind: "call.completed", token },
        ];
        let event = Event::new(Provider::MobTexting, "voice:message:out", body, claims);
        if self.random.percent(50) { event.named_by_url() } else { event }
    }

    /// One list entry several times: created, then updated (MT-10).
    pub(in super::super) fn subscriber(&mut self) -> Event {
        let number = self.subscribers.len();
        let place = if number == 0 || self.random.percent(40) { number } else { self.random.below(number) };
        if place == number {
            let id = 1_000_000_000 + (self.random.bits() >> 20);
            let by_phone = self.random.percent(30);
            let identity = if by_phone { self.stranger().phone } else { format!("s{id}@example.org") };
            let id = (!self.random.percent(10)).then_some(id);
            self.subscribers.push(Subscriber { id, identity, updates: 0 });
        }
        self.subscribers[place].updates += 1;
        let Subscriber { id, identity, updates } = self.subscribers[place].clone();
        let at = self.second();
        let first = format!("{}{updates}", self.random.pick(&FIRST));
        let mut body = mobtexting::subscriber(id.unwrap_or(0), &identity, &first, at);
        if updates > 1 {
            body["status"] = json!("Subscriber updated successfully");
        }
        let (address, member) = if identity.contains('@') {
            (format!("EMAIL/{identity}"), ("email", Must::text(identity)))
        } else {
            let (written, form) = self.written(&identity);
            body["identity"] = written;
            (phone_name(&identity), ("phone", Must::text(format!("+{form}"))))
        };
        let stamp = if updates > 1 { updated } else { created };
        let claim = Claim::Told {
            kind: Kind::Contact,
            names: id.iter().map(|id| format!("PROVIDER_USER/{id}")).chain([address]).collect(),
            stamp: stamp(Some(at.timestamp())),
            members: vec![("name", Must::text(format!("{first} Test"))), member],
        };
        Event::new(Provider::MobTexting, "contacts:subscriber:subscription", body, vec![claim])
    }

    /// An opt-out, sometimes reported twice under two ids (MT-4).
    pub(in super::super) fn unsubscription(&mut self) -> Event {
        let token = self.token();
        let medium = self.random.pick(&["sms", "whatsapp", "rcs", "voice", "viber"]).to_owned();
        let scope = self.random.pick(&["all", "category", "sender", "tag", "service", "product"]).to_owned();
        let person = self.person();
        let mut events = Vec::new();
        for _ in 0..=usize::from(self.random.percent(10)) {
            let (at, row) = (self.second(), self.random.below(1_000_000_000));
            let id = if self.random.percent(50) { json!(row) } else { json!(self.random.uuid()) };
            let mut body = mobtexting::unsubscription("", &person.phone, token.as_str(), at);
            let (receiver, form) = self.written(&person.phone);
            (body["id"], body["type"], body["receiver"]) = (id.clone(), json!(scope), receiver);
            let external = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
            let (medium_word, scope_word) = (medium.to_uppercase(), scope.to_uppercase());
            let claims = vec![
                Claim::told(
                    Kind::OptOut,
                    format!("{medium_word}/{scope_word}/{}", token.as_str()),
                    vec![
                        ("contact", Must::Hold(phone_name(&person.phone))),
                        ("address", Must::text(phone_name(&person.phone))),
                        ("externalId", Must::text(external)),
                        ("createdAt", Must::at(at)),
                    ],
                ),
                number(&person.phone, &form),
                Claim::Logged { kind: "opt_out.created", token: token.clone() },
            ];
            let name = format!("{medium}:unsubscription");
            events.push(Event::new(Provider::MobTexting, &name, body, claims).named_by_url());
        }
        let first = events.remove(0);
        self.later(events);
        first
    }
}
