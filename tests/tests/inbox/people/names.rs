//! Names grow up; picture and attributes follow the newest message.

use inlet_domain::command::{Change, IdentityKind, IdentityRef, MessageReport, Patch};
use inlet_tests::apply_fixture::ApplyFixture;
use serde_json::{Value, json};

use super::support::{lines, minute, orders, record, take, user, written};

fn phone() -> IdentityRef {
    IdentityRef::new(IdentityKind::Phone, "+919800000001")
}

/// What a message tells of its sender.
fn told(members: Value) -> impl FnOnce(&mut MessageReport) {
    move |report| {
        let person = report.person.as_mut().unwrap();
        let text = |name: &str| members[name].as_str().map(str::to_owned);
        (person.name, person.username, person.avatar_url) = (text("name"), text("username"), text("picture"));
        person.last_active_at = members["seen"].as_i64().map(minute);
        person.attributes = members["attributes"].as_object().cloned().unwrap_or_default();
    }
}

async fn shown(house: &ApplyFixture) -> String {
    let rows = lines(
        house,
        "SELECT concat_ws('|', name, username, avatar_url, attributes, last_active_at) FROM contact WHERE workspace_id = $1",
    )
    .await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.into_iter().next().unwrap()
}

async fn name(house: &ApplyFixture) -> Option<String> {
    sqlx::query_scalar("SELECT name FROM contact WHERE workspace_id = $1")
        .bind(house.workspace)
        .fetch_one(&house.database.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn b6_a_name_that_stands_in_for_one_gives_way_and_replaces_none() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    for (at, (written_name, stands)) in [
        ("+91 98000 00001", "+91 98000 00001"),
        ("Guest 4711", "Guest 4711"),
        ("Ada Lovelace", "Ada Lovelace"),
        ("ada_l", "Ada Lovelace"),
        ("919800000001", "Ada Lovelace"),
        ("Ada", "Ada"),
    ]
    .into_iter()
    .enumerate()
    {
        let at = i64::try_from(at).unwrap();
        let members = json!({"name": written_name, "username": "ada_l"});
        take(&house, &apply, &written(&format!("m{at}"), phone(), at, told(members))).await;
        assert_eq!(name(&house).await.as_deref(), Some(stands), "after {written_name}");
    }
}

#[tokio::test]
async fn b6_a_providers_record_replaces_no_real_name_by_a_username() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    let named = |name: &str| {
        let name = name.to_owned();
        move |report: &mut inlet_domain::command::ContactReport| {
            report.username = Patch::Value("kevin_m".to_owned());
            report.name = Patch::Value(name);
        }
    };
    take(&house, &apply, &record("u1", Change::Created, Some(0), named("kevin_m"))).await;
    assert_eq!(name(&house).await.as_deref(), Some("kevin_m"));
    take(&house, &apply, &written("m1", user("u1"), 1, told(json!({"name": "Kevin McCallister"})))).await;
    take(&house, &apply, &record("u1", Change::Updated, Some(5), named("kevin_m"))).await;
    assert_eq!(name(&house).await.as_deref(), Some("Kevin McCallister"));
    take(&house, &apply, &record("u1", Change::Updated, Some(6), named("Kevin M."))).await;
    assert_eq!(name(&house).await.as_deref(), Some("Kevin M."), "a newer real name counts");
}

#[tokio::test]
async fn b6_picture_and_attributes_follow_the_newest_message_in_any_order() {
    let first = json!({"picture": "https://a/1", "attributes": {"plan": "free", "city": "Pune"}, "seen": 1});
    let second = json!({"picture": "https://a/2", "attributes": {"plan": "paid"}, "seen": 2});
    let mut ends = Vec::new();
    for order in [[0, 1], [1, 0]] {
        let house = ApplyFixture::build().await;
        let apply = house.apply(1, 64);
        for at in order {
            let members = [&first, &second][at].clone();
            let command = written(&format!("m{at}"), phone(), i64::try_from(at).unwrap() + 1, told(members));
            take(&house, &apply, &command).await;
        }
        ends.push(shown(&house).await);
    }
    assert_eq!(ends[0], ends[1]);
    assert!(ends[0].contains("https://a/2") && ends[0].contains("paid") && ends[0].contains("Pune"), "{ends:?}");
}

#[tokio::test]
async fn b6_a_message_that_says_nothing_new_raises_no_event_of_its_contact() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    let members = json!({"name": "Ada", "attributes": {"plan": "free"}, "seen": 1});
    take(&house, &apply, &written("m1", phone(), 1, told(members.clone()))).await;
    let mut later = members;
    later["seen"] = json!(9);
    let receipt = take(&house, &apply, &written("m2", phone(), 2, told(later))).await;
    assert_eq!(receipt.events.len(), 1, "message.created alone");
    assert!(shown(&house).await.contains(&minute(9).format("%H:%M").to_string()));
}

#[tokio::test]
async fn b6_a_provider_cannot_grow_a_contact_without_bound() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    for batch in 0..4 {
        let attributes: Value =
            (0..100).map(|n| (format!("a{batch}_{n}"), json!(n))).collect::<serde_json::Map<_, _>>().into();
        let command = written(&format!("m{batch}"), phone(), batch, told(json!({"attributes": attributes})));
        take(&house, &apply, &command).await;
    }
    let kept =
        house.count("SELECT count(*) FROM contact c, jsonb_object_keys(c.attributes) WHERE workspace_id = $1").await;
    assert_eq!(kept, 256);
}

#[tokio::test]
async fn b6_the_newest_real_name_stands_whenever_a_username_stood_in() {
    let named = |name: &'static str| {
        move |report: &mut inlet_domain::command::ContactReport| {
            report.username = Patch::Value("kevin_m".to_owned());
            report.name = Patch::Value(name.to_owned());
        }
    };
    for order in orders(3) {
        let house = ApplyFixture::build().await;
        let apply = house.apply(1, 64);
        let records = [(1, "Kevin"), (2, "Kevin Mitnick"), (3, "kevin_m")];
        for &place in &order {
            let (at, name) = records[place];
            take(&house, &apply, &record("u1", Change::Updated, Some(at), named(name))).await;
        }
        assert_eq!(name(&house).await.as_deref(), Some("Kevin Mitnick"), "{order:?}");
    }
}
