//! Commands as adapters make them, about people.

use chrono::{DateTime, Duration, Utc};
use inlet_domain::{
    command::{
        Change, Command, ContactReport, Effect, IdempotencyKey, IdentityKind, IdentityRef, Inbound, MessageReport,
        Patch, PersonReport, Version,
    },
    model::{message::Direction, outcome::Outcome},
};
use inlet_store::apply::{Apply, Receipt};
use inlet_tests::apply_fixture::{ApplyFixture, message, start};
use serde_json::Map;

/// A time so many minutes after the start.
pub fn minute(minute: i64) -> DateTime<Utc> {
    start() + Duration::minutes(minute)
}

/// A provider's id of a person.
pub fn user(id: &str) -> IdentityRef {
    IdentityRef::new(IdentityKind::ProviderUser, id)
}

/// What a provider tells of its record of a person; nothing but the id.
pub fn record(id: &str, change: Change, at: Option<i64>, tell: impl FnOnce(&mut ContactReport)) -> Command {
    let mut report = ContactReport {
        version: Version::new(change, at.map(minute), minute(1_000)),
        identities: vec![user(id)],
        name: Patch::Absent,
        phone: Patch::Absent,
        email: Patch::Absent,
        username: Patch::Absent,
        avatar_url: Patch::Absent,
        last_active_at: Patch::Absent,
        attributes: Map::new(),
    };
    tell(&mut report);
    let key = format!("{id}/{change:?}/{at:?}/{:?}", report.name);
    Command { key: IdempotencyKey::new("contact", key), effect: Effect::Contact(Box::new(report)) }
}

/// A message that someone wrote from this address, so many minutes after the start.
pub fn written(id: &str, address: IdentityRef, at: i64, tell: impl FnOnce(&mut MessageReport)) -> Command {
    let mut command = message(id, "+919800000001", Direction::Inbound, id, at);
    if let Effect::Message(report) = &mut command.effect {
        report.person = Some(PersonReport { identities: vec![address], ..PersonReport::default() });
        tell(report);
    }
    command
}

/// A request that says this, which came long after all that these tests tell of.
pub fn request(house: &ApplyFixture, command: &Command) -> Inbound {
    Inbound { received_at: minute(1_000), ..house.inbound(vec![command.clone()]) }
}

/// Applies a command in a batch of its own.
pub async fn take(house: &ApplyFixture, apply: &Apply, command: &Command) -> Receipt {
    let receipt = apply.submit(request(house, command)).await.unwrap();
    assert_eq!(receipt.outcome, Outcome::Accepted, "{receipt:?}");
    receipt
}

/// Every order of so many things.
pub fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(count - 1);
    shorter.iter().flat_map(|order| (0..count).map(|at| [&order[..at], &[count - 1], &order[at..]].concat())).collect()
}

/// The lines that a statement about this workspace (`$1`) gives.
pub async fn lines(house: &ApplyFixture, sql: &'static str) -> Vec<String> {
    sqlx::query_scalar(sql).bind(house.workspace).fetch_all(&house.database.pool).await.unwrap()
}

/// The contacts that stand, each with its addresses.
pub async fn people(house: &ApplyFixture) -> Vec<String> {
    lines(
        house,
        "SELECT concat_ws('|', coalesce(c.name, '-'), coalesce(c.phone, '-'), coalesce(c.email, '-'), ( \
           SELECT string_agg(i.kind || ':' || i.value, ' ' ORDER BY i.kind, i.value) FROM identity i \
           WHERE i.workspace_id = c.workspace_id AND i.contact_id = c.id)) \
         FROM contact c WHERE c.workspace_id = $1 AND c.deleted_at IS NULL AND c.merged_into_id IS NULL ORDER BY 1",
    )
    .await
}
