//! All providers at once: an endless stream of documented events that a seed fixes, each with what must stand once it
//! is acknowledged.

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

/// How many events lie between two events of one scene, at most.
const SPREAD: usize = 40;

/// An event of a provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Who posts it.
    pub provider: Provider,
    /// Its name in the provider's documents.
    pub name: String,
    /// Whether only the URL tells its name.
    pub named_by_url: bool,
    /// What is posted.
    pub body: Value,
    /// Events of one number happen in one moment.
    pub moment: Option<usize>,
    /// What must stand afterwards.
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

    /// A second copy as the provider would send it: `newMessage` may differ in what says nothing new (OR-1).
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
    /// The last message of each thread: another may quote it.
    quotable: HashMap<String, String>,
    campaigns: Vec<String>,
    friends: Vec<oblic::Person>,
    circles: Vec<scenes::oblic::Circle>,
    /// Of how many events the stream is.
    events: usize,
    /// How many there were.
    given: usize,
    /// What is to come, each with how many events are to come before it.
    later: VecDeque<(usize, Event)>,
}

impl Crowd {
    /// The stream of a seed. `run`, a few letters and digits, goes into every id; `start` is when the first happens.
    #[must_use]
    pub fn new(seed: u64, run: &str, start: DateTime<Utc>) -> Self {
        let salt = run.bytes().fold(seed, |salt, byte| salt.wrapping_mul(31).wrapping_add(u64::from(byte)));
        Self {
            random: Random::seeded(salt),
            run: run.to_owned(),
            // Providers tell no finer times, or none that GraphQL shows.
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

    /// A time that no other event has, to the second: some providers tell no finer ones.
    fn second(&mut self) -> DateTime<Utc> {
        self.seconds += 1;
        self.start + TimeDelta::seconds(self.seconds)
    }

    /// Someone who was there before, mostly lately; in a fifth of all cases someone new.
    fn old<T: Clone>(random: &mut Random, known: &[T]) -> Option<T> {
        if random.percent(20) {
            return None;
        }
        let lately = if random.percent(60) { known.len().min(60) } else { known.len() };
        known.get(known.len() - lately + random.below(lately)).cloned()
    }

    /// The stream of about so many events, without what would begin too late to end.
    #[must_use]
    pub fn of(mut self, events: usize) -> Self {
        self.events = events;
        self
    }

    /// Begins nothing more: what has begun still comes.
    pub fn end(&mut self) {
        self.events = 0;
    }

    /// What follows, each a while after the one before.
    fn later(&mut self, events: Vec<Event>) {
        let mut wait = 0;
        for event in events {
            wait += self.random.below(SPREAD);
            let place = self.later.partition_point(|(others, _)| *others <= wait);
            self.later.insert(place, (wait, event));
        }
    }

    /// All of them in one moment: the first now, the others at once.
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
