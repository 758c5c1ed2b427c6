//! OB-10, P4: whatever order a message's versions come in, and wherever they say that it belongs, what stands in the end
//! is the same: the message, its author, its files, its conversation's last message and count.

use chrono::Duration;
use inlet_domain::{
    command::{
        AttachmentPart, Change, Command, ConversationReport, Effect, IdempotencyKey, MessageReport, Patch, Version,
    },
    model::{
        message::{AttachmentKind, Direction},
        outcome::Outcome,
    },
};
use inlet_tests::apply_fixture::{ApplyFixture, message, start};
use serde_json::json;

/// A version of message `id` in thread `set`, `minute` minutes after the start, as `change` to a bare report.
fn version(id: &str, set: usize, minute: i64, change: Change, tell: impl FnOnce(&mut MessageReport)) -> Command {
    let (id, at) = (format!("{id}-{set}"), start() + Duration::minutes(minute));
    let phone = format!("+9198000{set:05}");
    let mut command = message(&id, &phone, Direction::Inbound, "hello", 0);
    if let Effect::Message(report) = &mut command.effect {
        let person = report.person.take();
        report.version = Some(Version::new(change, Some(at), at));
        report.content_type = Patch::Absent;
        report.content = Patch::Absent;
        report.occurred_at = None;
        tell(report);
        if report.external_id.as_deref() == Some("whole") {
            report.person = person;
            report.thread.id = Some(format!("thread-{set}"));
            report.content = Patch::Value(format!("hello from {set}"));
            report.content_type = Patch::Value("text".to_owned());
            report.occurred_at = Some(start() + Duration::minutes(1));
        }
        report.external_id = Some(id.clone());
    }
    command.key = IdempotencyKey::new("message", format!("{id}/{minute}"));
    command
}

fn commands(set: usize) -> [Command; 6] {
    let whole = |report: &mut MessageReport| report.external_id = Some("whole".to_owned());
    let placeless = |report: &mut MessageReport| {
        report.reactions = Patch::Value(json!({"+1": ["ada"]}).as_object().unwrap().clone());
        report.read_at = Patch::Value(start() + Duration::minutes(9));
        report.attachments = Some(vec![AttachmentPart {
            external_id: Some(format!("file-{set}")),
            kind: AttachmentKind::Image,
            url: Some("https://example.com/a.png".to_owned()),
            filename: None,
            mime_type: None,
            size_bytes: None,
        }]);
    };
    let faceless = |report: &mut MessageReport| {
        report.thread.id = Some(format!("thread-{set}"));
        report.content = Patch::Value("edited".to_owned());
    };
    let second = |report: &mut MessageReport| {
        whole(report);
        report.read_at = Patch::Absent;
    };
    [
        version("m1", set, 1, Change::Created, whole),
        version("m1", set, 3, Change::Updated, placeless),
        version("m1", set, 4, Change::Updated, faceless),
        version("m2", set, 2, Change::Created, second),
        version("m2", set, 5, Change::Deleted, |_| {}),
        version("m3", set, 6, Change::Updated, placeless),
    ]
}

fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(n - 1);
    shorter.iter().flat_map(|order| (0..n).map(|at| [&order[..at], &[n - 1], &order[at..]].concat())).collect()
}

/// What a user sees of a set, without its number.
async fn shown(house: &ApplyFixture, set: usize) -> Vec<String> {
    let rows: Vec<String> = sqlx::query_scalar(
        "SELECT concat_ws('|', m.external_id, m.content, m.reactions, m.read_at, m.occurred_at, m.deleted_at IS NULL, \
           (SELECT phone FROM contact a WHERE a.workspace_id = m.workspace_id AND a.id = m.author_id), \
           (SELECT phone FROM contact a WHERE a.workspace_id = m.workspace_id AND a.id = c.contact_id), \
           c.inbound_count, c.last_message_at, c.last_activity_at, c.last_message_id = m.id, \
           (SELECT count(*) FROM attachment f WHERE f.workspace_id = m.workspace_id AND f.message_id = m.id)) \
         FROM message m JOIN conversation c ON c.workspace_id = m.workspace_id AND c.id = m.conversation_id \
         WHERE m.workspace_id = $1 AND m.external_id LIKE $2 ORDER BY m.external_id",
    )
    .bind(house.workspace)
    .bind(format!("%-{set}"))
    .fetch_all(&house.database.pool)
    .await
    .unwrap();
    let nameless = |row: &String| {
        let row = row.replace(&format!("-{set}|"), "|").replace(&format!("from {set}|"), "from *|");
        row.replace(&format!("+9198000{set:05}"), "*")
    };
    rows.iter().map(nameless).collect()
}

