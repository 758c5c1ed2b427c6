//! What a run of watchers found, for people and for scripts.

use std::collections::BTreeMap;

use serde::Serialize;

use super::storm::Storm;
use crate::check::Difference;

/// How many differences are shown to people.
const SHOWN: usize = 30;

/// A run of watchers and what it found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Watchers.
    pub watchers: usize,
    /// Their subscriptions.
    pub operations: usize,
    /// Those with a filter.
    pub filtered: usize,
    /// How long events were posted, in seconds.
    pub seconds: f64,
    /// Providers' posts that were acknowledged.
    pub acknowledged: usize,
    /// Posts made again.
    pub retries: usize,
    /// Posts given up.
    pub given_up: usize,
    /// What people did.
    pub acts: usize,
    /// What they could not.
    pub acts_failed: usize,
    /// Entries of the log.
    pub log_entries: usize,
    /// Frames that came.
    pub frames: usize,
    /// Events in them.
    pub events: usize,
    /// Checkpoints in them.
    pub checkpoints: usize,
    /// Resets in them, by their reasons.
    pub resets: BTreeMap<String, usize>,
    /// Connections that stood.
    pub connections: usize,
    /// How they ended: the code of the close, or a word.
    pub ends: BTreeMap<String, usize>,
    /// What happened to the processes.
    pub storm: Storm,
    /// What is not as it must be.
    pub differences: Vec<Difference>,
}

impl Report {
    /// The report as people read it.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { seed, watchers, operations, filtered, seconds, acknowledged, retries, given_up, .. } = self;
        let counted = |counts: &BTreeMap<String, usize>| {
            counts.iter().map(|(word, times)| format!("{times} {word}")).collect::<Vec<_>>().join(", ")
        };
        let mut lines = vec![
            format!("seed {seed}, {watchers} watchers with {operations} subscriptions, {filtered} of them filtered"),
            format!(
                "posts       {acknowledged} acknowledged in {seconds:.0} s, {retries} retries, {given_up} given up"
            ),
            format!("people      {} acts, {} not done", self.acts, self.acts_failed),
            format!("log         {} entries", self.log_entries),
            format!("frames      {}: {} events, {} checkpoints", self.frames, self.events, self.checkpoints),
            format!("resets      {}", if self.resets.is_empty() { "none".into() } else { counted(&self.resets) }),
            format!("connections {}", self.connections),
            format!("ends        {}", counted(&self.ends)),
            format!(
                "processes   {} killed with -9, {} restarted one after the other, {} new epochs; ready again in {} ms at most",
                self.storm.kills, self.storm.rolled, self.storm.epochs, self.storm.slowest_start_ms
            ),
            match self.differences.len() {
                0 => "result      no difference".to_owned(),
                count => format!("result      {count} DIFFERENCES"),
            },
        ];
        lines.extend(self.differences.iter().take(SHOWN).map(|one| format!("  {}: {}", one.kind, one.what)));
        if self.differences.len() > SHOWN {
            lines.push(format!("  and {} more", self.differences.len() - SHOWN));
        }
        lines.join("\n")
    }
}
