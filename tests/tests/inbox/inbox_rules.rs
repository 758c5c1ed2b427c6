//! What an agent sees of what was applied: who has a conversation, since when the other side waits, when something was
//! written, and whose a group's messages are.

mod groups;
mod waiting_since;

use chrono::{DateTime, Duration, Utc};
use inlet_domain::{
    command::{Change, Command, Effect, IdempotencyKey, MessageReport, Patch, Purpose, StatusTimes, Version},
    ids::MemberId,
    model::{
        conversation::ConversationStatus,
        message::{Direction, MessageKind},
        outcome::Outcome,
        right::Role,
        status::DeliveryStatus,
    },
    scope::{Actor, Scope},
};
use inlet_store::{
    apply::Apply,
    records::inbox::{self, InboxWriter},
};
use inlet_tests::apply_fixture::{ApplyFixture, message, start, status};
use sqlx::Row;

const PHONE: &str = "+919800000007";

type Times = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

async fn take(house: &ApplyFixture, apply: &Apply, command: Command) {
    let receipt = apply.submit(house.inbound(vec![command])).await.unwrap();
    assert_eq!((receipt.outcome, receipt.error), (Outcome::Accepted, None));
}

fn told(command: &mut Command) -> &mut MessageReport {
    match &mut command.effect {
        Effect::Message(report) => report,
        other => panic!("a message, not {other:?}"),
    }
}

/// The status, the assignee and whether it tells when it was closed, of the one conversation.
async fn standing(house: &ApplyFixture) -> (String, Option<MemberId>, bool) {
    sqlx::query_as("SELECT status, assignee_id, closed_at IS NOT NULL FROM conversation WHERE workspace_id = $1")
        .bind(house.workspace)
        .fetch_one(&house.database.pool)
        .await
        .unwrap()
}

async fn set(house: &ApplyFixture, sets: &str) {
    let sql = format!("UPDATE conversation SET {sets} WHERE workspace_id = $1");
    sqlx::query(sqlx::AssertSqlSafe(sql)).bind(house.workspace).execute(&house.database.pool).await.unwrap();
}

#[tokio::test]
async fn c1_c2_a_message_takes_up_what_waits_for_whoever_can_answer() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    let members = [
        (Some(house.member(Role::Agent, false).await), true),
        (Some(house.member(Role::Owner, false).await), true),
        (Some(house.member(Role::Viewer, false).await), false),
        (Some(house.member(Role::Agent, true).await), false),
        (None, false),
    ];
    take(&house, &apply, message("m0", PHONE, Direction::Inbound, "hello", 0)).await;
    let mut number = 0;
    for status in ["pending", "snoozed", "closed"] {
        for (member, can_answer) in members {
            let assignee = member.map_or("NULL".to_owned(), |member| format!("'{}'", member.0));
            let times = "snoozed_until = CASE WHEN '$' = 'snoozed' THEN now() + interval '1 hour' END, \
                         closed_at = CASE WHEN '$' = 'closed' THEN now() END";
            let times = times.replace('$', status);
            set(&house, &format!("status = '{status}', assignee_id = {assignee}, {times}")).await;
            number += 1;
            let mut again = house.inbound(vec![message(&format!("r{number}"), PHONE, Direction::Inbound, "old", 0)]);
            again.purpose = Purpose::Replay;
            apply.replay(again).await.unwrap();
            assert_eq!(standing(&house).await.0, status, "a replay wakes none");
            take(&house, &apply, message(&format!("m{number}"), PHONE, Direction::Inbound, "again", number)).await;
            let expected = match member.filter(|_| can_answer) {
                Some(member) => ("open".to_owned(), Some(member), false),
                None => ("in_queue".to_owned(), None, false),
            };
            assert_eq!(standing(&house).await, expected, "{status}, {member:?}");
        }
    }
    let snoozed = "SELECT count(*) FROM conversation WHERE workspace_id = $1 AND snoozed_until IS NOT NULL";
    assert_eq!(house.count(snoozed).await, 0);
    // One event for each: the conversation went from where it stood to where it is.
    let told = "SELECT count(*) FROM event WHERE workspace_id = $1 AND type = 'conversation.updated'";
    assert_eq!(house.count(told).await, 15);
    house.assert_gapless_log().await;
}

