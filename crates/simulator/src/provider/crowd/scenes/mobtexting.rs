//! Messages, calls, contacts and refusals over MobTexting (MT-4 to MT-10).

use serde_json::{Value, json};

use super::super::{Crowd, Event, FIRST, LAST};
use crate::{
    claim::{Claim, Kind, Must},
    provider::{
        Provider,
        mobtexting::{self, Person},
    },
};

const MEDIA: [&str; 4] = ["whatsapp", "rcs", "viber", "vmn"];

/// Someone in MobTexting's list of contacts.
#[derive(Debug, Clone)]
pub(crate) struct Subscriber {
    id: u64,
    /// An email address, or the number of someone who writes too.
    identity: String,
    updates: i64,
}

pub(super) fn phone_name(digits: &str) -> String {
    format!("PHONE/{digits}")
}

/// The name of the conversation with an address on a channel.
pub(super) fn thread(medium: &str, ours: &str, phone: &str) -> String {
    format!("{medium}:{ours}:{phone}")
}

/// The contact that a mention of a number makes or finds.
pub(super) fn number(phone: &str) -> Claim {
    Claim::person(vec![phone_name(phone)], vec![("phone", Must::text(format!("+{phone}")))])
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
            // MT-15: an id is unique in its channel only.
            let other = MEDIA.iter().find(|other| **other != medium).copied().unwrap_or_default();
            let twin = self.message_of(&person, other, &id);
            self.later(vec![twin]);
        }
        event
    }

    /// Someone, mostly new, writes several times over two channels in one moment (P5).
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
        let image = self.random.percent(15);
        let mut body = mobtexting::message_in(medium, id, &ours, person, &text, image);
        let upper = medium.to_uppercase();
        let phone = &person.phone;
        let name = format!("{} {}", person.first, person.last);
        let user = &mut body["payload"]["recipient"]["user"];
        let mut names = vec![phone_name(phone), format!("PROVIDER_USER/user-{phone}")];
        match self.random.below(4) {
            0 => user["attributes"] = json!("[]"),
            1 => user["attributes"] = json!({ "membership": "gold" }),
            2 => user["subscriber_id"] = json!(format!("sub-{phone}")),
            _ => {}
        }
        if !user["subscriber_id"].is_null() {
            names.push(format!("PROVIDER_USER/sub-{phone}"));
        }
        let mut files = Vec::new();
        let (kind, content) = match self.random.below(20) {
            _ if image => {
                files.push(body["payload"]["message"]["payload"]["url"].clone());
                ("image", Must::text(text))
            }
            0 => {
                body["payload"]["message"] =
                    json!({ "type": "location", "payload": { "latitude": 6.5, "longitude": 3.4 } });
                ("location", Must::be_null())
            }
            _ => ("text", Must::text(text)),
        };
        let claims = vec![
            Claim::told(
                Kind::Message,
                format!("{upper}/{id}"),
                vec![
                    ("direction", Must::text("INBOUND")),
                    ("kind", Must::text("MESSAGE")),
                    ("contentType", Must::text(kind)),
                    ("content", content),
                    ("files", Must::Be(Value::Array(files))),
                    ("occurredAt", Must::BeArrival),
                    ("author", Must::Hold(phone_name(phone))),
                    ("thread", Must::text(thread(&upper, &ours, phone))),
                ],
            ),
            Claim::person(names, vec![("phone", Must::text(format!("+{phone}"))), ("name", Must::text(name))]),
            Claim::told(Kind::Channel, format!("{upper}/{ours}"), vec![]),
        ];
        Event::new(Provider::MobTexting, &format!("{medium}:message:in"), body, claims)
    }

    pub(in super::super) fn call(&mut self) -> Event {
        let token = self.token();
        let (person, at, seconds) = (self.person(), self.second(), self.random.below(300));
        let words = ["ANSWER", "BUSY", "NOANSWER", "CANCEL", "CONGESTION", "RECEIVED", "MISSED", "COMPLETED", "FAILED"];
        let status = self.random.pick(&words);
        let mut body = mobtexting::call(token.as_str(), &person.phone, seconds, at);
        body["status"] = json!(status);
        // `mid` is a campaign's: many calls share it (MT-11).
        body["mid"] = json!(format!("1234-{}", self.random.below(5)));
        if self.random.percent(50) {
            body["duration"] = json!(seconds);
        }
        let inbound = matches!(status, "RECEIVED" | "MISSED");
        let bridge = "918068280000";
        let claims = vec![
            Claim::told(
                Kind::Message,
                format!("token/{}", token.as_str()),
                vec![
                    ("direction", Must::text(if inbound { "INBOUND" } else { "OUTBOUND" })),
                    ("kind", Must::text("CALL")),
                    ("occurredAt", Must::at(at)),
                    ("thread", Must::text(thread("VOICE", bridge, &person.phone))),
                ],
            ),
            number(&person.phone),
            Claim::told(Kind::Channel, format!("VOICE/{bridge}"), vec![]),
            Claim::Logged { kind: "call.completed", token },
        ];
        let event = Event::new(Provider::MobTexting, "voice:message:out", body, claims);
        if self.random.percent(50) { event.named_by_url() } else { event }
    }

    /// The same list entry several times: created, then updated (MT-10).
    pub(in super::super) fn subscriber(&mut self) -> Event {
        let number = self.subscribers.len();
        let place = if number == 0 || self.random.percent(40) { number } else { self.random.below(number) };
        if place == number {
            let id = 1_000_000_000 + (self.random.bits() >> 20);
            let by_phone = self.random.percent(30);
            let identity = if by_phone { self.stranger().phone } else { format!("s{id}@example.org") };
            self.subscribers.push(Subscriber { id, identity, updates: 0 });
        }
        self.subscribers[place].updates += 1;
        let Subscriber { id, identity, updates } = self.subscribers[place].clone();
        let at = self.second();
        let first = format!("{}{updates}", self.random.pick(&FIRST));
        let mut body = mobtexting::subscriber(id, &identity, &first, at);
        if updates > 1 {
            body["status"] = json!("Subscriber updated successfully");
        }
        let (address, member) = if identity.contains('@') {
            (format!("EMAIL/{identity}"), ("email", Must::text(identity)))
        } else {
            (phone_name(&identity), ("phone", Must::text(format!("+{identity}"))))
        };
        let claim = Claim::Told {
            kind: Kind::Contact,
            names: vec![address, format!("PROVIDER_USER/{id}")],
            stamp: (at.timestamp(), u8::from(updates > 1)),
            members: vec![("name", Must::text(format!("{first} Test"))), member],
        };
        Event::new(Provider::MobTexting, "contacts:subscriber:subscription", body, vec![claim])
    }

    /// A refusal, now and then told twice under two ids (MT-4).
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
            (body["id"], body["type"]) = (id.clone(), json!(scope));
            let external = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
            let (medium_word, scope_word) = (medium.to_uppercase(), scope.to_uppercase());
            let claims = vec![
                Claim::told(
                    Kind::OptOut,
                    format!("{medium_word}/{scope_word}/{}", token.as_str()),
                    vec![
                        ("contact", Must::Hold(phone_name(&person.phone))),
                        ("externalId", Must::text(external)),
                        ("createdAt", Must::at(at)),
                    ],
                ),
                number(&person.phone),
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