#[tokio::test]
async fn ob_10_versions_in_any_order_end_alike() {
    let house = ApplyFixture::build().await;
    let orders = permutations(6);
    assert_eq!(orders.len(), 720);
    // Every other order in batches of one.
    let lanes = [house.apply(2, 1), house.apply(2, 64)];
    let posts = orders.iter().enumerate().map(|(set, order)| {
        let (house, apply) = (&house, &lanes[set % 2]);
        async move {
            let commands = commands(set);
            for at in order {
                let receipt = apply.submit(house.inbound(vec![commands[*at].clone()])).await.unwrap();
                assert_eq!(receipt.outcome, Outcome::Accepted, "{order:?}: {receipt:?}");
            }
        }
    });
    futures::future::join_all(posts).await;
    for apply in &lanes {
        apply.stop().await;
    }
    let expected = shown(&house, 0).await;
    // m2 is there and hidden, whether it came before its deletion or after; m3 never came.
    assert_eq!(expected.len(), 2, "{expected:?}");
    assert!(expected[0].contains("|edited|") && expected[0].contains("|1|"), "{expected:?}");
    for (set, order) in orders.iter().enumerate() {
        assert_eq!(shown(&house, set).await, expected, "{order:?}");
    }
    house.assert_gapless_log().await;
}

/// What is written to a group goes to the group, though its writer has a conversation of their own.
#[tokio::test]
async fn ob_6_what_is_written_to_a_group_goes_to_the_group() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    let direct = message("m1", "+919800000007", Direction::Inbound, "to you", 0);
    let mut to_group = message("m2", "+919800000007", Direction::Inbound, "to all", 1);
    let Effect::Message(report) = &mut to_group.effect else { panic!("a message") };
    report.thread.id = Some("thread-g".to_owned());
    let report = ConversationReport {
        id: "thread-g".to_owned(),
        version: Version::new(Change::Created, Some(start()), start()),
        channel: report.channel.clone(),
        person: None,
        group_id: Some("group-1".to_owned()),
        subject: Patch::Absent,
        attributes: Default::default(),
    };
    let group = Command {
        key: IdempotencyKey::new("conversation", "thread-g"),
        effect: Effect::Conversation(Box::new(report)),
    };
    for command in [direct, group, to_group] {
        let receipt = apply.submit(house.inbound(vec![command])).await.unwrap();
        assert_eq!((receipt.outcome, receipt.error), (Outcome::Accepted, None));
    }
    let (of_the_group, of_the_writer) = (
        "SELECT count(*) FROM message m JOIN conversation c ON c.workspace_id = m.workspace_id \
           AND c.id = m.conversation_id WHERE m.workspace_id = $1 AND c.group_id IS NOT NULL AND c.contact_id IS NULL",
        "SELECT count(*) FROM message m JOIN conversation c ON c.workspace_id = m.workspace_id \
           AND c.id = m.conversation_id WHERE m.workspace_id = $1 AND c.group_id IS NULL AND c.contact_id IS NOT NULL",
    );
    assert_eq!((house.count(of_the_group).await, house.count(of_the_writer).await), (1, 1));
    house.assert_gapless_log().await;
}

/// The conversation is known by a version that told no person; who it is with comes later.
#[tokio::test]
async fn ob_3_a_conversation_learns_its_contact_later() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    let faceless = version("m1", 7, 1, Change::Updated, |report| report.thread.id = Some("thread-7".to_owned()));
    apply.submit(house.inbound(vec![faceless])).await.unwrap();
    let Effect::Message(whole) = message("m2", "+919800000007", Direction::Inbound, "hello", 0).effect else {
        panic!("a message")
    };
    let report = ConversationReport {
        id: "thread-7".to_owned(),
        version: Version::new(Change::Created, Some(start()), start()),
        channel: whole.channel.clone(),
        person: whole.person.clone(),
        group_id: None,
        subject: Patch::Absent,
        attributes: Default::default(),
    };
    let command = Command {
        key: IdempotencyKey::new("conversation", "thread-7"),
        effect: Effect::Conversation(Box::new(report)),
    };
    let receipt = apply.submit(house.inbound(vec![command])).await.unwrap();
    assert_eq!((receipt.outcome, receipt.error), (Outcome::Accepted, None));
    let joined = "SELECT count(*) FROM conversation c JOIN contact a ON a.workspace_id = c.workspace_id \
                  AND a.id = c.contact_id WHERE c.workspace_id = $1 AND a.phone = '+919800000007'";
    assert_eq!(house.count(joined).await, 1);
}
