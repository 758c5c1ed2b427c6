//! The group commit against a real Postgres: exactly once, in any order, in any split into batches.

use chrono::Duration;
use futures::future::join_all;
use inlet_domain::model::{message::Direction, outcome::Outcome, status::DeliveryStatus};
use inlet_store::apply::Receipt;
use inlet_tests::apply_fixture::{ApplyFixture, message, status};

#[tokio::test]
async fn p2_a_repeat_has_no_effect_whether_in_the_same_batch_or_later() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 256);
    let hello = || message("m1", "+919800000001", Direction::Inbound, "hello", 0);
    let twice =
        join_all([apply.submit(house.inbound(vec![hello()])), apply.submit(house.inbound(vec![hello()]))]).await;
    let mut outcomes: Vec<Outcome> = twice.iter().map(|receipt| receipt.as_ref().unwrap().outcome).collect();
    outcomes.sort();
    assert_eq!(outcomes, [Outcome::Accepted, Outcome::Duplicate]);
    let again = apply.submit(house.inbound(vec![hello()])).await.unwrap();
    assert_eq!(again, Receipt { outcome: Outcome::Duplicate, error: None, events: Vec::new() });
    assert_eq!(house.state().await.len(), 1);
    let types: Vec<String> = sqlx::query_scalar("SELECT type FROM event WHERE workspace_id = $1 ORDER BY seq")
        .bind(house.workspace)
        .fetch_all(&house.database.pool)
        .await
        .unwrap();
    assert_eq!(types, ["settings.changed", "contact.created", "conversation.created", "message.created"]);
    assert_eq!(house.count("SELECT count(*) FROM inbound_event WHERE workspace_id = $1").await, 3);
    house.assert_gapless_log().await;
}

#[tokio::test]
async fn p4_a_report_before_its_message_is_joined_in_either_order() {
    let mut ends = Vec::new();
    let commands = [
        message("m1", "+919800000001", Direction::Outbound, "your order", 1),
        status("m1", "+919800000001", DeliveryStatus::Delivered, 2),
        status("m1", "+919800000001", DeliveryStatus::Read, 3),
    ];
    for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0], [1, 2, 0]] {
        for batch in [1, 256] {
            let house = ApplyFixture::build().await;
            let apply = house.apply(1, batch);
            let requests = order.iter().map(|i| house.inbound(vec![commands[*i].clone()]));
            for receipt in join_all(requests.map(|inbound| apply.submit(inbound))).await {
                assert_eq!(receipt.unwrap().outcome, Outcome::Accepted);
            }
            house.assert_gapless_log().await;
            ends.push(house.state().await);
        }
    }
    assert!(ends[0][0].contains("your order") && ends[0][0].contains("|read|"), "{:?}", ends[0]);
    assert_eq!(ends[0].len(), 1);
    let without_queue = |state: &Vec<String>| state[0].replace("|open|", "|").replace("|closed|", "|");
    assert!(ends.iter().all(|end| without_queue(end) == without_queue(&ends[0])), "{ends:#?}");
}

#[tokio::test]
async fn p5_concurrent_first_messages_of_one_address_make_one_conversation() {
    let house = ApplyFixture::build().await;
    let (one, other) = (house.apply(2, 16), house.apply(2, 16));
    let requests = (0..200).map(|n| {
        let apply = if n % 2 == 0 { &one } else { &other };
        let command = message(&format!("m{n}"), "+919800000001", Direction::Inbound, "hi", n);
        apply.submit(house.inbound(vec![command]))
    });
    for receipt in join_all(requests).await {
        assert_eq!(receipt.unwrap().outcome, Outcome::Accepted);
    }
    assert_eq!(house.count("SELECT count(*) FROM conversation WHERE workspace_id = $1").await, 1);
    assert_eq!(house.count("SELECT count(*) FROM contact WHERE workspace_id = $1").await, 1);
    assert_eq!(house.count("SELECT inbound_count FROM conversation WHERE workspace_id = $1").await, 200);
    assert_eq!(house.count("SELECT count(*) FROM message WHERE workspace_id = $1").await, 200);
    house.assert_gapless_log().await;
}

