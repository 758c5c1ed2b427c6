//! All providers at once: an endless stream of documented events, reproducible by its seed, each with the facts that
//! must hold after it is acknowledged.

mod odd;
mod scenes;

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde_json::Value;

use super::{Provider, mobtexting, oblic, oneroute};
use crate::{
    claim::{Claim, Token},
    random::Random,
};

/// The most events between two events of one scene.
const SPREAD: usize = 40;

/// An event of a provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The provider.
    pub provider: Provider,
    /// The name in the provider's documents.
    pub name: String,
    /// Whether only the URL contains the name.
    pub named_by_url: bool,
    /// The body.
    pub body: Value,
    /// Events with one number occur at one moment.
    pub moment: Option<usize>,
    /// The facts that must hold afterwards.
    pub claims: Vec<Claim>,
}

impl Event {
    fn new(provider: Provider, name: &str, body: Value, claims: Vec<Claim>) -> Self {
        Self { provider, name: name.to_owned(), named_by_url: false, body, moment: None, claims }
    }

    fn named_by_url(mut self) -> Self {
        self.named_by_url = true;
        self
    }

    /// A second copy in the provider's own form: a repeat of `newMessage` may differ in values without information
    /// (OR-1).
    #[must_use]
    pub fn repeat(&self, random: &mut Random) -> Self {
        let mut copy = self.clone();
        if self.name == "newMessage" && random.percent(50) {
            copy.body["conversation"]["read"] = true.into();
            copy.body["conversation"]["updatedAt"] = "2026-01-01T00:00:00.000Z".into();
        }
        copy
    }
}

const FIRST: [&str; 6] = ["Asha", "Bola", "Chidi", "Divya", "Emeka", "Farah"];
const LAST: [&str; 5] = ["Okafor", "Sharma", "Bello", "Rao", "O'Neill"];

/// The stream.
#[derive(Debug)]
pub struct Crowd {
    random: Random,
    run: String,
    start: DateTime<Utc>,
    number: usize,
    seconds: i64,
    moments: usize,
    people: Vec<mobtexting::Person>,
    subscribers: Vec<scenes::mobtexting::Subscriber>,
    threads: Vec<oneroute::Thread>,
    /// The last message of each conversation, which another may quote.
    quotable: HashMap<String, String>,
    campaigns: Vec<String>,
    friends: Vec<oblic::Person>,
    circles: Vec<scenes::oblic::Circle>,
    /// The number of events of the stream.
    events: usize,
    /// How many events the stream has returned.
    given: usize,
    /// Events to come, each with the number of events before it.
    later: VecDeque<(usize, Event)>,
}

impl Crowd {
    /// The stream of a seed. `run`, a few letters and digits, is part of every id; `start` is the time of the first
    /// event.
    #[must_use]
    pub fn new(seed: u64, run: &str, start: DateTime<Utc>) -> Self {
        let salt = run.bytes().fold(seed, |salt, byte| salt.wrapping_mul(31).wrapping_add(u64::from(byte)));
        Self {
            random: Random::seeded(salt),
            run: run.to_owned(),
            // Providers report no finer times, or times that GraphQL does not show.
            start: start.duration_trunc(TimeDelta::seconds(1)).unwrap_or(start),
            number: 0,
            seconds: 0,
            moments: 0,
            people: Vec::new(),
            subscribers: Vec::new(),
            threads: Vec::new(),
            quotable: HashMap::new(),
            campaigns: Vec::new(),
            friends: Vec::new(),
            circles: Vec::new(),
            events: usize::MAX,
            given: 0,
            later: VecDeque::new(),
        }
    }

    fn token(&mut self) -> Token {
        self.number += 1;
        Token::new(&self.run, self.number)
    }

    fn at(&self) -> DateTime<Utc> {
        self.start + TimeDelta::milliseconds(20 * i64::try_from(self.number).unwrap_or(0))
    }

    fn phone(&mut self) -> String {
        odd::number(&mut self.random)
    }

    /// A time that no other event has, to the second: some providers report no finer times.
    fn second(&mut self) -> DateTime<Utc> {
        self.seconds += 1;
        self.start + TimeDelta::seconds(self.seconds)
    }

    /// A known person, preferably a recent one; in a fifth of all cases `None`, for a new person.
    fn old<T: Clone>(random: &mut Random, known: &[T]) -> Option<T> {
        if random.percent(20) {
            return None;
        }
        let lately = if random.percent(60) { known.len().min(60) } else { known.len() };
        known.get(known.len() - lately + random.below(lately)).cloned()
    }

    /// A stream of about this many events. Scenes that could not end in time do not begin.
    #[must_use]
    pub fn of(mut self, events: usize) -> Self {
        self.events = events;
        self
    }

    /// Begins no further scene; begun scenes go on.
    pub fn end(&mut self) {
        self.events = 0;
    }

    /// Queues events, each a while after the one before.
    fn later(&mut self, events: Vec<Event>) {
        let mut wait = 0;
        for event in events {
            wait += self.random.below(SPREAD);
            let place = self.later.partition_point(|(others, _)| *others <= wait);
            self.later.insert(place, (wait, event));
        }
    }

    /// Queues events of one moment: returns the first, the others follow at once.
    fn at_once(&mut self, mut events: Vec<Event>) -> Event {
        self.moments += 1;
        for event in &mut events {
            event.moment = Some(self.moments);
        }
        let first = events.remove(0);
        for event in events.into_iter().rev() {
            self.later.push_front((0, event));
        }
        first
    }
}

impl Iterator for Crowd {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.given += 1;
        if self.given + self.later.len() > self.events {
            return self.later.pop_front().map(|(_, event)| event);
        }
        for (wait, _) in &mut self.later {
            *wait = wait.saturating_sub(1);
        }
        if self.later.front().is_some_and(|(wait, _)| *wait == 0) {
            return self.later.pop_front().map(|(_, event)| event);
        }
        Some(match self.random.below(100) {
            0..28 => self.message_in(),
            28..31 => self.burst(),
            31..49 => self.new_message(),
            49 => self.late_email(),
            50..56 => self.mobtexting_status(),
            56..60 => self.sms_status(),
            60..64 => self.oneroute_sent(),
            64..79 => self.oblic_message(),
            79 => self.placeless(),
            80..83 => self.oblic_conversation(),
            83..86 => self.oblic_contact(),
            86..89 => self.oblic_group(),
            89..92 => self.subscriber(),
            92..94 => self.call(),
            94..96 => self.unsubscription(),
            96 => self.forgotten(),
            97 => self.nothing(),
            _ => self.notice(),
        })
    }
}

#[cfg(test)]
mod tests;
