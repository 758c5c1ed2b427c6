//! A replay at the database: it changes nothing that was read right, mends what was read wrong, and never reopens,
//! marks unread or does twice.

use inlet_domain::{
    command::{
        BalanceReport, Change, Command, ContactReport, Effect, IdempotencyKey, IdentityKind, IdentityRef, Inbound,
        OptOutReport, Patch, PersonReport, Purpose, Reading, Version,
    },
    event::EventType,
    model::{channel::Medium, message::Direction, opt_out::OptOutScope, outcome::Outcome, status::DeliveryStatus},
};
use inlet_tests::apply_fixture::{ApplyFixture, message, status};

const PHONE: &str = "+919800000001";

fn person() -> PersonReport {
    let identity = IdentityRef::new(IdentityKind::Phone, PHONE);
    PersonReport { identities: vec![identity], ..PersonReport::default() }
}

fn opt_out() -> Command {
    let report = OptOutReport {
        external_id: Some("o1".into()),
        person: person(),
        medium: Medium::Whatsapp,
        scope: OptOutScope::All,
        value: "*".into(),
        occurred_at: None,
    };
    Command { key: IdempotencyKey::new("opt_out", "o1"), effect: Effect::OptOut(Box::new(report)) }
}

fn balance() -> Command {
    let report = BalanceReport { firm: Some("Acme".into()), units: Some("5".into()) };
    Command { key: IdempotencyKey::new("balance", "acme/5"), effect: Effect::Balance(report) }
}

fn contact(house: &ApplyFixture, name: &str) -> Command {
    let report = ContactReport {
        identities: person().identities,
        version: Version::new(Change::Updated, None, house.ambient.now()),
        name: Patch::Value(name.into()),
        phone: Patch::Absent,
        email: Patch::Absent,
        username: Patch::Absent,
        avatar_url: Patch::Absent,
        last_active_at: Patch::Absent,
        attributes: Default::default(),
    };
    Command { key: IdempotencyKey::new("contact", "c1"), effect: Effect::Contact(Box::new(report)) }
}

/// A message that the provider gave no id.
fn nameless(content: &str) -> Command {
    let mut command = message("nameless", PHONE, Direction::Inbound, content, 3);
    if let Effect::Message(report) = &mut command.effect {
        report.ids.clear();
        report.external_id = None;
    }
    command
}

fn again(inbound: &Inbound, command: Command) -> Inbound {
    Inbound { purpose: Purpose::Replay, reading: Reading::of(vec![command], false), ..inbound.clone() }
}

async fn head(house: &ApplyFixture) -> i64 {
    house.count("SELECT coalesce(max(seq), 0) FROM event WHERE workspace_id = $1").await
}

/// All rows of the tables that apply writes, as text.
async fn rows(house: &ApplyFixture) -> Vec<String> {
    let mut rows = Vec::new();
    for table in ["contact", "identity", "conversation", "message", "status_report", "opt_out", "balance_alert"] {
        let sql = format!("SELECT to_jsonb(t) - 'id' FROM {table} t WHERE workspace_id = $1 ORDER BY t.id");
        let found: Vec<serde_json::Value> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(house.workspace)
            .fetch_all(&house.database.pool)
            .await
            .unwrap();
        rows.extend(found.into_iter().map(|row| format!("{table} {row}")));
    }
    rows
}

#[tokio::test]
async fn p2_a_replay_of_what_was_read_right_changes_nothing() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    let commands = [
        message("m1", PHONE, Direction::Inbound, "hello", 0),
        nameless("no id"),
        message("m2", PHONE, Direction::Outbound, "your order", 1),
        status("m2", PHONE, DeliveryStatus::Delivered, 4),
        status("m2", PHONE, DeliveryStatus::Read, 5),
        status("elsewhere", PHONE, DeliveryStatus::Failed, 5),
        contact(&house, "Ada"),
        opt_out(),
        balance(),
    ];
    let inbounds: Vec<Inbound> = commands.iter().map(|command| house.inbound(vec![command.clone()])).collect();
    for inbound in &inbounds {
        assert_eq!(apply.submit(inbound.clone()).await.unwrap().outcome, Outcome::Accepted);
    }
    let (head_before, rows_before) = (head(&house).await, rows(&house).await);
    let raw = "SELECT sum(cardinality(event_ids)) FROM inbound_event WHERE workspace_id = $1";
    let caused = house.count(raw).await;
    for _ in 0..2 {
        for (inbound, command) in inbounds.iter().zip(&commands) {
            let preview = apply.preview(again(inbound, command.clone())).await.unwrap();
            assert_eq!((preview.outcome, preview.events), (Outcome::Accepted, Vec::new()), "{command:?}");
            let receipt = apply.replay(again(inbound, command.clone())).await.unwrap();
            assert_eq!((receipt.outcome, receipt.events), (Outcome::Accepted, Vec::new()), "{command:?}");
        }
    }
    assert_eq!(head(&house).await, head_before);
    assert_eq!(rows(&house).await, rows_before);
    assert_eq!(house.count(raw).await, caused);
    assert_eq!(house.count("SELECT count(*) FROM inbound_event WHERE workspace_id = $1").await, 9);
}

