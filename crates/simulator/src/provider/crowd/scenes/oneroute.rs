//! Conversations over OneRoute (OR-0 to OR-6).

use serde_json::{Value, json};

use super::super::{Crowd, Event, FIRST, LAST, odd::occurred};
use crate::{
    claim::{Claim, Kind, Must, hidden},
    provider::{
        Provider,
        oneroute::{self, Thread},
    },
};

const CHANNELS: usize = 3;

fn thread_name(channel: usize, address: &str) -> String {
    format!("oneroute:{channel}:{address}")
}

fn channel(thread: &Thread) -> Claim {
    let members = vec![
        ("identifier", Must::text(format!("simulated-{}", thread.channel))),
        ("name", Must::text(format!("Channel {}", thread.channel))),
    ];
    Claim::told(Kind::Channel, format!("WHATSAPP/{}", oneroute::channel_phone(thread.channel)), members)
}

impl Crowd {
    /// A conversation, and whether its customer is known by an email address.
    fn thread(&mut self) -> (Thread, bool) {
        let known = Self::old(&mut self.random, &self.threads);
        // A customer with an email address also writes on another channel.
        let other = known.as_ref().filter(|thread| thread.email.is_some() && thread.channel + 1 < CHANNELS);
        if let Some(other) = other
            && self.random.percent(5)
        {
            let thread = Thread { id: self.random.uuid(), channel: other.channel + 1, ..other.clone() };
            self.threads.push(thread.clone());
            return (thread, false);
        }
        if let Some(thread) = known {
            return (thread, true);
        }
        let id = self.random.uuid();
        // MobTexting may know a person with this address: OneRoute's value is the key of its own customer.
        let theirs = self.subscribers.last().map(|subscriber| subscriber.identity.clone());
        let theirs = theirs.filter(|identity| identity.contains('@') && self.random.percent(20));
        let email = self.random.percent(80).then(|| theirs.unwrap_or_else(|| format!("{id}@example.com")));
        let name = format!("{} {}", self.random.pick(&FIRST), self.random.pick(&LAST));
        let thread = Thread { id, name, email, channel: self.random.below(CHANNELS) };
        self.threads.push(thread.clone());
        (thread, false)
    }

    pub(in super::super) fn new_message(&mut self) -> Event {
        let (token, (thread, is_known), at) = (self.token(), self.thread(), self.at());
        let by_agent = self.random.percent(15);
        let text = format!("Hello \"World\" {} / ñ", token.as_str());
        let external = (by_agent || self.random.percent(70)).then(|| format!("wamid.{}", token.as_str()));
        let mut body = oneroute::new_message(&thread, external.as_deref(), &text, by_agent, at);
        let name = external.as_ref().map_or_else(|| format!("text/{text}"), |id| format!("WHATSAPP/{id}"));
        if external.is_none() && self.random.percent(50) {
            body["message"]["externalId"] = self.no_id();
        }
        let by_id = format!("PROVIDER_CONVERSATION/{}", thread.id);
        let mut names = vec![by_id.clone()];
        let mut address = by_id;
        if let Some(email) = &thread.email {
            address = format!("CUSTOMER/{email}");
            names.insert(0, address.clone());
            if is_known && self.random.percent(6) {
                self.without_conversation(&mut body);
                names.pop();
            }
        } else if self.random.percent(20) {
            body["conversation"]["customer"]["email"] = json!("anonymous@anonymous.invalid");
            if external.is_some() && !by_agent && self.random.percent(20) {
                self.without_conversation(&mut body);
                address = hidden(&name);
                names = vec![address.clone()];
            }
        }
        let (written, told) = match self.random.below(24) {
            0 => (json!(oneroute::time(self.to_come())), None),
            1 => (json!(0), None),
            _ => (json!(oneroute::time(at)), Some(at)),
        };
        body["conversation"]["lastMessageAt"] = written;
        let mut members = vec![
            ("direction", Must::text(if by_agent { "OUTBOUND" } else { "INBOUND" })),
            ("kind", Must::text("MESSAGE")),
            ("content", Must::text(&text)),
            ("thread", Must::text(thread_name(thread.channel, &address))),
        ];
        members.extend(occurred(told));
        if self.random.percent(15) {
            body["conversation"]["status"] = json!("pending");
            members.push(("seed", Must::text("PENDING")));
        }
        members.extend(self.dress(&mut body["message"], token.as_str()));
        // A message without text has no other form of a text.
        let is_text = body["message"]["contentType"] == json!("TEXT");
        match self.random.below(24) {
            _ if !is_text => {}
            0 => body["message"]["content"] = json!({ "body": text.as_str() }),
            1 => body["message"]["content"] = json!({ "text": { "body": text } }),
            2 => body["message"]["content"] = json!([text]),
            _ => {}
        }
        if !by_agent {
            members.push(("author", Must::Hold(address.clone())));
        }
        if let Some(quoted) = self.quotable.get(&thread.id).filter(|_| token.as_str().ends_with(['1', '5'])) {
            body["message"]["quoted_message_id"] = json!(quoted);
            members.push(("quoted", Must::text(quoted)));
        }
        let (called, stamp) = self.name_of(&thread.name, "2348012345678");
        body["conversation"]["customer"]["name"] = json!(called);
        if !by_agent {
            body["message"]["sender"]["name"] = json!(called);
        }
        let email = thread.email.as_ref().map(|email| ("email", Must::text(email)));
        let (kind, named) = (Kind::Contact, vec![names[0].clone()]);
        let claims = vec![
            Claim::told(Kind::Message, name, members),
            Claim::person(names, email.into_iter().collect()),
            Claim::Told { kind, names: named, stamp, members: vec![("name", Must::text(called))] },
            channel(&thread),
        ];
        let mut sent = None;
        if let Some(external) = external {
            if by_agent {
                let (id, to) = (self.random.uuid(), self.phone());
                let mut reports = self.oneroute_reports(false, thread.channel, (&id, Some(&external)), &to, true);
                reports.push(Event::new(Provider::OneRoute, "newMessage", body.clone(), claims.clone()));
                let last = reports.len() - 1;
                reports.swap(0, last);
                // Some of the reports arrive at the moment of the message, and so possibly before it.
                let late = reports.split_off(1 + self.random.below(last + 1));
                self.later(late);
                sent = Some(self.at_once(reports));
            }
            self.quotable.insert(thread.id.clone(), external);
        }
        sent.unwrap_or_else(|| Event::new(Provider::OneRoute, "newMessage", body, claims))
    }

