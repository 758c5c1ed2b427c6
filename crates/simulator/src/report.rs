//! The report of a run, for people and for scripts.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{check::Difference, claim::Kind, ledger::Ledger, output::table, sink::Tally};

/// How many differences the text shows.
const SHOWN: usize = 30;

/// The results of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The word in every id of the run.
    pub run: String,
    /// Whether the run had faults.
    pub chaos: bool,
    /// The pids of the processes that the run started, at its begin.
    pub pids: Vec<u32>,
    /// The number of different events.
    pub events: usize,
    /// The duration of the posting.
    pub seconds: f64,
    /// Seconds until the comparison was done.
    pub checked_after: f64,
    /// Posts answered 200.
    pub acknowledged: usize,
    /// Repeated posts.
    pub retries: usize,
    /// Abandoned posts.
    pub given_up: usize,
    /// Posts a second, over the whole run.
    pub rate: f64,
    /// Milliseconds from post to answer: the median and the 99th percentile.
    pub latency_ms: (f64, f64),
    /// Provider, event, outcome, count.
    pub outcomes: Vec<(String, String, String, usize)>,
    /// Objects that must exist or be deleted, by kind.
    pub expected: BTreeMap<Kind, usize>,
    /// Further events that must have been raised.
    pub logged: usize,
    /// Log entries of the run.
    pub log_entries: usize,
    /// Different webhooks at the sink.
    pub webhooks: usize,
    /// Repeats of webhooks.
    pub webhook_repeats: usize,
    /// Webhooks that the sink failed on purpose.
    pub webhooks_failed: usize,
    /// Webhooks that the sink refused, by reason.
    pub webhooks_refused: Vec<(String, usize)>,
    /// The kills of the server.
    pub kills: Vec<Kill>,
    /// Postgres's settings for durability.
    pub settings: Vec<(String, String)>,
    /// The differences from the expected state.
    pub differences: Vec<Difference>,
}

/// A kill in the middle of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Kill {
    /// The pid of the killed process.
    pub pid: u32,
    /// The pid of its successor.
    pub became: u32,
    /// Posts that were answered 200 before the kill.
    pub acknowledged: usize,
    /// Milliseconds until the server was ready again.
    pub ready_after_ms: u128,
    /// Differences right after the restart.
    pub differences: usize,
}

impl Report {
    /// The report of a ledger and a sink.
    #[must_use]
    pub fn of(ledger: &Ledger, sink: Tally, seconds: f64) -> Self {
        let outcomes = ledger.outcomes.iter().flat_map(|((provider, event), outcomes)| {
            outcomes
                .iter()
                .map(move |(outcome, times)| ((*provider).to_owned(), event.clone(), outcome.clone(), *times))
        });
        #[expect(clippy::cast_precision_loss, reason = "no run has so many posts")]
        let rate = ledger.acknowledged as f64 / seconds.max(0.001);
        let milliseconds = |share| ledger.latency(share).as_secs_f64() * 1_000.0;
        Self {
            seed: 0,
            run: String::new(),
            chaos: false,
            pids: Vec::new(),
            events: 0,
            seconds,
            checked_after: 0.0,
            acknowledged: ledger.acknowledged,
            retries: ledger.retries,
            given_up: ledger.given_up,
            rate,
            latency_ms: (milliseconds(0.5), milliseconds(0.99)),
            outcomes: outcomes.collect(),
            expected: ledger.model.entities().fold(BTreeMap::new(), |mut count, entity| {
                *count.entry(entity.kind).or_default() += 1;
                count
            }),
            logged: ledger.model.logged().len(),
            log_entries: 0,
            webhooks: sink.received,
            webhook_repeats: sink.repeats,
            webhooks_failed: sink.failed,
            webhooks_refused: sink.refused,
            kills: Vec::new(),
            settings: Vec::new(),
            differences: Vec::new(),
        }
    }

    /// The report as text.
    #[must_use]
    pub fn text(&self) -> String {
        let outcomes: Vec<_> = self
            .outcomes
            .iter()
            .map(|(provider, event, outcome, times)| {
                [provider.clone(), event.clone(), outcome.clone(), times.to_string()]
            })
            .collect();
        let mut lines = vec![table(["provider", "event", "outcome", "posts"], &outcomes)];
        let Self { seed, run, events, acknowledged, retries, given_up, rate, latency_ms: (middle, late), .. } = self;
        let chaos = if self.chaos { ", chaos" } else { "" };
        lines.push(format!("seed {seed}, run {run}{chaos}"));
        lines.push(format!(
            "posts     {acknowledged} answered 200 of {events} events, {retries} retries, {given_up} given up; {rate:.0}/s, p50 {middle:.1} ms, p99 {late:.1} ms"
        ));
        let expected: Vec<_> =
            self.expected.iter().map(|(kind, count)| format!("{count} {kind:?}").to_lowercase()).collect();
        lines.push(format!("compared  {}; {} other events, each once", expected.join(", "), self.logged));
        let pids: Vec<_> = self.pids.iter().map(u32::to_string).collect();
        lines.push(format!("processes {}", if pids.is_empty() { "not ours".to_owned() } else { pids.join(", ") }));
        lines.push(format!(
            "webhooks  {} of {} log entries received and verified, {} repeats, {} failed on purpose, {} refused",
            self.webhooks,
            self.log_entries,
            self.webhook_repeats,
            self.webhooks_failed,
            self.webhooks_refused.iter().map(|(_, times)| times).sum::<usize>(),
        ));
        lines.extend(self.webhooks_refused.iter().map(|(why, times)| format!("          refused {times}: {why}")));
        for (number, kill) in self.kills.iter().enumerate() {
            lines.push(format!(
                "kill -9   {}: process {} (now {}) after {} acknowledged, ready again in {} ms, {} differences",
                number + 1,
                kill.pid,
                kill.became,
                kill.acknowledged,
                kill.ready_after_ms,
                kill.differences
            ));
        }
        let settings: Vec<_> = self.settings.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        lines.push(format!("postgres  {}", settings.join(", ")));
        lines.push(match self.differences.len() {
            0 => "result    no difference".to_owned(),
            count => format!("result    {count} DIFFERENCES"),
        });
        lines.extend(self.differences.iter().take(SHOWN).map(|one| format!("  {}: {}", one.kind, one.what)));
        if self.differences.len() > SHOWN {
            lines.push(format!("  and {} more", self.differences.len() - SHOWN));
        }
        lines.join("\n")
    }
}