#[tokio::test]
async fn p6_one_that_cannot_be_applied_is_kept_failed_and_stops_no_other() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 256);
    let requests = (0..20).map(|n| {
        let content = if n == 7 { "a\0b" } else { "fine" };
        apply.submit(house.inbound(vec![message(&format!("m{n}"), "+919800000001", Direction::Inbound, content, n)]))
    });
    let outcomes: Vec<Outcome> = join_all(requests).await.into_iter().map(|receipt| receipt.unwrap().outcome).collect();
    for (n, outcome) in outcomes.into_iter().enumerate() {
        assert_eq!(outcome, if n == 7 { Outcome::Failed } else { Outcome::Accepted }, "request {n}");
    }
    assert_eq!(house.count("SELECT count(*) FROM message WHERE workspace_id = $1").await, 19);
    let error: String =
        sqlx::query_scalar("SELECT error FROM inbound_event WHERE workspace_id = $1 AND outcome = 'failed'")
            .bind(house.workspace)
            .fetch_one(&house.database.pool)
            .await
            .unwrap();
    assert!(error.contains("0x00"), "{error}");
    let mended = message("m7", "+919800000001", Direction::Inbound, "mended", 7);
    let receipt = apply.submit(house.inbound(vec![mended])).await.unwrap();
    assert_eq!(receipt.outcome, Outcome::Accepted, "a failed request must not hold its key");
    house.assert_gapless_log().await;
}

#[tokio::test]
async fn any_split_into_batches_gives_the_same_state() {
    let mut ends = Vec::new();
    for batch in [1, 2, 5, 64] {
        let house = ApplyFixture::build().await;
        let apply = house.apply(1, batch);
        let mut requests = Vec::new();
        for n in 0..60_i64 {
            let phone = format!("+9198000000{:02}", n % 7);
            let id = format!("m{}", n % 23);
            let command = match n % 5 {
                0 | 1 => message(&id, &phone, Direction::Inbound, "in", n),
                2 => message(&format!("o{}", n % 11), &phone, Direction::Outbound, "out", n),
                3 => status(&format!("o{}", n % 11), &phone, DeliveryStatus::Delivered, n),
                _ => status(&format!("o{}", n % 13), &phone, DeliveryStatus::Read, n),
            };
            requests.push(house.inbound(vec![command]));
        }
        for receipt in join_all(requests.into_iter().map(|inbound| apply.submit(inbound))).await {
            receipt.unwrap();
        }
        house.assert_gapless_log().await;
        ends.push(house.state().await);
    }
    assert!(ends[0].len() > 10);
    for end in &ends[1..] {
        assert_eq!(end, &ends[0]);
    }
}

#[tokio::test]
async fn a_closed_conversation_is_reopened_within_its_window_and_not_beyond() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 256);
    let close = "UPDATE conversation SET status = 'closed', closed_at = $2 WHERE workspace_id = $1";
    let mut id = 0;
    let mut say = || {
        id += 1;
        apply.submit(house.inbound(vec![message(&format!("m{id}"), "+919800000001", Direction::Inbound, "hi", id)]))
    };
    say().await.unwrap();
    let shut = || async {
        sqlx::query(close).bind(house.workspace).bind(house.ambient.now()).execute(&house.database.pool).await.unwrap()
    };
    shut().await;
    house.clock.step(Duration::days(6));
    say().await.unwrap();
    assert_eq!(house.count("SELECT count(*) FROM conversation WHERE workspace_id = $1").await, 1);
    let reopened = "SELECT count(*) FROM event WHERE workspace_id = $1 AND type = 'conversation.updated'";
    assert_eq!(house.count(reopened).await, 1);
    shut().await;
    house.clock.step(Duration::days(8));
    say().await.unwrap();
    assert_eq!(house.count("SELECT count(*) FROM conversation WHERE workspace_id = $1").await, 2);
}
