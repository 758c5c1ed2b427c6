//! C1: a contact has so many addresses and no more.

use inlet_domain::command::{Command, IdentityKind, IdentityRef, IdentityScope};
use inlet_tests::apply_fixture::ApplyFixture;

use super::support::{lines, take, written};

const MOST: usize = 100;

/// A message in a conversation of a provider that has one key of its customer in all of them.
fn in_conversation(id: &str, number: usize) -> Command {
    let conversation = IdentityRef::new(IdentityKind::ProviderConversation, format!("c{number}"));
    let key = IdentityRef {
        scope: IdentityScope::Account,
        leads: true,
        ..IdentityRef::new(IdentityKind::Email, "k@example.org")
    };
    let minute = i64::try_from(number).unwrap();
    written(id, conversation, minute, |report| {
        report.person.as_mut().unwrap().identities.push(key);
    })
}

const COUNTS: &str =
    "SELECT count(*)::text FROM identity WHERE workspace_id = $1 GROUP BY contact_id ORDER BY count(*) DESC, 1";

#[tokio::test]
async fn c1_a_contact_has_a_hundred_addresses_and_who_writes_from_one_more_is_kept_apart() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    // The key is an address too.
    for number in 1..MOST {
        take(&house, &apply, &in_conversation(&format!("m{number}"), number)).await;
    }
    assert_eq!(lines(&house, COUNTS).await, ["100"]);
    // Whoever is kept apart stays who they are.
    for (id, number) in [("a", MOST), ("b", MOST + 1), ("c", MOST), ("d", 1)] {
        take(&house, &apply, &in_conversation(id, number)).await;
    }
    assert_eq!(lines(&house, COUNTS).await, ["100", "1", "1"]);
    let apart = "SELECT (SELECT count(*) FROM identity i WHERE i.contact_id = c.kept_apart_from_id)::text FROM contact c \
                 WHERE c.workspace_id = $1 ORDER BY c.kept_apart_from_id IS NOT NULL";
    assert_eq!(lines(&house, apart).await, ["0", "100", "100"]);
}

#[tokio::test]
async fn c1_the_addresses_of_one_request_are_a_hundred_too() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    let many = written("m1", IdentityRef::new(IdentityKind::Phone, "+919800000000"), 1, |report| {
        let ids = (0..2 * MOST).map(|n| IdentityRef::new(IdentityKind::ProviderUser, format!("u{n}")));
        report.person.as_mut().unwrap().identities.extend(ids);
    });
    take(&house, &apply, &many).await;
    let known = "SELECT count(*)::text FROM identity WHERE workspace_id = $1 AND contact_id IS NOT NULL";
    assert_eq!(lines(&house, known).await, ["100"]);
}
