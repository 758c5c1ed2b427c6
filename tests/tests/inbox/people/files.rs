//! A file that came inside its message is the file that events of its own tell of, in any order.

use inlet_domain::{
    command::{AttachmentPart, AttachmentReport, Change, Command, Effect, IdempotencyKey, Patch, Version},
    model::message::AttachmentKind,
};
use inlet_tests::apply_fixture::ApplyFixture;

use super::support::{lines, minute, orders, request, take, user, written};

fn with_file(id: &str, at: i64) -> Command {
    let mut command = written(id, user("u1"), at, |report| {
        report.version = Some(Version::new(Change::Created, Some(minute(at)), minute(at)));
        report.attachments = Some(vec![AttachmentPart {
            external_id: Some("f1".to_owned()),
            kind: AttachmentKind::Image,
            url: Some("https://files/1".to_owned()),
            filename: Some("first.png".to_owned()),
            mime_type: None,
            size_bytes: None,
        }]);
    });
    command.key = IdempotencyKey::new("message.created", id);
    command
}

fn file(change: Change, at: i64, name: Option<&str>) -> Command {
    let report = AttachmentReport {
        id: "f1".to_owned(),
        message_id: Some("m1".to_owned()),
        version: Version::new(change, Some(minute(at)), minute(at)),
        kind: Patch::Absent,
        url: Patch::Absent,
        filename: name.map_or(Patch::Absent, |name| Patch::Value(name.to_owned())),
        mime_type: Patch::Absent,
        size_bytes: Patch::Absent,
    };
    let key = IdempotencyKey::new("attachment", format!("{change:?}/{at}"));
    Command { key, effect: Effect::Attachment(Box::new(report)) }
}

async fn files(house: &ApplyFixture) -> Vec<String> {
    lines(
        house,
        "SELECT concat_ws('|', f.external_id, f.filename, f.url, f.deleted_at IS NOT NULL, m.external_id) \
         FROM attachment f LEFT JOIN message m ON m.workspace_id = f.workspace_id AND m.id = f.message_id \
         WHERE f.workspace_id = $1 ORDER BY 1",
    )
    .await
}

#[tokio::test]
async fn e2_p4_a_file_of_a_message_is_one_file_in_any_order() {
    let commands = [
        with_file("m1", 1),
        file(Change::Created, 1, Some("named.png")),
        file(Change::Updated, 3, Some("renamed.png")),
    ];
    let first = ApplyFixture::build().await;
    for order in orders(commands.len()) {
        let house = first.neighbour().await;
        let apply = house.apply(1, 64);
        for at in &order {
            take(&house, &apply, &commands[*at]).await;
        }
        assert_eq!(files(&house).await, ["f1|renamed.png|https://files/1|f|m1"], "{order:?}");
    }
}

#[tokio::test]
async fn e2_p4_a_deleted_file_stays_so_in_any_order() {
    let commands = [with_file("m1", 1), file(Change::Deleted, 5, None), file(Change::Created, 1, Some("first.png"))];
    let first = ApplyFixture::build().await;
    for order in orders(commands.len()) {
        for batch in [1, 64] {
            let house = first.neighbour().await;
            let apply = house.apply(1, batch);
            let posts = order.iter().map(|at| apply.submit(request(&house, &commands[*at])));
            for receipt in futures::future::join_all(posts).await {
                receipt.unwrap();
            }
            assert_eq!(files(&house).await, ["f1|first.png|https://files/1|t|m1"], "{order:?}");
        }
    }
}