#[tokio::test]
async fn c1_c8_a_thread_begins_where_the_provider_has_it_with_its_times() {
    for (direction, seed, stands) in [
        (Direction::Inbound, ConversationStatus::Pending, ("in_queue", false)),
        (Direction::Inbound, ConversationStatus::Closed, ("in_queue", false)),
        (Direction::Inbound, ConversationStatus::Snoozed, ("in_queue", false)),
        (Direction::Inbound, ConversationStatus::Open, ("open", false)),
        (Direction::Outbound, ConversationStatus::Pending, ("pending", false)),
        (Direction::Outbound, ConversationStatus::Closed, ("closed", true)),
        (Direction::Outbound, ConversationStatus::InQueue, ("in_queue", false)),
    ] {
        let house = ApplyFixture::build().await;
        let apply = house.apply(1, 64);
        let mut first = message("m1", PHONE, direction, "hello", 0);
        told(&mut first).thread.status = Some(seed);
        take(&house, &apply, first).await;
        let (status, _, closed) = standing(&house).await;
        assert_eq!((status.as_str(), closed), stands, "{direction} {seed}");
        apply.stop().await;
        house.leave().await;
    }
}

#[tokio::test]
async fn c3_nothing_is_written_after_it_came() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    let now = house.ambient.now();
    let future = now + Duration::days(400);
    let mut plain = message("m1", PHONE, Direction::Inbound, "from the future", 0);
    told(&mut plain).occurred_at = Some(future);
    let mut call = message("m2", PHONE, Direction::Inbound, "", 0);
    told(&mut call).kind = MessageKind::Call;
    told(&mut call).occurred_at = Some(now + Duration::seconds(1));
    let version = |id: &str, change, at, occurred_at| {
        let mut command = message(id, PHONE, Direction::Inbound, "a version", 0);
        let report = told(&mut command);
        report.version = Some(Version::new(change, Some(at), now));
        report.occurred_at = Some(occurred_at);
        report.read_at = Patch::Value(future);
        command.key = IdempotencyKey::new("version", format!("{id}/{at}"));
        command
    };
    let mut early = version("m4", Change::Updated, now, future);
    told(&mut early).person = None;
    let mut sent = status("m5", PHONE, DeliveryStatus::Delivered, 0);
    let Effect::Status(report) = &mut sent.effect else { panic!("a status") };
    report.reported_at = Some(future);
    report.times = StatusTimes { sent_at: Some(future), ..StatusTimes::default() };
    for command in [
        plain,
        call,
        version("m3", Change::Created, now, future),
        version("m3", Change::Updated, future, future),
        early,
        version("m4", Change::Created, now - Duration::hours(1), future),
        sent,
    ] {
        take(&house, &apply, command).await;
    }
    let (late, assumed): (i64, i64) = sqlx::query_as(
        "SELECT count(*) FILTER (WHERE greatest(occurred_at, read_at, sent_at, delivered_at) > $2), \
           count(*) FILTER (WHERE occurred_at_assumed AND occurred_at = $2) FROM message WHERE workspace_id = $1",
    )
    .bind(house.workspace)
    .bind(now)
    .fetch_one(&house.database.pool)
    .await
    .unwrap();
    assert_eq!((late, assumed), (0, 5));
    let steps: [Option<DateTime<Utc>>; 3] = {
        let row = sqlx::query(
            "SELECT m.sent_at, m.delivered_at, r.reported_at FROM message m \
             JOIN status_report r ON r.workspace_id = m.workspace_id AND r.message_id = m.id WHERE m.workspace_id = $1",
        )
        .bind(house.workspace)
        .fetch_one(&house.database.pool)
        .await
        .unwrap();
        ["sent_at", "delivered_at", "reported_at"].map(|column| row.get(column))
    };
    assert_eq!(steps, [Some(now), Some(now), None]);
    let ahead = "SELECT count(*) FROM conversation WHERE workspace_id = $1 AND greatest(last_activity_at, last_message_at, \
                 waiting_since) > (SELECT max(created_at) FROM message)";
    assert_eq!(house.count(ahead).await, 0);

    // What a later version tells is no guess any more.
    take(&house, &apply, version("m3", Change::Updated, future + Duration::days(1), start())).await;
    let told =
        "SELECT count(*) FROM message WHERE workspace_id = $1 AND external_id = 'm3' AND NOT occurred_at_assumed";
    assert_eq!(house.count(told).await, 1);
}

