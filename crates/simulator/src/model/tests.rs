use chrono::DateTime;
use serde_json::json;

use super::*;
use crate::{
    claim::{Report, Rung, created, updated},
    provider::crowd::Crowd,
    random::Random,
};

#[test]
fn order_and_repeats_make_no_difference() {
    let mut claims: Vec<_> = Crowd::new(7, "a", DateTime::UNIX_EPOCH).take(1_500).map(|event| event.claims).collect();
    let sum = |claims: &[Vec<Claim>]| {
        let mut model = Model::default();
        claims.iter().for_each(|claims| model.acknowledge(claims));
        let mut entities: Vec<_> = model.entities().cloned().collect();
        entities.sort_by_key(|entity| (entity.kind, entity.name()));
        (entities, model.logged, model.unrecognised)
    };
    let straight = sum(&claims);
    let mut random = Random::seeded(1);
    for _ in 0..5 {
        for place in 0..claims.len() {
            let other = random.below(claims.len());
            claims.swap(place, other);
        }
        claims.push(claims[random.below(claims.len())].clone());
        assert_eq!(sum(&claims), straight);
    }
}

#[test]
fn the_ladder_holds_for_each_part() {
    let rung = |parts: &[(&str, Rung)]| {
        let mut ladders = Ladders::default();
        for (part, rung) in parts {
            ladders.take(&Report { part: (*part).into(), rung: Some(*rung), ..Report::default() });
        }
        ladders.rung()
    };
    assert_eq!(rung(&[("", Rung::Read), ("", Rung::Failed), ("", Rung::Sent)]), Some(Rung::Read));
    assert_eq!(rung(&[("1", Rung::Delivered), ("2", Rung::Sent)]), Some(Rung::Sent));
    assert_eq!(rung(&[("1", Rung::Delivered), ("2", Rung::Failed)]), Some(Rung::Failed));
    assert_eq!(rung(&[("1", Rung::Delivered), ("2", Rung::Failed), ("2", Rung::Delivered)]), Some(Rung::Delivered));
}

#[test]
fn each_time_is_the_earliest_reported_and_a_later_null_erases_nothing() {
    let time = |seconds| DateTime::from_timestamp(seconds, 0);
    let mut ladders = Ladders::default();
    for (rung, delivered) in [(Rung::Delivered, time(9)), (Rung::Read, time(5)), (Rung::Delivered, None)] {
        ladders.take(&Report { rung: Some(rung), times: [None, delivered, None, None], ..Report::default() });
    }
    ladders.take(&Report { times: [None, time(1), None, None], word: "unknown".into(), ..Report::default() });
    let members = ladders.members();
    assert!(members.contains(&("deliveredAt", Must::text("1970-01-01T00:00:05.000Z"))), "{members:?}");
    assert!(members.contains(&("readAt", Must::BeArrival)) && members.contains(&("failedAt", Must::be_null())));
}

#[test]
fn the_newest_version_wins_and_what_shares_a_name_is_one() {
    let told = |names: &[&str], stamp, member, value| Claim::Told {
        kind: Kind::Contact,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        stamp,
        members: vec![(member, Must::Be(value))],
    };
    let mut model = Model::default();
    let (old, new) = (created(Some(9)), updated(Some(2)));
    model.acknowledge(&[told(&["a"], new, "name", json!("new")), told(&["b"], old, "name", json!("old"))]);
    model.acknowledge(&[told(&["a", "b"], new, "email", json!("e")), told(&["b"], new, "email", json!(null))]);
    let all: Vec<_> = model.entities().collect();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].text("name"), all[0].text("email")), (Some("new"), Some("e")));
}

#[test]
fn b5_who_writes_after_the_deletion_is_somebody() {
    let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
    let wrote = |seconds| Claim::Wrote { name: "a".into(), at: at(seconds) };
    let forgotten = |until: Option<i64>| Claim::Forgotten { name: "a".into(), until: until.map(at) };
    for (claims, is_gone) in [
        (vec![wrote(1), forgotten(Some(2))], true),
        (vec![forgotten(Some(2)), wrote(2)], true),
        (vec![forgotten(Some(2)), wrote(3), wrote(1)], false),
        (vec![wrote(3), forgotten(Some(2))], false),
        (vec![wrote(3), forgotten(None)], true),
    ] {
        let mut model = Model::default();
        model.acknowledge(&claims);
        assert_eq!(model.entities().next().map(Expected::is_gone), Some(is_gone), "{claims:?}");
    }
}

#[test]
fn e1_a_change_is_newer_than_what_came_to_be_and_a_told_time_than_none() {
    let order = [STOOD_IN, TOLD, created(None), created(Some(9)), updated(None), updated(Some(1)), updated(Some(2))];
    assert!(order.is_sorted() && order.windows(2).all(|two| two[0] != two[1]));
    let told = |time: Option<i64>| Claim::Told {
        kind: Kind::Message,
        names: vec!["m".into()],
        stamp: updated(time),
        members: vec![("readAt", Must::BeEarliest(time.and_then(|time| DateTime::from_timestamp(time, 0))))],
    };
    let mut model = Model::default();
    model.acknowledge(&[told(Some(5)), told(None), told(Some(3)), told(Some(9))]);
    let message = model.entities().next().unwrap();
    assert_eq!(message.members["readAt"].1, [Must::BeEarliest(DateTime::from_timestamp(3, 0))]);
}

#[test]
fn e5_of_several_failures_the_last_is_shown_and_a_time_yet_to_come_is_none() {
    let time = |seconds| DateTime::from_timestamp(seconds, 0);
    let mut ladders = Ladders::default();
    for (at, reason) in [(Some(5), "second"), (None, "untimed"), (Some(9), "third"), (Some(2), "first")] {
        let failure = (None, Some(reason.to_owned()));
        let times = [None, None, None, at.and_then(time)];
        ladders.take(&Report { rung: Some(Rung::Failed), times, failure, ..Report::default() });
    }
    let members = ladders.members();
    assert!(members.contains(&("failureText", Must::text("third"))), "{members:?}");
    assert!(members.contains(&("failedAt", Must::at(time(9).unwrap()))), "{members:?}");
    let mut ladders = Ladders::default();
    let early = [false, true, false, false];
    ladders.take(&Report { rung: Some(Rung::Read), early, ..Report::default() });
    assert!(ladders.members().contains(&("deliveredAt", Must::BeArrival)));
}
