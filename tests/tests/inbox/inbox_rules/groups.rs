//! The threads of groups.

use chrono::Duration;
use inlet_domain::{
    command::{Change, Command, ConversationReport, Effect, GroupReport, IdempotencyKey, Patch, Version},
    model::{message::Direction, outcome::Outcome},
};
use inlet_tests::apply_fixture::{ApplyFixture, message, start};

use super::{PHONE, take, told};

pub(super) fn conversation(thread: &str, group: Option<&str>, change: Change, minute: i64) -> Command {
    let mut sample = message("sample", PHONE, Direction::Inbound, "", 0);
    let at = start() + Duration::minutes(minute);
    let report = ConversationReport {
        id: thread.to_owned(),
        version: Version::new(change, Some(at), at),
        channel: told(&mut sample).channel.clone(),
        person: None,
        group_id: group.map(str::to_owned),
        subject: Patch::Absent,
        attributes: Default::default(),
    };
    let key = IdempotencyKey::new("conversation", format!("{thread}/{minute}"));
    Command { key, effect: Effect::Conversation(Box::new(report)) }
}

fn group(id: &str, change: Change, minute: i64) -> Command {
    let at = start() + Duration::minutes(minute);
    let told = change != Change::Deleted;
    let report = GroupReport {
        id: id.to_owned(),
        version: Version::new(change, Some(at), at),
        name: if told { Patch::Value("The hotel".to_owned()) } else { Patch::Absent },
        avatar_url: Patch::Absent,
        description: if told { Patch::Value("of room 7".to_owned()) } else { Patch::Absent },
        archived_at: if told { Patch::Value(start()) } else { Patch::Absent },
        participants: Patch::Absent,
    };
    Command { key: IdempotencyKey::new("group", format!("{id}/{minute}")), effect: Effect::Group(Box::new(report)) }
}

fn in_thread(id: &str, thread: &str, phone: &str, minute: i64) -> Command {
    let mut command = message(id, phone, Direction::Inbound, id, minute);
    told(&mut command).thread.id = Some(thread.to_owned());
    command
}

/// Each conversation: whether it is a group's, whose, where it stands, and the messages in it.
pub(super) async fn shown(house: &ApplyFixture) -> Vec<(bool, bool, String, Vec<String>)> {
    sqlx::query_as(
        "SELECT c.group_id IS NOT NULL, c.contact_id IS NOT NULL, c.status, \
           array(SELECT m.external_id FROM message m WHERE m.workspace_id = c.workspace_id AND m.conversation_id = c.id \
             ORDER BY m.occurred_at, m.id) AS messages \
         FROM conversation c WHERE c.workspace_id = $1 ORDER BY c.group_id IS NULL, messages",
    )
    .bind(house.workspace)
    .fetch_all(&house.database.pool)
    .await
    .unwrap()
}

pub(super) fn row(of_group: bool, status: &str, messages: &[&str]) -> (bool, bool, String, Vec<String>) {
    (of_group, !of_group, status.to_owned(), messages.iter().map(|id| (*id).to_owned()).collect())
}

#[tokio::test]
async fn e3_what_is_written_in_a_groups_thread_is_the_groups_whatever_came_first() {
    for first in 0..2 {
        let house = ApplyFixture::build().await;
        let apply = house.apply(1, 64);
        let mut begins = [group("g", Change::Created, 1), conversation("t", Some("g"), Change::Created, 1)];
        begins.rotate_left(first);
        for command in begins {
            take(&house, &apply, command).await;
        }
        for command in [in_thread("m1", "t", PHONE, 2), in_thread("m2", "t", "+919800000008", 3)] {
            take(&house, &apply, command).await;
        }
        take(&house, &apply, message("own", PHONE, Direction::Inbound, "to you alone", 4)).await;
        let expected = [row(true, "in_queue", &["m1", "m2"]), row(false, "in_queue", &["own"])];
        assert_eq!(shown(&house).await, expected);
        let said = "SELECT count(*) FROM contact_group WHERE workspace_id = $1 AND description = 'of room 7' \
                    AND archived_at IS NOT NULL AND name = 'The hotel'";
        assert_eq!(house.count(said).await, 1);
        house.assert_gapless_log().await;
        apply.stop().await;
        house.leave().await;
    }
}