#[tokio::test]
async fn c4_late_answers_late_questions_and_calls() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    let since = async || -> Option<DateTime<Utc>> {
        sqlx::query_scalar("SELECT waiting_since FROM conversation WHERE workspace_id = $1")
            .bind(house.workspace)
            .fetch_one(&house.database.pool)
            .await
            .unwrap()
    };
    let at = |minute| Some(start() + Duration::minutes(minute));
    take(&house, &apply, message("q1", PHONE, Direction::Inbound, "?", 10)).await;
    assert_eq!(since().await, at(10));
    take(&house, &apply, message("a1", PHONE, Direction::Outbound, "an answer from before", 5)).await;
    assert_eq!(since().await, at(10), "an answer that was written before the question answers nothing");
    take(&house, &apply, message("q0", PHONE, Direction::Inbound, "a question that came late", 7)).await;
    assert_eq!(since().await, at(7));
    take(&house, &apply, message("a2", PHONE, Direction::Outbound, "in between", 8)).await;
    assert_eq!(since().await, at(10));
    take(&house, &apply, message("a3", PHONE, Direction::Outbound, "!", 20)).await;
    assert_eq!(since().await, None);
    let mut call = message("c1", PHONE, Direction::Inbound, "", 30);
    told(&mut call).kind = MessageKind::Call;
    take(&house, &apply, call).await;
    assert_eq!(since().await, None, "a call is no question");
    take(&house, &apply, status("unknown", PHONE, DeliveryStatus::Sent, 40)).await;
    take(&house, &apply, message("q2", PHONE, Direction::Inbound, "?", 35)).await;
    assert_eq!(since().await, at(35), "a placeholder answers nothing");
    let mut again = house.inbound(vec![message("q3", PHONE, Direction::Inbound, "was not understood", 32)]);
    again.purpose = Purpose::Replay;
    apply.replay(again).await.unwrap();
    assert_eq!(since().await, at(32));
}

#[tokio::test]
async fn c2_what_a_member_has_is_given_back_also_where_the_process_died_in_between() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(2, 64);
    let heads = inlet_store::log::Heads::default();
    let writer = InboxWriter { database: &house.database, heads: &heads, ambient: &house.ambient };
    let gone = house.member(Role::Agent, false).await;
    let stays = house.member(Role::Agent, false).await;
    let inbounds = (0..1_050).map(|number| {
        let command = message(&format!("m{number}"), &format!("+9198{number:08}"), Direction::Inbound, "hello", 0);
        apply.submit(house.inbound(vec![command]))
    });
    for receipt in futures::future::join_all(inbounds).await {
        assert_eq!(receipt.unwrap().outcome, Outcome::Accepted);
    }
    set(&house, &format!("status = 'open', assignee_id = '{}', team_id = '{}'", gone.0, house.ambient.uuid())).await;
    let one = |status: &str, times: &str, member: MemberId, number: i64| {
        format!(
            "UPDATE conversation SET status = '{status}', assignee_id = '{}', {times} WHERE workspace_id = $1 AND id = \
               (SELECT id FROM conversation WHERE workspace_id = $1 ORDER BY id LIMIT 1 OFFSET {number})",
            member.0
        )
    };
    for sql in [
        one("snoozed", "snoozed_until = '2099-01-01'", gone, 0),
        one("pending", "closed_at = NULL", gone, 1),
        one("closed", "closed_at = now()", gone, 2),
        one("open", "closed_at = NULL", stays, 3),
    ] {
        let run = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(house.workspace);
        run.execute(&house.database.pool).await.unwrap();
    }
    // Of one who can answer nothing is taken.
    inbox::give_back(writer, Scope::of(house.workspace), Actor::System, gone).await.unwrap();
    let had = "SELECT count(*) FROM conversation WHERE workspace_id = $1 AND assignee_id IS NOT NULL";
    assert_eq!(house.count(had).await, 1_050);

    // All that the transaction that disables them leaves behind.
    sqlx::query("UPDATE member SET disabled_at = now(), gives_back = true, revision = revision + 1 WHERE id = $1")
        .bind(gone)
        .execute(&house.database.pool)
        .await
        .unwrap();
    let told = "SELECT count(*) FROM event WHERE workspace_id = $1 AND type = 'conversation.updated'";
    let before = house.count(told).await;
    let (one, two) = tokio::join!(inbox::give_back_due(writer), inbox::give_back_due(writer));
    one.unwrap();
    two.unwrap();
    inbox::give_back_due(writer).await.unwrap();
    assert_eq!(house.count(told).await, before + 1_048, "one event each, though two did it at once");
    let by_status: Vec<(String, bool, i64)> = sqlx::query_as(
        "SELECT status, assignee_id IS NOT NULL, count(*) FROM conversation WHERE workspace_id = $1 AND team_id IS NOT NULL \
         GROUP BY 1, 2 ORDER BY 1, 2",
    )
    .bind(house.workspace)
    .fetch_all(&house.database.pool)
    .await
    .unwrap();
    let expected = [
        ("closed", true, 1),
        ("in_queue", false, 1_046),
        ("open", true, 1),
        ("pending", false, 1),
        ("snoozed", false, 1),
    ];
    assert_eq!(by_status, expected.map(|(status, has, count)| (status.to_owned(), has, count)));
    assert_eq!(house.count("SELECT count(*) FROM member WHERE workspace_id = $1 AND gives_back").await, 0);
    house.assert_gapless_log().await;
}
