use chrono::DateTime;
use serde_json::json;

use super::*;
use crate::{
    claim::{Report, Rung},
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
        (entities, model.logged)
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
    model.acknowledge(&[told(&["a"], (2, 1), "name", json!("new")), told(&["b"], (1, 0), "name", json!("old"))]);
    model.acknowledge(&[told(&["a", "b"], (1, 1), "email", json!("e")), told(&["b"], (1, 1), "email", json!(null))]);
    let all: Vec<_> = model.entities().collect();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].text("name"), all[0].text("email")), (Some("new"), Some("e")));
}