#[tokio::test]
async fn e3_a_thread_that_turns_out_to_be_a_groups_is_handed_to_it_alone() {
    // All that came, came by the thread: the conversation is the group's, and who wrote has their own address again.
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    for command in [
        in_thread("m1", "t", PHONE, 1),
        in_thread("m2", "t", PHONE, 2),
        conversation("t", Some("g"), Change::Created, 3),
        in_thread("own", "their own", PHONE, 4),
        in_thread("m3", "t", PHONE, 5),
    ] {
        take(&house, &apply, command).await;
    }
    let expected = [row(true, "in_queue", &["m1", "m2", "m3"]), row(false, "in_queue", &["own"])];
    assert_eq!(shown(&house).await, expected);
    apply.stop().await;
    house.leave().await;

    // They had a conversation of their own, by another thread or by none: that stays theirs.
    for own in [in_thread("own", "their own", PHONE, 1), message("own", PHONE, Direction::Inbound, "hello", 1)] {
        let house = ApplyFixture::build().await;
        let apply = house.apply(1, 64);
        for command in [
            own,
            in_thread("m1", "t", PHONE, 2),
            conversation("t", Some("g"), Change::Created, 3),
            in_thread("m2", "t", PHONE, 4),
            in_thread("own2", "their own", PHONE, 5),
            conversation("t", Some("g"), Change::Updated, 6),
        ] {
            take(&house, &apply, command).await;
        }
        let expected = [row(true, "in_queue", &["m2"]), row(false, "in_queue", &["own", "m1", "own2"])];
        assert_eq!(shown(&house).await, expected);
        house.assert_gapless_log().await;
        apply.stop().await;
        house.leave().await;
    }

    // In one request, and with the group's conversation there already.
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    take(&house, &apply, conversation("first", Some("g"), Change::Created, 1)).await;
    let together = vec![in_thread("m1", "t", PHONE, 2), conversation("t", Some("g"), Change::Created, 3)];
    let receipt = apply.submit(house.inbound(together)).await.unwrap();
    assert_eq!((receipt.outcome, receipt.error), (Outcome::Accepted, None));
    take(&house, &apply, in_thread("m2", "t", PHONE, 4)).await;
    take(&house, &apply, in_thread("m3", "first", PHONE, 5)).await;
    let expected = [row(true, "in_queue", &["m2", "m3"]), row(false, "in_queue", &["m1"])];
    assert_eq!(shown(&house).await, expected);
    house.assert_gapless_log().await;
}

#[tokio::test]
async fn e3_a_deleted_groups_conversations_are_closed_and_their_history_stays() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    for command in [
        group("g", Change::Created, 1),
        conversation("t", Some("g"), Change::Created, 1),
        in_thread("m1", "t", PHONE, 2),
        message("own", "+919800000008", Direction::Inbound, "hello", 3),
        group("other", Change::Created, 1),
        conversation("t2", Some("other"), Change::Created, 1),
        in_thread("m2", "t2", PHONE, 2),
    ] {
        take(&house, &apply, command).await;
    }
    let told = "SELECT count(*) FROM event WHERE workspace_id = $1 AND type = 'conversation.updated'";
    let before = house.count(told).await;
    for minute in [5, 6] {
        take(&house, &apply, group("g", Change::Deleted, minute)).await;
    }
    assert_eq!(house.count(told).await, before + 1);
    let others = [row(true, "in_queue", &["m2"]), row(false, "in_queue", &["own"])];
    let expected = [&[row(true, "closed", &["m1"])][..], &others].concat();
    assert_eq!(shown(&house).await, expected);
    let closed = "SELECT count(*) FROM conversation WHERE workspace_id = $1 AND closed_at IS NOT NULL";
    assert_eq!(house.count(closed).await, 1);
    take(&house, &apply, in_thread("m3", "t", PHONE, 7)).await;
    let expected = [&[row(true, "in_queue", &["m1", "m3"])][..], &others].concat();
    assert_eq!(shown(&house).await, expected);

    // The deletion came before it was known whose the thread was.
    take(&house, &apply, in_thread("m4", "t3", "+919800000009", 1)).await;
    take(&house, &apply, group("late", Change::Deleted, 8)).await;
    take(&house, &apply, conversation("t3", Some("late"), Change::Created, 1)).await;
    assert!(shown(&house).await.contains(&row(true, "closed", &["m4"])));
    house.assert_gapless_log().await;
}
