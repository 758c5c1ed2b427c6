//! What was kept under the key of an earlier adapter and comes again under today's has no second effect.

use inlet_domain::{
    command::{Command, IdempotencyKey},
    model::outcome::Outcome,
};
use inlet_store::apply::Apply;
use inlet_tests::apply_fixture::ApplyFixture;

use super::support::{request, user, written};

fn keyed(id: &str, former: Option<&str>) -> Command {
    let mut command = written("m1", user("u1"), 1, |report| report.ids = Vec::new());
    command.key = IdempotencyKey { former: former.map(str::to_owned), ..IdempotencyKey::new("message", id) };
    command
}

async fn outcome(house: &ApplyFixture, apply: &Apply, command: &Command) -> Outcome {
    apply.submit(request(house, command)).await.unwrap().outcome
}

#[tokio::test]
async fn p2_a_repeat_under_a_new_key_is_a_repeat_for_both_keys_are_claimed() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    assert_eq!(outcome(&house, &apply, &keyed("old", None)).await, Outcome::Accepted);
    assert_eq!(outcome(&house, &apply, &keyed("new", Some("old"))).await, Outcome::Duplicate);
    assert_eq!(
        outcome(&house, &apply, &keyed("new", None)).await,
        Outcome::Duplicate,
        "the new key is held from then on"
    );
    assert_eq!(outcome(&house, &apply, &keyed("other", Some("another"))).await, Outcome::Accepted);
    assert_eq!(outcome(&house, &apply, &keyed("another", None)).await, Outcome::Duplicate, "and so is the former");
    assert_eq!(house.count("SELECT count(*) FROM message WHERE workspace_id = $1").await, 2);
}
