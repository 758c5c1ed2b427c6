//! One total order of versions: deleted over updated over created, a told time over none, then the time.

use inlet_domain::command::{Change, Command, Effect, IdempotencyKey, Patch, Version};
use inlet_tests::apply_fixture::ApplyFixture;

use super::support::{lines, minute, orders, request, user, written};

/// A version of one message, told at this minute or at none, that says this and was read at this minute.
fn version(change: Change, told: Option<i64>, content: Option<&str>, read: Option<i64>) -> Command {
    let mut command = written("m1", user("u1"), 0, |report| {
        // What comes without a time arrived long after everything that tells one.
        report.version = Some(Version::new(change, told.map(minute), minute(1_000)));
        report.content = content.map_or(Patch::Null, |text| Patch::Value(text.to_owned()));
        report.read_at = read.map_or(Patch::Null, |at| Patch::Value(minute(at)));
    });
    command.key = IdempotencyKey::new("message", format!("{change:?}/{told:?}/{content:?}/{read:?}"));
    if let Effect::Message(report) = &mut command.effect {
        report.attachments = None;
    }
    command
}

async fn shown(house: &ApplyFixture) -> Vec<String> {
    lines(
        house,
        "SELECT concat_ws('|', coalesce(content, '-'), \
           (extract(epoch FROM read_at - occurred_at) / 60)::int) FROM message WHERE workspace_id = $1",
    )
    .await
}

#[tokio::test]
async fn e1_five_versions_in_any_order_end_alike() {
    let versions = [
        version(Change::Created, Some(1), Some("first"), None),
        version(Change::Updated, Some(1), Some("read at once"), Some(7)),
        version(Change::Updated, None, Some("of no time"), Some(9)),
        version(Change::Updated, Some(4), Some("newest"), None),
        version(Change::Created, None, None, Some(8)),
    ];
    let orders = orders(versions.len());
    assert_eq!(orders.len(), 120);
    let first = ApplyFixture::build().await;
    for order in &orders {
        let house = first.neighbour().await;
        let apply = house.apply(1, 64);
        for at in order {
            apply.submit(request(&house, &versions[*at])).await.unwrap();
        }
        assert_eq!(shown(&house).await, ["newest|7"], "{order:?}");
    }
}

#[tokio::test]
async fn e1_an_update_at_the_time_of_the_creation_counts() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    for command in [
        version(Change::Created, Some(1), Some("hello"), None),
        version(Change::Updated, Some(1), Some("hello"), Some(7)),
    ] {
        apply.submit(request(&house, &command)).await.unwrap();
    }
    assert_eq!(shown(&house).await, ["hello|7"]);
}
