//! All providers at once: an endless stream of documented events that a seed fixes, each with what must stand once it
//! is acknowledged.

mod scenes;

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::{Provider, mobtexting, oblic, oneroute};
use crate::{
    claim::{Claim, Token},
    random::Random,
};

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
    /// What must stand afterwards.
    pub claims: Vec<Claim>,
}

impl Event {
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
/// How many events lie between two reports on one message, at most.
const SPREAD: usize = 40;

/// The stream.
#[derive(Debug)]
pub struct Crowd {
    random: Random,
    run: String,
    start: DateTime<Utc>,
    number: usize,
    people: Vec<mobtexting::Person>,
    threads: Vec<oneroute::Thread>,
    friends: Vec<oblic::Person>,
    /// Reports to come, each with how many events are to come before it.
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
            start,
            number: 0,
            people: Vec::new(),
            threads: Vec::new(),
            friends: Vec::new(),
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
        format!("9198{:08}", self.random.below(100_000_000))
    }

    /// Someone new in a third of all cases, else someone who was there before.
    fn old<T: Clone>(random: &mut Random, known: &[T]) -> Option<T> {
        if random.percent(33) { None } else { known.get(random.below(known.len())).cloned() }
    }

    fn person(&mut self) -> mobtexting::Person {
        if let Some(person) = Self::old(&mut self.random, &self.people) {
            return person;
        }
        let phone = self.phone();
        let (first, last) = (self.random.pick(&FIRST).to_owned(), self.random.pick(&LAST).to_owned());
        let person = mobtexting::Person { phone, first, last };
        self.people.push(person.clone());
        person
    }

    fn thread(&mut self) -> oneroute::Thread {
        if let Some(thread) = Self::old(&mut self.random, &self.threads) {
            return thread;
        }
        let id = self.random.uuid();
        let email = self.random.percent(80).then(|| format!("{id}@example.com"));
        let name = format!("{} {}", self.random.pick(&FIRST), self.random.pick(&LAST));
        let thread = oneroute::Thread { id, name, email, channel: self.random.below(3) };
        self.threads.push(thread.clone());
        thread
    }

    fn friend(&mut self) -> oblic::Person {
        if let Some(friend) = Self::old(&mut self.random, &self.friends) {
            return friend;
        }
        let token = self.token();
        let token = token.as_str();
        let friend = oblic::Person {
            id: format!("c-{token}"),
            username: format!("u-{token}"),
            conversation: format!("v-{token}"),
        };
        self.friends.push(friend.clone());
        friend
    }

    fn report_later(&mut self, events: Vec<Event>) {
        let mut wait = 0;
        for event in events {
            wait += self.random.below(SPREAD);
            let place = self.later.partition_point(|(others, _)| *others <= wait);
            self.later.insert(place, (wait, event));
        }
    }
}

impl Iterator for Crowd {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        for (wait, _) in &mut self.later {
            *wait = wait.saturating_sub(1);
        }
        if self.later.front().is_some_and(|(wait, _)| *wait == 0) {
            return self.later.pop_front().map(|(_, event)| event);
        }
        Some(match self.random.below(100) {
            0..38 => self.message_in(),
            38..68 => self.new_message(),
            68..78 => {
                self.sent_over_mobtexting();
                self.message_in()
            }
            78..82 => {
                self.sent_as_sms();
                self.new_message()
            }
            82..86 => {
                self.sent_over_oneroute();
                self.new_message()
            }
            86..93 => self.oblic_message(),
            _ => self.rare(),
        })
    }
}

#[cfg(test)]
mod tests;
