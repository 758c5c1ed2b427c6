//! The server's answers to posts.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{claim::Claim, model::Model, provider::crowd::Event};

/// One try of a post.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// The number of the process.
    pub process: usize,
    /// When it was sent.
    pub sent: Instant,
    /// The time until the answer, or until the client gave up.
    pub took: Duration,
    /// The status of the answer; `None` without one.
    pub status: Option<u16>,
}

/// The answers, counted, and the state that they oblige the server to.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// The expected state.
    pub model: Model,
    /// By provider and event: how often each outcome was answered.
    pub outcomes: BTreeMap<(&'static str, String), BTreeMap<String, usize>>,
    /// Answers that a well-formed event must not get, with the event. These are differences.
    pub refused: Vec<String>,
    /// Posts that were repeated because no 2xx arrived.
    pub retries: usize,
    /// Posts that were given up.
    pub given_up: usize,
    /// Posts that were acknowledged.
    pub acknowledged: usize,
    /// Every try of every post.
    pub attempts: Vec<Attempt>,
    latencies: Vec<Duration>,
}

impl Ledger {
    /// Records an answer of 200.
    pub fn acknowledge(&mut self, event: &Event, outcome: &str, sent: Instant) {
        self.acknowledged += 1;
        self.latencies.push(sent.elapsed());
        *self.count(event, outcome) += 1;
        let is_understood = !event.claims.iter().any(|claim| matches!(claim, Claim::Unrecognised { .. }));
        let may: &[&str] = if is_understood { &["accepted", "duplicate"] } else { &["unrecognised"] };
        if may.contains(&outcome) {
            self.model.acknowledge(&event.claims);
        } else {
            self.refused.push(format!("{} {}: {outcome}", event.provider.word(), event.name));
        }
    }

    /// Records an answer that no retry will change.
    pub fn refuse(&mut self, event: &Event, answer: &str) {
        *self.count(event, "refused") += 1;
        self.refused.push(format!("{} {}: {answer}", event.provider.word(), event.name));
    }

    fn count(&mut self, event: &Event, outcome: &str) -> &mut usize {
        let kind = (event.provider.word(), event.name.clone());
        self.outcomes.entry(kind).or_default().entry(outcome.to_owned()).or_default()
    }

    /// The time within which this share (0 to 1) of the posts was answered.
    #[must_use]
    pub fn latency(&self, share: f64) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        quantile(&sorted, share).copied().unwrap_or_default()
    }
}

/// The smallest value of the ascending `sorted` that at least this `share` (0 to 1) of them do not exceed.
pub(crate) fn quantile<T>(sorted: &[T], share: f64) -> Option<&T> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place")]
    let place = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(place)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::provider::crowd::Crowd;

    #[test]
    fn a_what_names_nothing_is_not_understood_and_all_else_is() {
        for event in Crowd::new(3, "a", DateTime::UNIX_EPOCH).take(1_500) {
            let mut ledger = Ledger::default();
            let names_nothing = event.claims.iter().any(|claim| matches!(claim, Claim::Unrecognised { .. }));
            ledger.acknowledge(&event, "unrecognised", Instant::now());
            assert_eq!(ledger.refused.is_empty(), names_nothing, "{}", event.name);
            ledger.acknowledge(&event, "accepted", Instant::now());
            assert_eq!(ledger.refused.len(), 1, "{}", event.name);
        }
    }

    #[test]
    fn quantiles_are_of_the_values() {
        let sorted: Vec<_> = (1..=100).collect();
        assert_eq!(quantile(&sorted, 0.5), Some(&50));
        assert_eq!(quantile(&sorted, 0.99), Some(&99));
        assert_eq!(quantile(&sorted, 1.0), Some(&100));
        assert_eq!(quantile(&sorted, 0.0), Some(&1));
        assert_eq!(quantile::<u8>(&[], 0.5), None);
    }
}
