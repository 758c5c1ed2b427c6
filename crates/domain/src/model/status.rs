//! The ladder of a sent message (P3): QUEUED < SENT < FAILED < DELIVERED < READ.
//!
//! A report only ever raises: the status is the highest step seen, each time the earliest that the provider reported.
//! Raising is commutative, associative and idempotent, so reports in any order and any number of times end alike.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::words::words;
use crate::command::{StatusReport, StatusTimes};

words! {
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

impl<'a> From<&'a StatusReport> for Reported<'a> {
    fn from(report: &'a StatusReport) -> Self {
        Self {
            part: &report.part,
            status: report.status,
            raw_status: &report.raw_status,
            code: report.code.as_deref(),
            reason: report.reason.as_deref(),
            reported_at: report.reported_at,
            times: report.times,
        }
    }
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
mod tests {
    use proptest::prelude::*;
    use serde_json::Map;

    use super::*;
    use crate::command::{ChannelRef, ChannelReport, StatusTimes};
    use crate::model::channel::Medium;

    fn report(part: &str, status: Option<DeliveryStatus>, minute: Option<i64>) -> StatusReport {
        StatusReport {
            ids: vec!["m".into()],
            external_id: None,
            part: part.into(),
            status,
            raw_status: status.map_or("??".into(), |s| s.to_string()),
            code: None,
            reason: minute.map(|m| format!("at {m}")),
            reported_at: minute.map(time),
            times: StatusTimes::default(),
            channel: ChannelRef::Reported(Box::new(ChannelReport::at_address(Medium::Sms, "1"))),
            person: None,
            campaign_id: None,
            details: Map::new(),
        }
    }

    fn time(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::Duration::minutes(minute)
    }

    fn any_report() -> impl Strategy<Value = StatusReport> {
        let status = prop::option::of(prop::sample::select(DeliveryStatus::ALL));
        (prop::sample::select(vec!["", "1", "2"]), status, prop::option::of(0..50_i64), prop::option::of(0..50_i64))
            .prop_map(|(part, status, minute, delivered)| StatusReport {
                times: StatusTimes { delivered_at: delivered.map(time), ..StatusTimes::default() },
                ..report(part, status, minute)
            })
    }

    proptest! {
        #[test]
        fn p3_any_permutation_with_repeats_ends_alike(
            (reports, shuffled) in prop::collection::vec(any_report(), 0..8)
                .prop_flat_map(|reports| {
                    let twice: Vec<_> = reports.iter().chain(reports.iter()).cloned().collect();
                    (Just(reports), Just(twice).prop_shuffle())
                })
        ) {
            let arrived = time(100);
            let (mut a, mut b) = (Ladders::default(), Ladders::default());
            reports.iter().for_each(|report| a.raise(report, arrived));
            shuffled.iter().for_each(|report| b.raise(report, arrived));
            prop_assert_eq!(a.shown(), b.shown());
            prop_assert_eq!(&a, &b);

            let (one, other) = reports.split_at(reports.len() / 2);
            let (mut merged, mut rest) = (Ladders::default(), Ladders::default());
            other.iter().for_each(|report| merged.raise(report, arrived));
            one.iter().for_each(|report| rest.raise(report, arrived));
            merged.merge(rest);
            prop_assert_eq!(a, merged);
        }
    }

    #[test]
    fn p3_a_failure_after_delivery_does_not_lower_and_parts_count_together() {
        let mut whole = Ladders::default();
        whole.raise(&report("", Some(DeliveryStatus::Delivered), Some(5)), time(6));
        whole.raise(&report("", Some(DeliveryStatus::Failed), Some(7)), time(8));
        assert_eq!(whole.shown().status, Some(DeliveryStatus::Delivered));
        assert_eq!(whole.shown().failed_at, Some(time(7)));

        let mut parts = Ladders::default();
        parts.raise(&report("1", Some(DeliveryStatus::Delivered), Some(5)), time(6));
        assert_eq!(parts.shown().status, Some(DeliveryStatus::Delivered));
        parts.raise(&report("2", Some(DeliveryStatus::Sent), Some(5)), time(6));
        assert_eq!(parts.shown().status, Some(DeliveryStatus::Sent));
        assert_eq!(parts.shown().delivered_at, None);
        parts.raise(&report("2", Some(DeliveryStatus::Failed), None), time(9));
        assert_eq!(parts.shown().status, Some(DeliveryStatus::Failed));
        assert_eq!(parts.shown().failed_at, Some(time(9)));
    }

    #[test]
    fn e5_of_several_failures_the_last_by_the_providers_time_is_shown() {
        let failure = |part: &str, minute: Option<i64>, reason: &str| StatusReport {
            reason: Some(reason.into()),
            ..report(part, Some(DeliveryStatus::Failed), minute)
        };
        let reports = [
            failure("", Some(5), "second"),
            failure("", None, "untimed"),
            failure("", Some(9), "third"),
            failure("", Some(2), "first"),
        ];
        for turn in 0..reports.len() {
            let mut ladders = Ladders::default();
            reports[turn..].iter().chain(&reports[..turn]).for_each(|report| ladders.raise(report, time(20)));
            let shown = ladders.shown();
            assert_eq!(shown.failure.and_then(|failure| failure.text).as_deref(), Some("third"), "{turn}");
            assert_eq!(shown.failed_at, Some(time(9)), "the time of the failure that is shown");
        }
        let mut parts = Ladders::default();
        for (part, minute, reason) in [("1", Some(7), "seven"), ("2", Some(8), "eight"), ("3", None, "untimed")] {
            parts.raise(&failure(part, minute, reason), time(20));
        }
        assert_eq!(parts.shown().failure.and_then(|failure| failure.text).as_deref(), Some("eight"));
    }

    #[test]
    fn e5_what_was_read_is_not_failed_by_a_later_word() {
        let deleted =
            StatusReport { raw_status: "deleted".into(), ..report("", Some(DeliveryStatus::Failed), Some(9)) };
        let read = report("", Some(DeliveryStatus::Read), Some(5));
        for reports in [[&read, &deleted], [&deleted, &read]] {
            let mut ladders = Ladders::default();
            reports.iter().for_each(|report| ladders.raise(*report, time(20)));
            let shown = ladders.shown();
            assert_eq!((shown.status, shown.failed_at, shown.failure), (Some(DeliveryStatus::Read), None, None));
        }
    }

    #[test]
    fn c3_a_step_is_taken_no_later_than_its_report_came() {
        let mut ladders = Ladders::default();
        let mut early = report("", Some(DeliveryStatus::Read), Some(99));
        early.times = StatusTimes { delivered_at: Some(time(98)), sent_at: Some(time(1)), ..StatusTimes::default() };
        ladders.raise(&early, time(10));
        let shown = ladders.shown();
        assert_eq!((shown.sent_at, shown.delivered_at, shown.read_at), (Some(time(1)), Some(time(10)), Some(time(10))));
        // A time that can be stands before an arrival that stands in.
        ladders.raise(&report("", Some(DeliveryStatus::Delivered), Some(11)), time(12));
        assert_eq!(ladders.shown().delivered_at, Some(time(11)));
        let mut ladders = Ladders::default();
        ladders.raise(&report("", Some(DeliveryStatus::Failed), Some(100)), time(20));
        ladders.raise(
            &StatusReport { reason: Some("told".into()), ..report("", Some(DeliveryStatus::Failed), Some(3)) },
            time(21),
        );
        assert_eq!(ladders.shown().failure.and_then(|failure| failure.text).as_deref(), Some("told"));
        assert_eq!(ladders.shown().failed_at, Some(time(3)));
    }

    #[test]
    fn an_unknown_word_changes_no_status_but_its_times_count() {
        let mut ladders = Ladders::default();
        let mut unknown = report("", None, Some(3));
        unknown.times.read_at = Some(time(4));
        ladders.raise(&unknown, time(9));
        assert_eq!(ladders.shown(), Shown { read_at: Some(time(4)), ..Shown::default() });
    }
}
