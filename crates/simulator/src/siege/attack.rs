//! What an attack is, how large it is, and what came of it.

use std::{collections::BTreeMap, fmt::Display, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use serde::Serialize;

use super::ground::Ground;
use crate::SimulatorError;

/// An attack, as the table names it.
pub struct Attack {
    /// Its name: the letter and number of the section of SECURITY.md's table, and a word.
    pub name: &'static str,
    /// What it does.
    pub what: fn(Size) -> String,
    /// What holds it.
    pub bound: &'static str,
    /// How the well-behaved client is judged meanwhile.
    pub door: DoorIs,
    /// Does it.
    pub run: fn(Arc<Ground>) -> BoxFuture<'static, Result<Outcome, SimulatorError>>,
}

/// Whether the door answers as always while the attack goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorIs {
    /// It must: its p99 is held to the limit.
    Open,
    /// A process or the database hangs, so the attack's own figures count.
    Away,
}

/// How large the attacks are.
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

    /// The first in the full form, the second in the short one.
    #[must_use]
    pub fn of<T>(self, full: T, short: T) -> T {
        if self.is_short { short } else { full }
    }

    /// So many seconds.
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

/// How often the attackers got which answer.
pub type Counts = BTreeMap<String, usize>;

/// Adds the counts of one to those of another.
pub fn add(to: &mut Counts, more: Counts) {
    for (word, times) in more {
        *to.entry(word).or_default() += times;
    }
}

/// A time that is held to a limit.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// How long it took.
    pub ms: f64,
    /// How long it may take.
    pub limit_ms: f64,
}

/// What came of an attack.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What the attackers got.
    pub got: Counts,
    /// Times.
    pub figures: Vec<Figure>,
    /// What must not be; no durations.
    pub broken: Vec<String>,
}

impl Outcome {
    /// Of what the attackers got.
    #[must_use]
    pub fn of(got: Counts) -> Self {
        Self { got, ..Self::default() }
    }

    /// Counts answers.
    pub fn count(&mut self, word: impl Into<String>, times: usize) {
        *self.got.entry(word.into()).or_default() += times;
    }

    /// How often the attackers got an answer that begins so.
    #[must_use]
    pub fn times(&self, beginning: &str) -> usize {
        self.got.iter().filter(|(word, _)| word.starts_with(beginning)).map(|(_, times)| times).sum()
    }

    /// A time, and how long it may take. Where `took` is none, what was waited for did not come within `waited`.
    pub fn figure(&mut self, name: impl Into<String>, took: Option<Duration>, waited: Duration, limit: Duration) {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1_000.0;
        let ms = milliseconds(took.unwrap_or(waited));
        self.figures.push(Figure { name: name.into(), ms, limit_ms: milliseconds(limit) });
    }

    /// What must be; otherwise `what` is told.
    pub fn must(&mut self, holds: bool, what: impl Display) {
        if !holds {
            self.broken.push(what.to_string());
        }
    }
}