    /// Replaces the conversation's id by a placeholder.
    fn without_conversation(&mut self, body: &mut Value) {
        body["conversation"]["id"] = self.no_id();
        body["message"]["conversation_id"] = self.no_id();
    }

    /// A customer whose email address is reported late, or first and then no more: one customer, in one conversation. A
    /// conversation that the provider calls closed is open after the customer writes.
    pub(in super::super) fn late_email(&mut self) -> Event {
        let id = self.random.uuid();
        let email = format!("{id}@example.com");
        let name = format!("{} {}", self.random.pick(&FIRST), self.random.pick(&LAST));
        let mut thread = Thread { id, name, email: None, channel: self.random.below(CHANNELS) };
        let by_id = format!("PROVIDER_CONVERSATION/{}", thread.id);
        let mut events = Vec::new();
        for _ in 0..2 + self.random.below(3) {
            let (token, at) = (self.token(), self.at());
            let text = format!("It is me {}", token.as_str());
            let external = format!("wamid.{}", token.as_str());
            thread.email = self.random.percent(50).then(|| email.clone());
            let mut body = oneroute::new_message(&thread, Some(&external), &text, false, at);
            body["conversation"]["status"] = json!(self.random.pick(&["closed", "in-queue", "pending"]));
            let mut members = vec![
                ("direction", Must::text("INBOUND")),
                ("kind", Must::text("MESSAGE")),
                ("content", Must::text(text)),
                ("author", Must::Hold(by_id.clone())),
                ("thread", Must::text(thread_name(thread.channel, &by_id))),
            ];
            members.extend(occurred(Some(at)));
            let names = thread.email.iter().map(|email| format!("CUSTOMER/{email}")).chain([by_id.clone()]).collect();
            let mut about = vec![("name", Must::text(&thread.name))];
            about.extend(thread.email.as_ref().map(|email| ("email", Must::text(email))));
            let claims = vec![
                Claim::told(Kind::Message, format!("WHATSAPP/{external}"), members),
                Claim::person(names, about),
                channel(&thread),
            ];
            events.push(Event::new(Provider::OneRoute, "newMessage", body, claims));
        }
        let first = events.remove(0);
        self.later(events);
        first
    }

    /// Mostly a text; else a file, or a type that no document describes (OR-4).
    fn dress(&mut self, message: &mut Value, token: &str) -> Vec<(&'static str, Must)> {
        let url = format!("https://media.invalid/{token}");
        let (shown, word, file) = match self.random.below(16) {
            0 => ("image", "IMAGE", Some("imageUrl")),
            1 => ("document", "Document", Some("documentUrl")),
            2 => ("STICKER", "STICKER", None),
            _ => ("text", "TEXT", None),
        };
        message["contentType"] = json!(word);
        if let Some(file) = file {
            message[file] = json!(url);
        }
        let files = file.map(|_| json!(url)).into_iter().collect();
        vec![("contentType", Must::text(shown)), ("files", Must::Be(Value::Array(files)))]
    }
}
