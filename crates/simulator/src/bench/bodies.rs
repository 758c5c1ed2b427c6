//! Pre-built, pre-signed requests: whatsapp:message:in and newMessage, 700 to 1,300 B, half of them from new contacts
//! and half from known ones (TARGETS.md, T1).

use chrono::{DateTime, Utc};

use crate::{
    doors::Doors,
    provider::{Provider, mobtexting, oneroute},
    random::Random,
};

/// Requests that are not posted yet, each with the provider's id of its message.
#[derive(Debug)]
pub struct Bodies {
    doors: Doors,
    random: Random,
    number: usize,
    known: Vec<Who>,
    at: DateTime<Utc>,
}

#[derive(Debug, Clone)]
enum Who {
    MobTexting(mobtexting::Person),
    OneRoute(oneroute::Thread),
}

/// A signed request.
#[derive(Debug, Clone)]
pub struct Ready {
    /// The message's id at its provider, which no other request has.
    pub id: String,
    /// The bytes of the request.
    pub request: Vec<u8>,
}

impl Bodies {
    /// Requests for these doors; their messages occur at `at`.
    #[must_use]
    pub fn new(doors: Doors, at: DateTime<Utc>, seed: u64) -> Self {
        Self { doors, random: Random::seeded(seed), number: 0, known: Vec::new(), at }
    }

    /// The next `count` requests, and the address to connect to.
    pub fn take(&mut self, count: usize) -> (String, Vec<Ready>) {
        let mut address = String::new();
        let mut ready = Vec::with_capacity(count);
        for _ in 0..count {
            let (id, provider, body) = self.body();
            if let Some((at, request)) = self.doors.request_of(provider, None, body.as_bytes()) {
                at.clone_into(&mut address);
                ready.push(Ready { id, request });
            }
        }
        (address, ready)
    }

    fn body(&mut self) -> (String, Provider, String) {
        self.number += 1;
        let number = self.number;
        let who = if self.random.percent(50) && !self.known.is_empty() {
            self.known.get(self.random.below(self.known.len())).cloned()
        } else {
            None
        };
        let who = who.unwrap_or_else(|| self.newcomer(number));
        let text = format!("{number}: {}", "Where is my order? ".repeat(5 + self.random.below(17)));
        match who {
            Who::MobTexting(person) => {
                let id = self.random.uuid();
                let text = format!("{text}{}", "Please tell me. ".repeat(10));
                let body = mobtexting::message_in("whatsapp", &id, "919019120000", &person, &text, false);
                (id, Provider::MobTexting, body.to_string())
            }
            Who::OneRoute(thread) => {
                let id = format!("wamid.{}", self.random.uuid());
                let text = text.get(..text.len().min(220)).unwrap_or_default();
                let body = oneroute::new_message(&thread, Some(&id), text, false, self.at);
                (id, Provider::OneRoute, body.to_string())
            }
        }
    }

    fn newcomer(&mut self, number: usize) -> Who {
        let who = if self.random.percent(50) {
            let phone = format!("9198{number:08}");
            Who::MobTexting(mobtexting::Person { phone, first: "Asha".into(), last: "Rao".into() })
        } else {
            let id = self.random.uuid();
            let email = Some(format!("{id}@example.com"));
            Who::OneRoute(oneroute::Thread { id, name: "Bola Bello".into(), email, channel: 0 })
        };
        self.known.push(who.clone());
        who
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn bodies_are_of_the_size_and_mix_that_the_target_names() {
        let source = serde_json::json!({ "url": "http://127.0.0.1:1/in/x", "secret": "s" });
        let target = serde_json::json!({ "url": "", "graphql_url": "", "database_url": "", "api_key": "",
            "sources": { "oneroute": source, "mobtexting": source, "oblic": source } });
        let doors = Doors::of(&serde_json::from_value(target).unwrap()).unwrap();
        let mut bodies = Bodies::new(doors, DateTime::UNIX_EPOCH, 1);
        let sizes: Vec<_> = (0..2_000).map(|_| bodies.body().2.len()).collect();
        assert!(
            sizes.iter().all(|size| (700..=1_300).contains(size)),
            "{:?} {:?}",
            sizes.iter().min(),
            sizes.iter().max()
        );
        assert!((900..1_100).contains(&bodies.known.len()), "{} contacts", bodies.known.len());
        let (address, ready) = bodies.take(500);
        assert_eq!(address, "127.0.0.1:1");
        assert_eq!(ready.iter().map(|ready| &ready.id).collect::<BTreeSet<_>>().len(), 500);
    }
}
