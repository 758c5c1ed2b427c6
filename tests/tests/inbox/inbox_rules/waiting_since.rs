//! Since when someone waits, in any order.

use chrono::Duration;
use inlet_domain::{
    command::{Change, IdempotencyKey, Version},
    model::{
        message::{Direction, MessageKind},
        outcome::Outcome,
    },
};
use inlet_tests::apply_fixture::{ApplyFixture, message, start};

use super::{Times, told};

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = usize::try_from(self.roll(last as u64 + 1)).unwrap();
            items.swap(last, other);
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    direction: Direction,
    kind: MessageKind,
    minute: i64,
    deleted: bool,
}

/// What must be shown: since when they wait, and when they were first answered.
pub(super) fn expected(entries: &[Entry]) -> Times {
    let mut standing: Vec<&Entry> =
        entries.iter().filter(|entry| !entry.deleted && entry.kind == MessageKind::Message).collect();
    standing.sort_by_key(|entry| entry.minute);
    let (mut waiting, mut asked, mut answered) = (None, false, None);
    for entry in standing {
        let at = start() + Duration::minutes(entry.minute);
        match entry.direction {
            Direction::Inbound => {
                asked = true;
                waiting.get_or_insert(at);
            }
            Direction::Outbound => {
                waiting = None;
                if asked {
                    answered.get_or_insert(at);
                }
            }
        }
    }
    (waiting, answered)
}

#[tokio::test]
async fn c4_since_when_they_wait_is_computed_from_what_stands_in_any_order() {
    let house = ApplyFixture::build().await;
    let lanes = [house.apply(2, 1), house.apply(2, 64)];
    let mut dice = Dice(7);
    let mut sets = Vec::new();
    for set in 0..160_usize {
        let count = 2 + dice.roll(5);
        let entries: Vec<Entry> = (0..count)
            .map(|number| Entry {
                direction: if dice.roll(2) == 0 { Direction::Inbound } else { Direction::Outbound },
                kind: if dice.roll(6) == 0 { MessageKind::Call } else { MessageKind::Message },
                minute: i64::try_from(number * 10 + dice.roll(10)).unwrap(),
                deleted: dice.roll(4) == 0,
            })
            .collect();
        let phone = format!("+9198000{set:05}");
        let mut commands = Vec::new();
        for (number, entry) in entries.iter().enumerate() {
            let id = format!("m{set}-{number}");
            let mut command = message(&id, &phone, entry.direction, "hello", entry.minute);
            let report = told(&mut command);
            report.kind = entry.kind;
            let at = start() + Duration::minutes(entry.minute);
            report.version = Some(Version::new(Change::Created, Some(at), at));
            let mut gone = command.clone();
            told(&mut gone).version = Some(Version::new(Change::Deleted, Some(at), at));
            gone.key = IdempotencyKey::new("deletion", id);
            commands.push(command);
            commands.extend(entry.deleted.then_some(gone));
        }
        dice.shuffle(&mut commands);
        sets.push((entries, phone, commands));
    }
    let posts = sets.iter().enumerate().map(|(set, (_, _, commands))| {
        let (house, apply) = (&house, &lanes[set % 2]);
        async move {
            // Some come together in one request.
            for part in commands.chunks(1 + set % 3) {
                let receipt = apply.submit(house.inbound(part.to_vec())).await.unwrap();
                assert_eq!((receipt.outcome, receipt.error), (Outcome::Accepted, None));
            }
        }
    });
    futures::future::join_all(posts).await;
    for (entries, phone, commands) in &sets {
        let shown: Option<Times> = sqlx::query_as(
            "SELECT c.waiting_since, c.first_response_at FROM conversation c \
             JOIN identity i ON i.workspace_id = c.workspace_id AND i.id = c.address_id \
             WHERE c.workspace_id = $1 AND i.value = $2",
        )
        .bind(house.workspace)
        .bind(phone)
        .fetch_optional(&house.database.pool)
        .await
        .unwrap();
        let order: Vec<&str> = commands.iter().map(|command| command.key.id.as_str()).collect();
        assert_eq!(shown.unwrap_or_default(), expected(entries), "{entries:#?} in the order {order:?}");
    }
    house.assert_gapless_log().await;
}