#[tokio::test]
async fn a_replay_under_a_mended_adapter_restores_what_was_read_wrong() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    let wrong = [
        message("m1", PHONE, Direction::Inbound, "helo", 0),
        nameless("misread"),
        status("m2", PHONE, DeliveryStatus::Read, 4),
        contact(&house, "Zoe, misread"),
    ];
    let inbounds: Vec<Inbound> = wrong.into_iter().map(|command| house.inbound(vec![command])).collect();
    for inbound in &inbounds {
        apply.submit(inbound.clone()).await.unwrap();
    }
    // Another request reads right, and stays as it is.
    apply.submit(house.inbound(vec![status("m2", PHONE, DeliveryStatus::Sent, 2)])).await.unwrap();
    let mended = |house: &ApplyFixture| {
        let mut delivered = status("m2", PHONE, DeliveryStatus::Delivered, 4);
        delivered.key = IdempotencyKey::new("status", "m2/read/4");
        let mut ada = contact(house, "Ada");
        if let Effect::Contact(report) = &mut ada.effect {
            report.version.at = inbounds[3].received_at;
        }
        [message("m1", PHONE, Direction::Inbound, "hello", 0), nameless("read right"), delivered, ada]
    };
    let before = (head(&house).await, rows(&house).await);
    for (inbound, command) in inbounds.iter().zip(mended(&house)) {
        let preview = apply.preview(again(inbound, command.clone())).await.unwrap();
        assert_eq!(preview.events.len(), 1, "{command:?}");
        assert!(preview.events[0].kind == EventType::MessageStatusChanged || preview.events[0].previous.is_some());
    }
    assert_eq!((head(&house).await, rows(&house).await), before, "a preview writes nothing");
    for (inbound, command) in inbounds.iter().zip(mended(&house)) {
        assert_eq!(apply.replay(again(inbound, command)).await.unwrap().events.len(), 1);
    }
    let shown: Vec<String> = sqlx::query_scalar(
        "SELECT concat_ws('|', content, status, read_at) FROM message WHERE workspace_id = $1 ORDER BY id",
    )
    .bind(house.workspace)
    .fetch_all(&house.database.pool)
    .await
    .unwrap();
    assert_eq!(shown, ["hello", "read right", "delivered"]);
    assert_eq!(house.count("SELECT count(*) FROM status_report WHERE workspace_id = $1").await, 2);
    assert_eq!(house.count("SELECT count(*) FROM contact WHERE workspace_id = $1 AND name = 'Ada'").await, 1);
    house.assert_gapless_log().await;
}

#[tokio::test]
async fn a_replay_neither_reopens_nor_marks_unread() {
    let house = ApplyFixture::build().await;
    let apply = house.apply(1, 64);
    apply.submit(house.inbound(vec![message("m1", PHONE, Direction::Inbound, "hello", 0)])).await.unwrap();
    let close = "UPDATE conversation SET status = 'closed', closed_at = now(), read_count = inbound_count \
                 WHERE workspace_id = $1";
    sqlx::query(close).bind(house.workspace).execute(&house.database.pool).await.unwrap();
    // It could not be read when it came.
    let mut kept = house.inbound(Vec::new());
    kept.reading = Reading::Unrecognised { reason: "no such event".to_owned(), lenient: false };
    assert_eq!(apply.submit(kept.clone()).await.unwrap().outcome, Outcome::Unrecognised);
    let receipt =
        apply.replay(again(&kept, message("m2", PHONE, Direction::Inbound, "are you there?", 1))).await.unwrap();
    assert_eq!((receipt.outcome, receipt.events.len()), (Outcome::Accepted, 1));
    assert_eq!(house.count("SELECT count(*) FROM message WHERE workspace_id = $1").await, 2);
    let closed = "SELECT count(*) FROM conversation WHERE workspace_id = $1 AND status = 'closed' \
                  AND inbound_count = read_count";
    assert_eq!(house.count(closed).await, 1);
    let row: (String, i32) =
        sqlx::query_as("SELECT outcome, cardinality(event_ids) FROM inbound_event WHERE workspace_id = $1 AND id = $2")
            .bind(house.workspace)
            .bind(kept.id)
            .fetch_one(&house.database.pool)
            .await
            .unwrap();
    assert_eq!(row, ("accepted".to_owned(), 1));

    // The same message that comes now is new to nobody.
    let repeat = apply.submit(house.inbound(vec![message("m2", PHONE, Direction::Inbound, "are you there?", 1)])).await;
    assert_eq!(repeat.unwrap().outcome, Outcome::Duplicate);
}
