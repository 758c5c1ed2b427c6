//! The expected status of a sent message from its reports (P3; DESIGN, section 4).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::claim::{Must, Report, Rung};

/// A step: the earliest reported time, and whether a report was of this step itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Step {
    reported: Option<DateTime<Utc>>,
    taken: bool,
}

impl Step {
    fn take(&mut self, reported: Option<DateTime<Utc>>, taken: bool) {
        self.taken |= taken;
        self.reported = match (self.reported, reported) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}

type Failure = (Option<DateTime<Utc>>, Option<String>, Option<String>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Part {
    rung: Option<Rung>,
    /// Sent, delivered, read, failed.
    steps: [Step; 4],
    failures: BTreeSet<Failure>,
}

const STEPS: [(&str, Rung); 4] =
    [("sentAt", Rung::Sent), ("deliveredAt", Rung::Delivered), ("readAt", Rung::Read), ("failedAt", Rung::Failed)];

/// The reports on a message, by part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ladders {
    parts: BTreeMap<String, Part>,
    history: BTreeSet<(String, String, String, String)>,
}

impl Ladders {
    /// Adds a report. An unknown word is kept and changes nothing (MT-11).
    pub fn take(&mut self, report: &Report) {
        let Report { part, word, details, digest, .. } = report.clone();
        self.history.insert((part, word, details, digest));
        if report.rung.is_none() {
            return;
        }
        let part = self.parts.entry(report.part.clone()).or_default();
        part.rung = part.rung.max(report.rung);
        for (place, (step, (_, rung))) in part.steps.iter_mut().zip(STEPS).enumerate() {
            step.take(report.times[place], report.early[place] || report.rung == Some(rung));
        }
        if report.rung == Some(Rung::Failed) {
            let (code, text) = report.failure.clone();
            part.failures.insert((report.times[3], code, text));
        }
    }

    /// Adds the reports under another name of the message.
    pub fn absorb(&mut self, other: Self) {
        self.history.extend(other.history);
        for (name, theirs) in other.parts {
            let part = self.parts.entry(name).or_default();
            part.rung = part.rung.max(theirs.rung);
            for (step, their) in part.steps.iter_mut().zip(theirs.steps) {
                step.take(their.reported, their.taken);
            }
            part.failures.extend(theirs.failures);
        }
    }

    /// The status of the message: FAILED if any part failed, else that of the slowest part.
    #[must_use]
    pub fn rung(&self) -> Option<Rung> {
        let rungs = || self.parts.values().filter_map(|part| part.rung);
        rungs().find(|rung| *rung == Rung::Failed).or_else(|| rungs().min())
    }

    /// Each report once: its part, the provider's word, and its further fields.
    #[must_use]
    pub fn history(&self) -> Vec<(String, String, String)> {
        self.history.iter().map(|(part, word, details, _)| (part.clone(), word.clone(), details.clone())).collect()
    }

    /// The expected times of the message, and the reason of its failure. A step of the whole message happens when its
    /// last part reaches it. Of several failures the last by the provider's time is shown, with that time; a failure
    /// without a time comes first. A read message shows no failure.
    #[must_use]
    pub fn members(&self) -> Vec<(&'static str, Must)> {
        if self.parts.is_empty() {
            return Vec::new();
        }
        let mut members = Vec::new();
        let failures =
            || self.parts.values().filter(|part| part.rung != Some(Rung::Read)).flat_map(|part| &part.failures);
        for (place, (name, rung)) in STEPS.into_iter().enumerate() {
            let counts = |part: &&Part| rung != Rung::Failed || part.rung != Some(Rung::Read);
            let steps: Vec<Step> = self.parts.values().filter(counts).map(|part| part.steps[place]).collect();
            let has_time = |step: &&Step| step.reported.is_some() || step.taken;
            let arrived = steps.iter().any(|step| step.taken && step.reported.is_none());
            let reported = steps.iter().filter_map(|step| step.reported);
            let shown = if rung == Rung::Failed {
                steps
                    .iter()
                    .any(|step| has_time(&step))
                    .then(|| failures().max().and_then(|(at, ..)| *at).or(reported.min()))
            } else {
                (steps.iter().filter(has_time).count() == steps.len()).then(|| reported.max())
            };
            members.push((
                name,
                match shown {
                    None => Must::be_null(),
                    // The arrival is later than every reported time of the run.
                    Some(_) if arrived && rung != Rung::Failed => Must::BeArrival,
                    Some(Some(time)) => Must::at(time),
                    Some(None) => Must::BeArrival,
                },
            ));
        }
        if let Some((_, code, text)) = failures().max() {
            let must = |text: &Option<String>| text.clone().map_or_else(Must::be_null, Must::text);
            members.extend([("failureCode", must(code)), ("failureText", must(text))]);
        }
        members
    }
}
