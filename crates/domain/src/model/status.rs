//! The ladder of a sent message (P3): QUEUED < SENT < FAILED < DELIVERED < READ.
//!
//! A report only ever raises: the status is the highest step seen, each time the earliest that the provider reported.
//! Raising is commutative, associative and idempotent, so reports in any order and any number of times end alike.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::text_enum;

text_enum! {
    /// How far a sent message has come. The order of the values is the ladder.
    DeliveryStatus {
        /// With us.
        Queued = "queued",
        /// With the operator.
        Sent = "sent",
        /// It will not arrive; a delivery that is reported nevertheless is above this.
        Failed = "failed",
        /// On the handset.
        Delivered = "delivered",
        /// Read.
        Read = "read",
    }
}

/// When a step was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Step {
    /// The earliest time that the provider reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported: Option<DateTime<Utc>>,
    /// The earliest arrival of a report of this step: stands in where no time was reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived: Option<DateTime<Utc>>,
}

impl Step {
    /// The time to show.
    #[must_use]
    pub fn time(&self) -> Option<DateTime<Utc>> {
        self.reported.or(self.arrived)
    }

    fn raise(&mut self, reported: Option<DateTime<Utc>>, arrived: Option<DateTime<Utc>>) {
        self.reported = earliest(self.reported, reported);
        self.arrived = earliest(self.arrived, arrived);
    }
}

fn earliest(a: Option<DateTime<Utc>>, b: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Why a message failed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Failure {
    /// The provider's code or word.
    pub code: Option<String>,
    /// The provider's sentence.
    pub text: Option<String>,
    /// Whether sending it again may help.
    pub retryable: bool,
}

/// How far one part of a message has come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ladder {
    /// The highest step seen.
    pub status: Option<DeliveryStatus>,
    /// Handed over.
    #[serde(default)]
    pub sent: Step,
    /// On the handset.
    #[serde(default)]
    pub delivered: Step,
    /// Read.
    #[serde(default)]
    pub read: Step,
    /// Failed.
    #[serde(default)]
    pub failed: Step,
    /// Of the failures reported, the last by the provider's time, which those without a time come before; of equal ones
    /// the greatest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<(Option<DateTime<Utc>>, Failure)>,
}

/// A message's ladders: one for each part, `""` where it is whole. What the message shows is computed from them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ladders(pub BTreeMap<String, Ladder>);

/// What a message shows of its ladders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    /// How far it has come.
    pub status: Option<DeliveryStatus>,
    /// Handed over.
    pub sent_at: Option<DateTime<Utc>>,
    /// On the handset.
    pub delivered_at: Option<DateTime<Utc>>,
    /// Read.
    pub read_at: Option<DateTime<Utc>>,
    /// Failed.
    pub failed_at: Option<DateTime<Utc>>,
    /// Why it failed.
    pub failure: Option<Failure>,
}

/// Times that a report names, each of which a later null never erases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StatusTimes {
    /// Handed to the operator.
    pub sent_at: Option<DateTime<Utc>>,
    /// On the handset.
    pub delivered_at: Option<DateTime<Utc>>,
    /// Read.
    pub read_at: Option<DateTime<Utc>>,
    /// Failed.
    pub failed_at: Option<DateTime<Utc>>,
}

impl StatusTimes {
    /// Whether it names none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a report tells a ladder.
#[derive(Debug, Clone, Copy)]
pub struct Reported<'a> {
    /// Which part of a message in parts; empty for the whole.
    pub part: &'a str,
    /// Our word, where theirs is known.
    pub status: Option<DeliveryStatus>,
    /// Their word.
    pub raw_status: &'a str,
    /// Their code for a failure.
    pub code: Option<&'a str>,
    /// Their sentence.
    pub reason: Option<&'a str>,
    /// When its own step happened, if told.
    pub reported_at: Option<DateTime<Utc>>,
    /// The times of steps that it names besides.
    pub times: StatusTimes,
}

impl Ladder {
    /// Takes in what another ladder of the same part has seen.
    fn merge(&mut self, other: Self) {
        self.status = self.status.max(other.status);
        for (step, seen) in [
            (&mut self.sent, other.sent),
            (&mut self.delivered, other.delivered),
            (&mut self.read, other.read),
            (&mut self.failed, other.failed),
        ] {
            step.raise(seen.reported, seen.arrived);
        }
        if let Some(candidate) = other.failure {
            self.fail(candidate);
        }
    }

