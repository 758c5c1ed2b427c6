use proptest::prelude::*;
use serde_json::Map;

use super::*;
use crate::command::{ChannelRef, ChannelReport, StatusReport};
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
    let deleted = StatusReport { raw_status: "deleted".into(), ..report("", Some(DeliveryStatus::Failed), Some(9)) };
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
    // A plausible reported time goes before the arrival that replaces an impossible one.
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
