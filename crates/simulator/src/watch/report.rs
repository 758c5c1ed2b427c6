//! The report of a run of watchers, for people and for scripts.

use std::collections::BTreeMap;

use serde::Serialize;

use super::storm::Storm;
use crate::check::Difference;

/// How many differences the text shows.
const SHOWN: usize = 30;

/// The results of a run of watchers.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Number of watchers.
    pub watchers: usize,
    /// Number of their subscriptions.
    pub operations: usize,
    /// Subscriptions with a filter.
    pub filtered: usize,
    /// The duration of the posting, in seconds.
    pub seconds: f64,
    /// Providers' posts that were acknowledged.
    pub acknowledged: usize,
    /// Repeated posts.
    pub retries: usize,
    /// Abandoned posts.
    pub given_up: usize,
    /// Successful acts of members.
    pub acts: usize,
    /// Failed acts of members.
    pub acts_failed: usize,
    /// Entries of the log.
    pub log_entries: usize,
    /// Received frames.
    pub frames: usize,
    /// Events in them.
    pub events: usize,
    /// Checkpoints in them.
    pub checkpoints: usize,
    /// Resets in them, by their reasons.
    pub resets: BTreeMap<String, usize>,
    /// Established connections.
    pub connections: usize,
    /// The ends of connections: the close code, or a word.
    pub ends: BTreeMap<String, usize>,
    /// The restarts of the processes.
    pub storm: Storm,
    /// The differences from the log.
    pub differences: Vec<Difference>,
}

impl Report {
    /// The report as text.
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
