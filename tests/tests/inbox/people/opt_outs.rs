//! A refusal binds the address that it names, whoever has it.

use inlet_domain::{
    command::{Command, Effect, IdempotencyKey, IdentityKind, IdentityRef, OptOutReport, PersonReport},
    ids::ContactId,
    model::{channel::Medium, message::Direction, opt_out::OptOutScope, status::DeliveryStatus},
    scope::Scope,
};
use inlet_store::records::{opt_outs, page::Slice};
use inlet_tests::apply_fixture::{ApplyFixture, message, status};

use super::support::{lines, people, request, take, written};

fn phone(number: &str) -> IdentityRef {
    IdentityRef::new(IdentityKind::Phone, number)
}

fn refusal(number: &str) -> Command {
    let report = OptOutReport {
        external_id: None,
        person: PersonReport {
            identities: vec![phone(number)],
            phone: Some(number.to_owned()),
            ..PersonReport::default()
        },
        medium: Medium::Whatsapp,
        scope: OptOutScope::All,
        value: "*".to_owned(),
        occurred_at: None,
    };
    Command { key: IdempotencyKey::new("opt_out", number), effect: Effect::OptOut(Box::new(report)) }
}

async fn contact(house: &ApplyFixture, number: &str) -> ContactId {
    sqlx::query_scalar("SELECT contact_id FROM identity WHERE workspace_id = $1 AND value = $2")
        .bind(house.workspace)
        .bind(number)
        .fetch_one(&house.database.pool)
        .await
        .unwrap()
}

/// How many refusals bind a contact.
async fn bound(house: &ApplyFixture, contact: ContactId) -> usize {
    let (scope, slice) = (Scope::of(house.workspace), Slice::first(10));
    let found = opt_outs::binding(&house.database, scope, &[contact], &slice).await.unwrap();
    found.into_iter().map(|(_, page)| page.items.len()).sum()
}

#[tokio::test]
async fn b1_three_guests_of_one_hotel_are_three_and_a_refusal_binds_one() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    for n in 1..=3 {
        let number = format!("+9198000000{n:02}");
        let command = written(&format!("m{n}"), phone(&number), n, |report| {
            report.person.as_mut().unwrap().email = Some("desk@hotel.example".to_owned());
        });
        take(&house, &apply, &command).await;
    }
    assert_eq!(people(&house).await.len(), 3);
    take(&house, &apply, &refusal("+919800000001")).await;
    for (number, binds) in [("+919800000001", 1), ("+919800000002", 0), ("+919800000003", 0)] {
        assert_eq!(bound(&house, contact(&house, number).await).await, binds, "{number}");
    }
    // Each is offered as one that may be the others.
    let first = contact(&house, "+919800000001").await;
    let scope = Scope::of(house.workspace);
    let suggested = inlet_store::records::contacts::suggested_merges(&house.database, scope, &[first]).await.unwrap();
    assert_eq!(suggested.len(), 2, "{suggested:?}");
    assert!(suggested.iter().all(|it| it.value == "desk@hotel.example"), "{suggested:?}");
}

#[tokio::test]
async fn b1_a_refusal_of_a_number_that_only_a_profile_names_is_told_too() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    let scoped = IdentityRef::new(IdentityKind::ProviderUser, "viber-id");
    let command = written("m1", scoped, 1, |report| {
        report.person.as_mut().unwrap().phone = Some("+919800000001".to_owned());
    });
    take(&house, &apply, &command).await;
    take(&house, &apply, &refusal("+919800000001")).await;
    assert_eq!(people(&house).await.len(), 2, "a profile joins nobody");
    assert_eq!(bound(&house, contact(&house, "viber-id").await).await, 1);
}

#[tokio::test]
async fn b1_a_report_claims_an_address_and_makes_nobody_so_both_orders_end_alike() {
    let report = status("out-1", "+919800000001", DeliveryStatus::Delivered, 1);
    let written = message("in-1", "+919800000001", Direction::Inbound, "hi", 2);
    let mut ends = Vec::new();
    for order in [[&report, &written], [&written, &report]] {
        let house = ApplyFixture::build().await;
        let apply = house.apply(1, 64);
        take(&house, &apply, order[0]).await;
        let contacts = house.count("SELECT count(*) FROM contact WHERE workspace_id = $1").await;
        assert_eq!(contacts, i64::from(order[0] == &written), "a report alone makes nobody");
        take(&house, &apply, order[1]).await;
        let orphans = "SELECT count(*) FROM conversation WHERE workspace_id = $1 AND contact_id IS NULL";
        assert_eq!(house.count(orphans).await, 0);
        ends.push(people(&house).await);
    }
    assert_eq!(ends[0], ends[1]);
    assert_eq!(ends[0], ["-|+919800000001|-|phone:+919800000001"]);
}

#[tokio::test]
async fn b4_the_form_that_was_written_last_is_the_one_to_answer_to() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    let original = || async {
        sqlx::query_scalar::<_, Option<String>>("SELECT original FROM identity WHERE workspace_id = $1")
            .bind(house.workspace)
            .fetch_one(&house.database.pool)
            .await
            .unwrap()
    };
    let form = |id: &str, at, original: Option<&str>| {
        let address = IdentityRef { original: original.map(str::to_owned), ..phone("+5511987654321") };
        written(id, address, at, |_| {})
    };
    take(&house, &apply, &form("m1", 1, Some("551187654321"))).await;
    assert_eq!(original().await.as_deref(), Some("551187654321"));
    take(&house, &apply, &form("m2", 2, None)).await;
    assert_eq!(original().await, None, "the last was written as the value");
    take(&house, &apply, &form("m3", 3, Some("55 11 8765-4321"))).await;
    assert_eq!(original().await.as_deref(), Some("55 11 8765-4321"));
    take(&house, &apply, &form("m4", 4, Some("551187654321"))).await;
    assert_eq!(original().await.as_deref(), Some("55 11 8765-4321"), "the same digits are no other form");
    assert_eq!(people(&house).await.len(), 1);
}

#[tokio::test]
async fn p10_a_refusal_in_one_workspace_is_none_in_another_of_the_same_batch() {
    let house = ApplyFixture::build().await;
    let neighbour = house.neighbour().await;
    let apply = house.apply(1, 64);
    let (first, both) = (refusal("+919800000001"), refusal("+919800000002"));
    let requests = [request(&house, &first), request(&house, &both), request(&neighbour, &both)];
    // The first is on its way when the others come, so these two go together.
    for receipt in futures::future::join_all(requests.into_iter().map(|request| apply.submit(request))).await {
        assert_eq!(receipt.unwrap().outcome, inlet_domain::model::outcome::Outcome::Accepted);
    }
    for (house, expected) in [(&house, 2), (&neighbour, 1)] {
        let standing = "SELECT 1::text FROM opt_out WHERE workspace_id = $1";
        assert_eq!(lines(house, standing).await.len(), expected);
    }
}