    /// Keeps the last of two failures by the provider's time; one without a time comes before those with one.
    fn fail(&mut self, candidate: (Option<DateTime<Utc>>, Failure)) {
        if self.failure.as_ref().is_none_or(|known| candidate > *known) {
            self.failure = Some(candidate);
        }
    }

    /// A time after the arrival is none: nothing was reported before it happened. The arrival stands in.
    fn raise(&mut self, report: Reported<'_>, arrived: DateTime<Utc>) {
        let times = &report.times;
        let past = |time: Option<DateTime<Utc>>| time.filter(|time| *time <= arrived);
        for (step, time) in [
            (&mut self.sent, times.sent_at),
            (&mut self.delivered, times.delivered_at),
            (&mut self.read, times.read_at),
            (&mut self.failed, times.failed_at),
        ] {
            step.raise(past(time), time.filter(|time| *time > arrived).map(|_| arrived));
        }
        let reported_at = past(report.reported_at);
        let Some(status) = report.status else { return };
        self.status = self.status.max(Some(status));
        let step = match status {
            DeliveryStatus::Queued => return,
            DeliveryStatus::Sent => &mut self.sent,
            DeliveryStatus::Failed => &mut self.failed,
            DeliveryStatus::Delivered => &mut self.delivered,
            DeliveryStatus::Read => &mut self.read,
        };
        step.raise(reported_at, Some(arrived));
        if status == DeliveryStatus::Failed {
            let at = reported_at.or(past(times.failed_at));
            let failure = Failure {
                code: report.code.map(str::to_owned).or_else(|| telling(report.raw_status)),
                text: report.reason.map(str::to_owned),
                retryable: is_retryable(report.raw_status),
            };
            self.fail((at, failure));
        }
    }
}

/// The provider's word, where it tells more than that the message failed.
fn telling(word: &str) -> Option<String> {
    (!word.eq_ignore_ascii_case("failed")).then(|| word.to_owned())
}

/// Whether a failure may pass: a phone that was off comes back, a blocked or unlawful message stays so.
fn is_retryable(word: &str) -> bool {
    let word = word.to_ascii_uppercase();
    let lasting = ["BLACKL", "DND", "DLT", "REJ", "INVALID"];
    !lasting.iter().any(|start| word.starts_with(start))
}

impl Ladders {
    /// Takes a report in.
    pub fn raise<'a>(&mut self, report: impl Into<Reported<'a>>, arrived: DateTime<Utc>) {
        let report = report.into();
        self.0.entry(report.part.to_owned()).or_default().raise(report, arrived);
    }

    /// Takes in what was seen of what turned out to be the same message.
    pub fn merge(&mut self, other: Self) {
        for (part, ladder) in other.0 {
            self.0.entry(part).or_default().merge(ladder);
        }
    }

    /// What the message shows: of parts, FAILED when any is, else the lowest, so DELIVERED when all known parts are. A
    /// step of the whole is taken when the last part takes it. Of several failures the last by the provider's time is shown,
    /// with that time; none of what was read.
    #[must_use]
    pub fn shown(&self) -> Shown {
        let ladders = || self.0.values();
        let failed = ladders().find(|ladder| ladder.status == Some(DeliveryStatus::Failed));
        let all = |step: fn(&Ladder) -> Option<DateTime<Utc>>| -> Option<DateTime<Utc>> {
            let times: Option<Vec<_>> = ladders().map(step).collect();
            times?.into_iter().max()
        };
        // Whoever has read it has it, whatever failed besides.
        let unread = || ladders().filter(|ladder| ladder.status != Some(DeliveryStatus::Read));
        let failure = unread().filter_map(|ladder| ladder.failure.as_ref()).max();
        Shown {
            status: match failed {
                Some(_) => Some(DeliveryStatus::Failed),
                None => ladders().filter_map(|ladder| ladder.status).min(),
            },
            sent_at: all(|ladder| ladder.sent.time()),
            delivered_at: all(|ladder| ladder.delivered.time()),
            read_at: all(|ladder| ladder.read.time()),
            failed_at: match failure {
                Some((Some(at), _)) => Some(*at),
                Some((None, _)) | None => unread().filter_map(|ladder| ladder.failed.time()).min(),
            },
            failure: failure.map(|(_, failure)| failure.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
