//! The status ladder of a sent message (P3): QUEUED < SENT < FAILED < DELIVERED < READ.
//!
//! A report only raises the ladder: the status is the highest step seen, and each time is the earliest that the
//! provider reported. Raising is commutative, associative and idempotent, so reports in any order and number have one
//! result.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::text_enum;

text_enum! {
    /// The delivery status of a sent message. The order of the values is the ladder.
    DeliveryStatus {
        /// Inlet has it.
        Queued = "queued",
        /// The operator has it.
        Sent = "sent",
        /// The delivery failed. A delivery that is reported nevertheless ranks higher.
        Failed = "failed",
        /// It reached the handset.
        Delivered = "delivered",
        /// The receiver read it.
        Read = "read",
    }
}

/// The time of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Step {
    /// The earliest time that the provider reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported: Option<DateTime<Utc>>,
    /// The earliest arrival of a report of this step, used if no time was reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived: Option<DateTime<Utc>>,
}

impl Step {
    /// The time that Inlet shows.
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

/// The reason why a delivery failed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Failure {
    /// The provider's code, or its status word.
    pub code: Option<String>,
    /// The provider's reason.
    pub text: Option<String>,
    /// Whether sending the message again may help.
    pub retryable: bool,
}

/// The ladder of one part of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ladder {
    /// The highest step seen.
    pub status: Option<DeliveryStatus>,
    /// Sent to the operator.
    #[serde(default)]
    pub sent: Step,
    /// Reached the handset.
    #[serde(default)]
    pub delivered: Step,
    /// Read.
    #[serde(default)]
    pub read: Step,
    /// Failed.
    #[serde(default)]
    pub failed: Step,
    /// The shown failure: the last one by the provider's time. Failures without a time come first; of equal failures
    /// the greatest wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<(Option<DateTime<Utc>>, Failure)>,
}

/// A message's ladders: one for each part, `""` for a message without parts. The shown state is computed from them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ladders(pub BTreeMap<String, Ladder>);

/// The state of a message, computed from its ladders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    /// The delivery status.
    pub status: Option<DeliveryStatus>,
    /// Sent to the operator.
    pub sent_at: Option<DateTime<Utc>>,
    /// Reached the handset.
    pub delivered_at: Option<DateTime<Utc>>,
    /// Read.
    pub read_at: Option<DateTime<Utc>>,
    /// Failed.
    pub failed_at: Option<DateTime<Utc>>,
    /// The reason of the failure.
    pub failure: Option<Failure>,
}

/// The step times of a report. A later null never erases a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StatusTimes {
    /// Sent to the operator.
    pub sent_at: Option<DateTime<Utc>>,
    /// Reached the handset.
    pub delivered_at: Option<DateTime<Utc>>,
    /// Read.
    pub read_at: Option<DateTime<Utc>>,
    /// Failed.
    pub failed_at: Option<DateTime<Utc>>,
}

impl StatusTimes {
    /// Whether the report names no time.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A report's input to a ladder.
#[derive(Debug, Clone, Copy)]
pub struct Reported<'a> {
    /// The part of a multipart message; empty for the whole message.
    pub part: &'a str,
    /// Inlet's status; `None` for an unknown word.
    pub status: Option<DeliveryStatus>,
    /// The provider's status.
    pub raw_status: &'a str,
    /// The provider's code of a failure.
    pub code: Option<&'a str>,
    /// The provider's reason.
    pub reason: Option<&'a str>,
    /// When its own step happened, if the report tells it.
    pub reported_at: Option<DateTime<Utc>>,
    /// The times of further steps in the report.
    pub times: StatusTimes,
}

impl Ladder {
    /// Merges another ladder of this part.
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

    /// Keeps the later of two failures by the provider's time. A failure without a time comes before those with one.
    fn fail(&mut self, candidate: (Option<DateTime<Utc>>, Failure)) {
        if self.failure.as_ref().is_none_or(|known| candidate > *known) {
            self.failure = Some(candidate);
        }
    }

    /// Raises the ladder by a report. A reported time after the arrival is impossible, so the arrival replaces it.
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

/// The provider's status, if it tells more than that the delivery failed.
fn telling(word: &str) -> Option<String> {
    (!word.eq_ignore_ascii_case("failed")).then(|| word.to_owned())
}

/// Whether a failure may be temporary, such as a phone that is off. A blocked or unlawful message stays failed.
fn is_retryable(word: &str) -> bool {
    let word = word.to_ascii_uppercase();
    let lasting = ["BLACKL", "DND", "DLT", "REJ", "INVALID"];
    !lasting.iter().any(|start| word.starts_with(start))
}

impl Ladders {
    /// Raises the ladders by a report.
    pub fn raise<'a>(&mut self, report: impl Into<Reported<'a>>, arrived: DateTime<Utc>) {
        let report = report.into();
        self.0.entry(report.part.to_owned()).or_default().raise(report, arrived);
    }

    /// Merges the ladders of another message that turned out to be this one.
    pub fn merge(&mut self, other: Self) {
        for (part, ladder) in other.0 {
            self.0.entry(part).or_default().merge(ladder);
        }
    }

    /// The shown state. With several parts the status is FAILED if any part failed, else the lowest, so a message is
    /// DELIVERED when all known parts are. A step of the whole message happens when its last part reaches it. Of
    /// several failures the last by the provider's time is shown, with that time. A read message shows no failure.
    #[must_use]
    pub fn shown(&self) -> Shown {
        let ladders = || self.0.values();
        let failed = ladders().find(|ladder| ladder.status == Some(DeliveryStatus::Failed));
        let all = |step: fn(&Ladder) -> Option<DateTime<Utc>>| -> Option<DateTime<Utc>> {
            let times: Option<Vec<_>> = ladders().map(step).collect();
            times?.into_iter().max()
        };
        // A read part has arrived, whatever other reports failed.
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
