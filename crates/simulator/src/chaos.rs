//! What providers do to a stream of events: they repeat, reorder, and drop the connection.

use std::collections::VecDeque;

use crate::{provider::crowd::Event, random::Random};

/// How a post goes wrong before it goes right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It does not.
    None,
    /// Half of the request is sent, then the connection is closed.
    Torn,
    /// The request is sent, and the connection closed before the answer.
    Unheard,
}

/// An event on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// What is posted.
    pub event: Event,
    /// What goes wrong first.
    pub fault: Fault,
    /// Which process it is posted to, and over which of the provider's sources; each is taken modulo how many there are.
    pub way: (usize, usize),
}

impl Post {
    /// Without any fault.
    #[must_use]
    pub fn plain(event: Event) -> Self {
        Self { event, fault: Fault::None, way: (0, 0) }
    }
}

/// How many events are held back to be mixed.
const WINDOW: usize = 250;

/// A stream with faults that a seed fixes.
pub struct Chaos<I> {
    events: I,
    random: Random,
    held: Vec<Event>,
    next: VecDeque<Event>,
    /// Copies in a row go to the processes in turn, so that they meet.
    turn: usize,
}

impl<I: Iterator<Item = Event>> Chaos<I> {
    /// Of `events`.
    pub fn new(events: I, seed: u64) -> Self {
        Self { events, random: Random::seeded(!seed), held: Vec::new(), next: VecDeque::new(), turn: 0 }
    }

    fn fill(&mut self) {
        while self.held.len() < WINDOW {
            let Some(event) = self.events.next() else { return };
            // A late repeat lands elsewhere in the window, a prompt one goes out beside its original.
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
