//! Conversations over OneRoute (OR-0 to OR-6).

use serde_json::{Value, json};

use super::super::{Crowd, Event, FIRST, LAST};
use crate::{
    claim::{Claim, Kind, Must},
    provider::{
        Provider,
        oneroute::{self, Thread},
    },
};

const CHANNELS: usize = 3;

impl Crowd {
    fn thread(&mut self) -> Thread {
        let known = Self::old(&mut self.random, &self.threads);
        // Someone who is known by an email address also writes on another channel.
        let other = known.as_ref().filter(|thread| thread.email.is_some() && thread.channel + 1 < CHANNELS);
        if let Some(other) = other
            && self.random.percent(5)
        {
            let thread = Thread { id: self.random.uuid(), channel: other.channel + 1, ..other.clone() };
            self.threads.push(thread.clone());
            return thread;
        }
        if let Some(thread) = known {
            return thread;
        }
        let id = self.random.uuid();
        let email = self.random.percent(80).then(|| format!("{id}@example.com"));
        let name = format!("{} {}", self.random.pick(&FIRST), self.random.pick(&LAST));
        let thread = Thread { id, name, email, channel: self.random.below(CHANNELS) };
        self.threads.push(thread.clone());
        thread
    }

    pub(in super::super) fn new_message(&mut self) -> Event {
        let (token, thread, at) = (self.token(), self.thread(), self.at());
        let by_agent = self.random.percent(15);
        let text = format!("Hello \"World\" {} / ñ", token.as_str());
        let external = (by_agent || self.random.percent(70)).then(|| format!("wamid.{}", token.as_str()));
        let mut body = oneroute::new_message(&thread, external.as_deref(), &text, by_agent, at);
        let name = external.as_ref().map_or_else(|| format!("text/{text}"), |id| format!("WHATSAPP/{id}"));
        let address = match &thread.email {
            Some(email) => format!("EMAIL/{email}"),
            None => format!("PROVIDER_CONVERSATION/{}", thread.id),
        };
        let mut members = vec![
            ("direction", Must::text(if by_agent { "OUTBOUND" } else { "INBOUND" })),
            ("kind", Must::text("MESSAGE")),
            ("content", Must::text(text)),
            ("occurredAt", Must::at(at)),
            ("thread", Must::text(format!("oneroute:{}:{address}", thread.channel))),
        ];
        members.extend(self.dress(&mut body["message"], token.as_str()));
        if !by_agent {
            members.push(("author", Must::Hold(address.clone())));
        }
        if let Some(quoted) = self.quotable.get(&thread.id).filter(|_| token.as_str().ends_with(['1', '5'])) {
            body["message"]["quoted_message_id"] = json!(quoted);
            members.push(("quoted", Must::text(quoted)));
        }
        let names = vec![address, format!("PROVIDER_CONVERSATION/{}", thread.id)];
        let mut about = vec![("name", Must::text(&thread.name))];
        about.extend(thread.email.as_ref().map(|email| ("email", Must::text(email))));
        let channel = vec![
            ("identifier", Must::text(format!("simulated-{}", thread.channel))),
            ("name", Must::text(format!("Channel {}", thread.channel))),
        ];
        let claims = vec![
            Claim::told(Kind::Message, name, members),
            Claim::person(names, about),
            Claim::told(Kind::Channel, format!("WHATSAPP/{}", oneroute::channel_phone(thread.channel)), channel),
        ];
        let mut sent = None;
        if let Some(external) = external {
            if by_agent {
                let (id, to) = (self.random.uuid(), self.phone());
                let mut reports = self.oneroute_reports(false, thread.channel, &id, Some(&external), &to);
                reports.push(Event::new(Provider::OneRoute, "newMessage", body.clone(), claims.clone()));
                let last = reports.len() - 1;
                reports.swap(0, last);
                // Some of the reports come in the moment of the message, and so before it too.
                let late = reports.split_off(1 + self.random.below(last + 1));
                self.later(late);
                sent = Some(self.at_once(reports));
            }
            self.quotable.insert(thread.id.clone(), external);
        }
        sent.unwrap_or_else(|| Event::new(Provider::OneRoute, "newMessage", body, claims))
    }

    /// Mostly a text; else a file, or a type that no document shows (OR-4).
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
