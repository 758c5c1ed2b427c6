//! Faults of providers: repeats, disorder, dropped connections.

use std::collections::VecDeque;

use crate::{provider::crowd::Event, random::Random};

/// The fault before a successful post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No fault.
    None,
    /// The connection is closed after half of the request.
    Torn,
    /// The connection is closed after the request and before the answer.
    Unheard,
}

/// An event with its fault.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// The event.
    pub event: Event,
    /// The fault before it.
    pub fault: Fault,
    /// The process and the provider's source that it is posted to, each modulo their number.
    pub way: (usize, usize),
}

impl Post {
    /// An event without a fault.
    #[must_use]
    pub fn plain(event: Event) -> Self {
        Self { event, fault: Fault::None, way: (0, 0) }
    }
}

/// How many events are held back for mixing.
const WINDOW: usize = 250;

/// A stream of events with faults, reproducible by its seed.
pub struct Chaos<I> {
    events: I,
    random: Random,
    held: Vec<Event>,
    next: VecDeque<Event>,
    /// Consecutive copies go to the processes in turn, so that they arrive at the same time.
    turn: usize,
}

impl<I: Iterator<Item = Event>> Chaos<I> {
    /// Adds faults to `events`.
    pub fn new(events: I, seed: u64) -> Self {
        Self { events, random: Random::seeded(!seed), held: Vec::new(), next: VecDeque::new(), turn: 0 }
    }

    fn fill(&mut self) {
        while self.held.len() < WINDOW {
            let Some(event) = self.events.next() else { return };
            // A late repeat goes elsewhere in the window; a prompt one follows its original at once.
            if self.random.percent(8) {
                let copy = event.repeat(&mut self.random);
                self.held.push(copy);
            }
            self.held.push(event);
        }
    }
}

impl<I: Iterator<Item = Event>> Iterator for Chaos<I> {
    type Item = Post;

    fn next(&mut self) -> Option<Post> {
        if self.next.is_empty() {
            self.fill();
            if self.held.is_empty() {
                return None;
            }
            let event = self.held.swap_remove(self.random.below(self.held.len()));
            if self.random.percent(6) {
                for _ in 0..=self.random.below(3) {
                    self.next.push_back(event.repeat(&mut self.random));
                }
            }
            let moment = event.moment;
            self.next.push_front(event);
            if moment.is_some() {
                let (now, held): (Vec<_>, _) = self.held.drain(..).partition(|event| event.moment == moment);
                self.held = held;
                self.next.extend(now);
            }
            self.turn = self.random.below(2);
        }
        let fault = match self.random.below(100) {
            0 => Fault::Torn,
            1 | 2 => Fault::Unheard,
            _ => Fault::None,
        };
        self.turn += 1;
        let way = (self.turn, self.random.below(2));
        self.next.pop_front().map(|event| Post { event, fault, way })
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::provider::crowd::Crowd;

    fn posts(seed: u64) -> Vec<Post> {
        Chaos::new(Crowd::new(5, "a", DateTime::UNIX_EPOCH).take(2_000), seed).collect()
    }

    #[test]
    fn a_seed_fixes_the_faults_and_nothing_is_lost() {
        let chaotic = posts(1);
        assert_eq!(chaotic, posts(1));
        assert_ne!(chaotic, posts(2));
        assert!(chaotic.len() > 2_200, "{} repeats", chaotic.len() - 2_000);
        for event in Crowd::new(5, "a", DateTime::UNIX_EPOCH).take(2_000) {
            assert!(chaotic.iter().any(|post| post.event.claims == event.claims && post.event.name == event.name));
        }
        for fault in [Fault::Torn, Fault::Unheard] {
            assert!(chaotic.iter().any(|post| post.fault == fault));
        }
        for process in [0, 1] {
            assert!(chaotic.iter().any(|post| post.way.0 % 2 == process));
        }
    }
}
