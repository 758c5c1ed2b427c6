//! An attack: its size and its results.

use std::{collections::BTreeMap, fmt::Display, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use serde::Serialize;

use super::ground::Ground;
use crate::SimulatorError;

/// An attack of the table.
pub struct Attack {
    /// The name: the letter and number of the section in SECURITY.md's table, and a word.
    pub name: &'static str,
    /// The description.
    pub what: fn(Size) -> String,
    /// The bound that it tests.
    pub bound: &'static str,
    /// The judgement of the well-behaved client during the attack.
    pub door: DoorIs,
    /// Runs the attack.
    pub run: fn(Arc<Ground>) -> BoxFuture<'static, Result<Outcome, SimulatorError>>,
}

/// Whether the door must answer as usual during the attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorIs {
    /// It must: its p99 is held to the limit.
    Open,
    /// A process or the database hangs, so only the attack's own figures are judged.
    Away,
}

/// The size of the attacks.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    is_short: bool,
}

impl Size {
    /// The full form, or the short one.
    #[must_use]
    pub fn new(is_short: bool) -> Self {
        Self { is_short }
    }

    /// The first value in the full form, the second in the short one.
    #[must_use]
    pub fn of<T>(self, full: T, short: T) -> T {
        if self.is_short { short } else { full }
    }

    /// A duration in seconds.
    #[must_use]
    pub fn seconds(self, full: u64, short: u64) -> Duration {
        Duration::from_secs(self.of(full, short))
    }

    /// Whether the attacks last until the server's own deadlines have passed.
    #[must_use]
    pub fn is_full(self) -> bool {
        !self.is_short
    }

    /// Whether it is the short form.
    #[must_use]
    pub fn is_short(self) -> bool {
        self.is_short
    }
}

/// How often the attackers got each answer.
pub type Counts = BTreeMap<String, usize>;

/// Adds the counts of one to those of another.
pub fn add(to: &mut Counts, more: Counts) {
    for (word, times) in more {
        *to.entry(word).or_default() += times;
    }
}

/// A measured time with its limit.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// The measured event.
    pub name: String,
    /// The measured time.
    pub ms: f64,
    /// The limit.
    pub limit_ms: f64,
}

/// The results of an attack.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The answers to the attackers.
    pub got: Counts,
    /// The measured times.
    pub figures: Vec<Figure>,
    /// Broken rules, except durations.
    pub broken: Vec<String>,
}

impl Outcome {
    /// The outcome with these answers.
    #[must_use]
    pub fn of(got: Counts) -> Self {
        Self { got, ..Self::default() }
    }

    /// Counts an answer.
    pub fn count(&mut self, word: impl Into<String>, times: usize) {
        *self.got.entry(word.into()).or_default() += times;
    }

    /// How often the attackers got an answer with this beginning.
    #[must_use]
    pub fn times(&self, beginning: &str) -> usize {
        self.got.iter().filter(|(word, _)| word.starts_with(beginning)).map(|(_, times)| times).sum()
    }

    /// Records a time and its limit. `None` for `took` means that the event did not happen within `waited`.
    pub fn figure(&mut self, name: impl Into<String>, took: Option<Duration>, waited: Duration, limit: Duration) {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1_000.0;
        let ms = milliseconds(took.unwrap_or(waited));
        self.figures.push(Figure { name: name.into(), ms, limit_ms: milliseconds(limit) });
    }

    /// Records `what` as broken unless it `holds`.
    pub fn must(&mut self, holds: bool, what: impl Display) {
        if !holds {
            self.broken.push(what.to_string());
        }
    }
}
