//! A provider deletes its record of a person.

use inlet_domain::command::{Change, Command, Patch};
use inlet_tests::apply_fixture::ApplyFixture;

use super::support::{lines, orders, people, record, request, take, user, written};

/// Each conversation: who it is with, and what was written in it by whom.
async fn conversations(house: &ApplyFixture) -> Vec<String> {
    lines(
        house,
        "SELECT concat_ws('|', coalesce(c.name, CASE WHEN v.contact_id IS NULL THEN 'nobody' ELSE 'nameless' END), ( \
           SELECT string_agg(m.external_id, ' ' ORDER BY m.external_id) \
           FROM message m WHERE m.workspace_id = v.workspace_id AND m.conversation_id = v.id)) \
         FROM conversation v LEFT JOIN contact c ON c.workspace_id = v.workspace_id AND c.id = v.contact_id \
         WHERE v.workspace_id = $1 ORDER BY 1",
    )
    .await
}

fn named(name: &str) -> impl FnOnce(&mut inlet_domain::command::ContactReport) + use<> {
    let name = name.to_owned();
    move |report| report.name = Patch::Value(name)
}

#[tokio::test]
async fn b5_a_deleted_person_is_nobody_and_who_writes_later_is_somebody() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    take(&house, &apply, &record("u1", Change::Created, Some(0), named("Ada"))).await;
    take(&house, &apply, &written("m1", user("u1"), 1, |_| {})).await;
    assert_eq!(people(&house).await, ["Ada|-|-|provider_user:u1"]);

    let gone = take(&house, &apply, &record("u1", Change::Deleted, Some(5), |_| {})).await;
    assert_eq!(gone.events.len(), 2, "the contact's, and that of its conversation");
    assert_eq!((people(&house).await, conversations(&house).await), (Vec::new(), vec!["nobody|m1".to_owned()]));
    let payload: Vec<String> = lines(
        &house,
        "SELECT concat_ws('|', type, coalesce(payload->'contact'->>'id', '-'), (previous->'contact'->>'id') IS NOT NULL) \
         FROM event WHERE workspace_id = $1 ORDER BY seq DESC LIMIT 2",
    )
    .await;
    assert_eq!(payload, ["conversation.updated|-|t", "contact.deleted|-|f"]);

    // What occurred before is nobody's, whenever it comes; what a provider says of the deleted record changes nothing.
    take(&house, &apply, &written("m2", user("u1"), 4, |_| {})).await;
    take(&house, &apply, &record("u1", Change::Updated, Some(9), named("Ada again"))).await;
    assert_eq!((people(&house).await, conversations(&house).await), (Vec::new(), vec!["nobody|m1 m2".to_owned()]));

    take(&house, &apply, &written("m3", user("u1"), 6, |_| {})).await;
    assert_eq!(people(&house).await, ["-|-|-|provider_user:u1"]);
    assert_eq!(conversations(&house).await, ["nameless|m1 m2 m3"]);
    take(&house, &apply, &record("u1", Change::Updated, Some(10), named("Ada again"))).await;
    assert_eq!(people(&house).await, ["-|-|-|provider_user:u1"]);
    house.assert_gapless_log().await;
}

#[tokio::test]
async fn b5_deletions_and_messages_in_any_order_end_alike() {
    let commands: [Command; 4] = [
        record("u1", Change::Created, Some(0), named("Ada")),
        record("u1", Change::Deleted, Some(5), |_| {}),
        record("u1", Change::Updated, Some(3), named("Ada L.")),
        written("m1", user("u1"), 2, |_| {}),
    ];
    let mut ends = Vec::new();
    let first = ApplyFixture::build().await;
    for order in orders(commands.len()) {
        for batch in [1, 64] {
            let house = first.neighbour().await;
            let apply = house.apply(1, batch);
            let posts = order.iter().map(|at| apply.submit(request(&house, &commands[*at])));
            for receipt in futures::future::join_all(posts).await {
                receipt.unwrap();
            }
            house.assert_gapless_log().await;
            ends.push((order.clone(), people(&house).await, conversations(&house).await));
        }
    }
    for (order, people, conversations) in ends {
        assert_eq!((people, conversations), (Vec::new(), vec!["nobody|m1".to_owned()]), "{order:?}");
    }
}

#[tokio::test]
async fn b5_who_wrote_after_the_deletion_stays_whichever_comes_first() {
    let later = written("m1", user("u1"), 8, |report| {
        report.person.as_mut().unwrap().username = Some("ada_l".to_owned());
    });
    let deletion = record("u1", Change::Deleted, Some(5), |_| {});
    let created = record("u1", Change::Created, Some(0), |report| {
        report.username = Patch::Value("ada_l".to_owned());
        report.phone = Patch::Value("+919800000009".to_owned());
    });
    for order in [[&created, &deletion, &later], [&created, &later, &deletion], [&later, &deletion, &created]] {
        let house = ApplyFixture::build().await;
        let apply = house.apply(1, 64);
        for command in order {
            apply.submit(request(&house, command)).await.unwrap();
        }
        assert_eq!(people(&house).await, ["-|-|-|provider_user:u1"]);
        assert_eq!(conversations(&house).await, ["nameless|m1"]);
        let told = lines(&house, "SELECT username FROM contact WHERE workspace_id = $1 AND deleted_at IS NULL").await;
        assert_eq!(told, ["ada_l"], "what the later message told stays, and what only the record told goes");
    }
}

#[tokio::test]
async fn b5_a_name_that_only_earlier_messages_told_goes_with_the_record_in_any_order() {
    let naming = |id: &str, at: i64, name: Option<&'static str>| {
        written(id, user("u1"), at, |report| report.person.as_mut().unwrap().name = name.map(str::to_owned))
    };
    let deletion = record("u1", Change::Deleted, Some(5), |_| {});
    let house = ApplyFixture::build().await;
    for (later, expected) in [(None, "-|-|-|provider_user:u1"), (Some("Ada"), "Ada|-|-|provider_user:u1")] {
        let commands = [naming("m1", 2, Some("Ada")), deletion.clone(), naming("m2", 8, later)];
        for order in orders(commands.len()) {
            let house = house.neighbour().await;
            let apply = house.apply(1, 64);
            for at in &order {
                take(&house, &apply, &commands[*at]).await;
            }
            assert_eq!(people(&house).await, [expected], "{later:?} {order:?}");
        }
    }
}
