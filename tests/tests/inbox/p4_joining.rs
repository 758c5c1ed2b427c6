//! P4: what arrives before what it belongs to is joined when the other comes, also when both are being committed.

use futures::StreamExt;
use inlet_domain::{
    command::{Command, Effect, IdempotencyKey},
    model::{message::Direction, outcome::Outcome, status::DeliveryStatus},
};
use inlet_store::database::Database;
use inlet_tests::apply_fixture::{ApplyFixture, message, status};
use sqlx::Connection;

const PHONE: &str = "+919800000001";

/// A report that names the message by these ids and no receiver.
fn bare(ids: &[&str], step: DeliveryStatus, minute: i64) -> Command {
    named(ids, step, minute, false)
}

fn named(ids: &[&str], step: DeliveryStatus, minute: i64, receiver: bool) -> Command {
    let mut command = status(ids[0], PHONE, step, minute);
    if let Effect::Status(report) = &mut command.effect {
        report.ids = ids.iter().map(|id| (*id).to_owned()).collect();
        if !receiver {
            report.person = None;
        }
    }
    command.key = IdempotencyKey::new("status", format!("{ids:?}/{step}/{minute}"));
    command
}

async fn send(house: &ApplyFixture, commands: &[Command], batch: usize) {
    let apply = house.apply(1, batch);
    let requests = commands.iter().map(|command| apply.submit(house.inbound(vec![command.clone()])));
    for receipt in futures::future::join_all(requests).await {
        let receipt = receipt.unwrap();
        assert_eq!(receipt.outcome, Outcome::Accepted, "{receipt:?}");
    }
    apply.stop().await;
}

async fn waiting(house: &ApplyFixture) -> i64 {
    house.count("SELECT count(*) FROM external_ref WHERE workspace_id = $1 AND waiting_id IS NOT NULL").await
}

#[tokio::test]
async fn p4_a_report_that_names_no_receiver_waits_for_its_message() {
    for batch in [1, 256] {
        let house = ApplyFixture::build().await;
        send(&house, &[bare(&["m1"], DeliveryStatus::Read, 5), bare(&["m1"], DeliveryStatus::Delivered, 4)], batch)
            .await;
        assert_eq!(house.state().await.len(), 0, "there is no place for a placeholder");
        assert_eq!(waiting(&house).await, 1);
        send(&house, &[message("m1", PHONE, Direction::Outbound, "your order", 1)], batch).await;
        let state = house.state().await;
        assert!(state.len() == 1 && state[0].contains("your order") && state[0].contains("|read|"), "{state:?}");
        assert!(state[0].ends_with("|2"), "both reports are its history: {state:?}");
        assert_eq!(waiting(&house).await, 0);
        house.assert_gapless_log().await;
    }
}

#[tokio::test]
async fn p4_a_report_that_names_no_receiver_joins_a_placeholder() {
    let house = ApplyFixture::build().await;
    let later = status("m1", PHONE, DeliveryStatus::Delivered, 6);
    send(&house, &[bare(&["m1"], DeliveryStatus::Sent, 2), later], 1).await;
    let state = house.state().await;
    assert!(state.len() == 1 && state[0].contains("|delivered|") && state[0].ends_with("|2"), "{state:?}");
    assert_eq!(waiting(&house).await, 0);
}

#[tokio::test]
async fn p4_two_that_a_later_report_shows_to_be_one_become_one() {
    let sent = message("ours", PHONE, Direction::Outbound, "your order", 1);
    let by_theirs = named(&["theirs"], DeliveryStatus::Delivered, 3, true);
    let both = named(&["theirs", "ours"], DeliveryStatus::Read, 4, true);
    let mut ends = Vec::new();
    for order in [[0, 1, 2], [1, 0, 2], [1, 2, 0], [2, 1, 0], [0, 2, 1], [2, 0, 1]] {
        for batch in [1, 256] {
            let house = ApplyFixture::build().await;
            let all = [&sent, &by_theirs, &both];
            send(&house, &order.map(|n| all[n].clone()), batch).await;
            let shown: Vec<String> = sqlx::query_scalar(
                "SELECT concat_ws('|', content, status, delivered_at, read_at, placeholder, \
                   (SELECT count(*) FROM status_report r WHERE r.workspace_id = m.workspace_id AND r.message_id = m.id)) \
                 FROM message m WHERE workspace_id = $1 AND deleted_at IS NULL",
            )
            .bind(house.workspace)
            .fetch_all(&house.database.pool)
            .await
            .unwrap();
            assert_eq!(shown.len(), 1, "{order:?}: {shown:?}");
            ends.push(shown);
        }
    }
    assert!(ends[0][0].starts_with("your order|read|") && ends[0][0].ends_with("|f|2"), "{:?}", ends[0]);
    assert!(ends.iter().all(|end| *end == ends[0]), "{ends:#?}");
}

#[tokio::test]
async fn p4_a_quote_is_shown_as_waiting_until_the_quoted_comes() {
    let house = ApplyFixture::build().await;
    let mut reply = message("m2", PHONE, Direction::Inbound, "yes", 2);
    if let Effect::Message(report) = &mut reply.effect {
        report.quoted_id = Some("m1".to_owned());
    }
    send(&house, &[reply], 1).await;
    assert_eq!(waiting(&house).await, 1);
    send(&house, &[message("m1", PHONE, Direction::Outbound, "shall we?", 1)], 1).await;
    assert_eq!(waiting(&house).await, 0);
}

