use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn fresh() -> Handling {
    Handling {
        status: ConversationStatus::InQueue,
        assignee: None,
        team: None,
        priority: Priority::Normal,
        labels: Vec::new(),
        snoozed_until: None,
        closed_at: None,
    }
}

fn member() -> impl Strategy<Value = Option<MemberId>> {
    prop::option::of((1_u128..3).prop_map(|n| MemberId(Uuid::from_u128(n))))
}

fn labels() -> impl Strategy<Value = Vec<LabelId>> {
    prop::collection::vec((1_u128..6).prop_map(|n| LabelId(Uuid::from_u128(n))), 0..4)
}

fn decision() -> impl Strategy<Value = Decision> {
    let team = prop::option::of(prop::option::of((1_u128..3).prop_map(|n| TeamId(Uuid::from_u128(n)))));
    prop_oneof![
        (prop::option::of(member()), team).prop_map(|(member, team)| Decision::Assign { member, team }),
        prop::sample::select(ConversationStatus::ALL).prop_map(Decision::Status),
        (-2_i64..100).prop_map(|seconds| Decision::Snooze(at(seconds))),
        prop::sample::select(Priority::ALL).prop_map(Decision::Priority),
        labels().prop_map(Decision::AddLabels),
        labels().prop_map(Decision::RemoveLabels),
    ]
}

proptest! {
    #[test]
    fn whatever_is_decided_the_parts_agree(decisions in prop::collection::vec(decision(), 0..40)) {
        let mut handling = fresh();
        for (second, decision) in decisions.iter().enumerate() {
            let now = at(i64::try_from(second).unwrap());
            let before = handling.clone();
            match handling.decide(decision, now) {
                Err(_) => prop_assert_eq!(&handling, &before, "a refusal leaves all as it was"),
                Ok(()) => {
                    let once = handling.clone();
                    prop_assert!(handling.decide(decision, now).is_ok());
                    prop_assert_eq!(&handling, &once, "twice is as once");
                }
            }
            prop_assert_eq!(handling.closed_at.is_some(), handling.status == ConversationStatus::Closed);
            prop_assert!(handling.snoozed_until.is_none() || handling.status == ConversationStatus::Snoozed);
            prop_assert!(handling.status != ConversationStatus::InQueue || handling.assignee.is_none());
            let mut distinct = handling.labels.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), handling.labels.len());
        }
        // An inbound message, or the end of a snooze.
        let asleep = ![ConversationStatus::InQueue, ConversationStatus::Open].contains(&handling.status);
        let status = handling.status;
        handling.awake();
        let woken = if handling.assignee.is_some() { ConversationStatus::Open } else { ConversationStatus::InQueue };
        prop_assert_eq!(handling.status, if asleep { woken } else { status });
    }
}

#[test]
fn c2_what_is_given_back_keeps_its_team_and_goes_to_the_queue_if_it_was_open() {
    for (status, left) in [
        (ConversationStatus::Open, ConversationStatus::InQueue),
        (ConversationStatus::Pending, ConversationStatus::Pending),
        (ConversationStatus::Snoozed, ConversationStatus::Snoozed),
    ] {
        let (team, member) = (Some(TeamId(Uuid::from_u128(1))), Some(MemberId(Uuid::from_u128(2))));
        let mut handling = Handling { status, assignee: member, team, ..fresh() };
        handling.give_back();
        assert_eq!((handling.status, handling.assignee, handling.team), (left, None, team));
    }
}

#[test]
fn c1_a_message_takes_up_whatever_waits() {
    for status in ConversationStatus::ALL {
        let waits = !matches!(status, ConversationStatus::InQueue | ConversationStatus::Open);
        let expected = |taken| if waits { taken } else { *status };
        assert_eq!(status.woken(true), expected(ConversationStatus::Open), "{status}");
        assert_eq!(status.woken(false), expected(ConversationStatus::InQueue), "{status}");
    }
}

#[test]
fn a_closed_conversation_is_reopened_first() {
    let mut handling = fresh();
    handling.decide(&Decision::Status(ConversationStatus::Closed), at(0)).unwrap();
    for next in [Decision::Status(ConversationStatus::Pending), Decision::Snooze(at(60))] {
        let refused = handling.decide(&next, at(1)).unwrap_err();
        assert!(refused.to_string().starts_with("a CLOSED conversation cannot become"), "{refused}");
    }
    handling.decide(&Decision::Status(ConversationStatus::Open), at(1)).unwrap();
    assert_eq!((handling.status, handling.closed_at), (ConversationStatus::Open, None));
}

#[test]
fn a_conversation_has_a_bounded_number_of_labels() {
    let many = |from: u128, count: u128| (from..from + count).map(|n| LabelId(Uuid::from_u128(n))).collect();
    let mut handling = fresh();
    handling.decide(&Decision::AddLabels(many(1, 100)), at(0)).unwrap();
    assert_eq!(handling.decide(&Decision::AddLabels(many(101, 1)), at(0)), Err(Refusal::Labels));
    handling.decide(&Decision::AddLabels(many(1, 100)), at(0)).unwrap();
    handling.decide(&Decision::RemoveLabels(many(1, 1)), at(0)).unwrap();
    handling.decide(&Decision::AddLabels(many(101, 1)), at(0)).unwrap();
}