/// Both transactions are open at once: the first has done all but number its events, the other waits for its rows.
#[tokio::test]
async fn p4_a_report_and_its_message_meet_while_both_are_open() {
    let whole = message("m1", PHONE, Direction::Outbound, "your order", 1);
    let reports = [status("m1", PHONE, DeliveryStatus::Read, 5), bare(&["m1"], DeliveryStatus::Read, 5)];
    for report in reports {
        for message_first in [true, false] {
            let house = ApplyFixture::build().await;
            let (first, second) = if message_first { (&whole, &report) } else { (&report, &whole) };
            // The conversation, so that the report without a receiver is the only one that raises no event.
            send(&house, &[message("m0", PHONE, Direction::Inbound, "hello", 0)], 1).await;
            let (one, other) = (house.apply(1, 1), house.apply(1, 1));
            let mut holder = house.database.pool.acquire().await.unwrap();
            let mut held = holder.begin().await.unwrap();
            // What the first needs to write at the end: a table that no reader locks out.
            sqlx::query("LOCK TABLE inbound_event IN SHARE MODE").execute(&mut *held).await.unwrap();
            let until_waiting = |count: i64| {
                let house = &house;
                async move {
                    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                                   AND wait_event_type = 'Lock' AND $1::uuid IS NOT NULL";
                    while house.count(waiting).await < count {
                        tokio::task::yield_now().await;
                    }
                }
            };
            let release = async {
                until_waiting(1).await;
                let second = other.submit(house.inbound(vec![second.clone()]));
                let (second, ()) = tokio::join!(second, async {
                    until_waiting(2).await;
                    held.commit().await.unwrap();
                });
                second
            };
            let (first, second) = tokio::join!(one.submit(house.inbound(vec![first.clone()])), release);
            assert_eq!((first.unwrap().outcome, second.unwrap().outcome), (Outcome::Accepted, Outcome::Accepted));
            let state = house.state().await;
            let joined: Vec<&String> = state.iter().filter(|line| line.contains("|m1|")).collect();
            assert_eq!(joined.len(), 1, "{state:#?}");
            assert!(joined[0].contains("your order") && joined[0].contains("|read|"), "{joined:?}");
            assert!(joined[0].ends_with("|1"), "{joined:?}");
            assert_eq!(waiting(&house).await, 0);
            house.assert_gapless_log().await;
        }
    }
}

/// A report by two names tells that the second is the message's too: who asks for it later in the batch, by that name
/// alone and from elsewhere, asks for no person that would then have nothing.
#[tokio::test]
async fn p4_a_name_that_is_learned_in_a_batch_counts_for_the_rest_of_it() {
    let house = ApplyFixture::build().await;
    let commands = vec![
        message("ours", "+919811100001", Direction::Outbound, "your order", 1),
        named(&["theirs", "ours"], DeliveryStatus::Sent, 2, true),
        named(&["theirs"], DeliveryStatus::Delivered, 3, true),
    ];
    let receipt = house.apply(1, 16).submit(house.inbound(commands)).await.unwrap();
    assert_eq!(receipt.outcome, Outcome::Accepted, "{receipt:?}");
    assert_eq!(house.count("SELECT count(*) FROM message WHERE workspace_id = $1 AND status = 'delivered'").await, 1);
    assert_eq!(house.count("SELECT count(*) FROM contact WHERE workspace_id = $1").await, 1);
}

/// Messages, replies and reports that name them by two names, in any order through four lanes of two pools: none has to
/// come again because two transactions waited for each other's names.
#[tokio::test(flavor = "multi_thread")]
async fn p4_messages_and_their_reports_meet_however_many_are_open() {
    let house = ApplyFixture::build().await;
    let beside = Database::connect(house.url(), 4, 2).await.unwrap();
    let (one, other) = (house.apply(2, 16), house.apply_on(beside.clone(), 2, 16));
    let mut posts = Vec::new();
    for number in 0..1500 {
        let (theirs, ours) = (format!("theirs-{number}"), format!("ours-{number}"));
        let phone = format!("+9198000{number:05}");
        let mut reply = message(&format!("reply-{number}"), &phone, Direction::Inbound, "thanks", 4);
        if let Effect::Message(report) = &mut reply.effect {
            report.quoted_id = Some(ours.clone());
        }
        let mut commands = vec![
            reply,
            message(&ours, &format!("+9198111{number:05}"), Direction::Outbound, "your order", 1),
            named(&[&theirs, &ours], DeliveryStatus::Sent, 2, true),
            named(&[&theirs], DeliveryStatus::Delivered, 3, true),
        ];
        commands.rotate_left(number % 4);
        for (place, command) in commands.into_iter().enumerate() {
            let apply = if (number / 7 + place * (number % 3)) % 2 == 0 { &one } else { &other };
            posts.push((number * 5 + (number * 7919 + place * 104729) % 40, apply, house.inbound(vec![command])));
        }
    }
    posts.sort_by_key(|post| post.0);
    let posts = posts.into_iter().map(|(_, apply, inbound)| apply.submit(inbound));
    let mut receipts = futures::stream::iter(posts).buffer_unordered(64);
    while let Some(receipt) = receipts.next().await {
        assert_eq!(receipt.unwrap().outcome, Outcome::Accepted);
    }
    one.stop().await;
    other.stop().await;
    beside.close().await;
    let shown = "SELECT count(*) FROM message WHERE workspace_id = $1 AND deleted_at IS NULL";
    assert_eq!(house.count(shown).await, 3000, "one for each, and its reply");
    let whole = "SELECT count(*) FROM message m WHERE workspace_id = $1 AND deleted_at IS NULL AND content = 'your order' \
                 AND status = 'delivered' AND (SELECT count(*) FROM status_report r \
                   WHERE r.workspace_id = m.workspace_id AND r.message_id = m.id) = 2";
    assert_eq!(house.count(whole).await, 1500);
    house.assert_gapless_log().await;
}
