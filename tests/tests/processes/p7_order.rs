//! P7: transactions that begin early commit late, some never, over two processes, and webhooks are registered meanwhile.
//! Each gets every event after its registration, numbered without a gap.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use inlet_domain::{
    ambient::Ambient,
    event::{EventType, sample},
    ids::EventId,
    model::target::TargetPolicy,
    scope::{Actor, Scope},
    secrets::Sealer,
};
use inlet_egress::{Client, Policy};
use inlet_notifier::{Notifier, NotifierConfig};
use inlet_store::{
    log::{self, Heads, NewEvent},
    records::webhooks::{self, NewWebhook, Settings, Webhook},
};
use inlet_tests::{Sink, apply_fixture::ApplyFixture};

const WRITERS: usize = 8;
const TRANSACTIONS: usize = 60;

fn sealer() -> Sealer {
    Sealer::new([(1, [7; 32])], Ambient::system()).unwrap()
}

fn notifier(house: &ApplyFixture) -> Notifier {
    let client = Client::new(Policy { allow_loopback: true, allow_http: false }).unwrap();
    let config = NotifierConfig { poll: Duration::from_millis(20), ..NotifierConfig::default() };
    Notifier::start(house.database.clone(), Heads::default(), sealer(), Ambient::system(), client, config)
}

fn draft(house: &ApplyFixture) -> NewEvent {
    let now = house.ambient.now();
    NewEvent {
        workspace: house.workspace,
        kind: EventType::BalanceLow,
        occurred_at: now,
        actor: Actor::System,
        revision: None,
        conversation_id: None,
        message_id: None,
        contact_id: None,
        channel_id: None,
        medium: None,
        direction: None,
        internal: false,
        payload: sample::of(EventType::BalanceLow, now).unwrap().payload,
        previous: None,
    }
}

/// One after the other, each open while others commit; every fifth is rolled back at its very end.
async fn write(house: &ApplyFixture, writer: usize, committed: &AtomicUsize) {
    for number in 0..TRANSACTIONS {
        let mut transaction = house.database.pool.begin().await.unwrap();
        // From here on it has its place among the transactions, before those that begin later and commit sooner.
        sqlx::query("SELECT pg_current_xact_id()").execute(&mut *transaction).await.unwrap();
        let seen = committed.load(Ordering::Acquire);
        for _ in 0..(writer * 7 + number * 3) % 40 {
            if committed.load(Ordering::Acquire) > seen + writer {
                break;
            }
            tokio::task::yield_now().await;
        }
        let drafts = vec![draft(house); 1 + (writer + number) % 3];
        log::append(&mut transaction, &house.ambient, &drafts).await.unwrap();
        if (writer + number).is_multiple_of(5) {
            transaction.rollback().await.unwrap();
        } else {
            transaction.commit().await.unwrap();
        }
        committed.fetch_add(1, Ordering::AcqRel);
    }
}

async fn register(house: &ApplyFixture, sink: &Sink) -> Webhook {
    let mut transaction = house.database.pool.begin().await.unwrap();
    let new = NewWebhook {
        settings: Settings::of("receiver", sink.url()),
        legacy_signature: None,
        headers: Vec::new(),
        targets: TargetPolicy { allow_loopback: true, allow_http: false },
    };
    let scope = Scope::of(house.workspace);
    let made = webhooks::register(&mut transaction, scope, &sealer(), &Ambient::system(), new).await.unwrap();
    transaction.commit().await.unwrap();
    made.0
}

/// Registers one each time that so many transactions have ended.
async fn registrations(house: &ApplyFixture, committed: &AtomicUsize) -> Vec<(Webhook, Sink)> {
    let mut made = Vec::new();
    for share in 0..6 {
        while committed.load(Ordering::Acquire) < share * WRITERS * TRANSACTIONS / 6 {
            tokio::task::yield_now().await;
        }
        let sink = Sink::start().await;
        made.push((register(house, &sink).await, sink));
    }
    made
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_each_webhook_has_every_event_after_its_registration_in_a_gapless_sequence() {
    let house = ApplyFixture::build().await;
    let running = [notifier(&house), notifier(&house)];
    let committed = Arc::new(AtomicUsize::new(0));
    let writers = join_all((0..WRITERS).map(|writer| write(&house, writer, &committed)));
    let (_, hooks) = tokio::join!(writers, registrations(&house, &committed));
    let mut starts = BTreeSet::new();
    for (webhook, sink) in &hooks {
        let expected: Vec<EventId> =
            sqlx::query_scalar("SELECT id FROM event WHERE workspace_id = $1 AND seq > $2 ORDER BY seq")
                .bind(house.workspace)
                .bind(webhook.start_seq)
                .fetch_all(&house.database.pool)
                .await
                .unwrap();
        let got = sink.wait(|got| got.len() >= expected.len()).await;
        let ids: BTreeSet<String> = got.iter().map(|one| one.header("webhook-id").to_owned()).collect();
        assert_eq!(ids, expected.iter().map(ToString::to_string).collect(), "from {} on", webhook.start_seq);
        assert_eq!(got.len(), expected.len(), "each once");
        let mut numbers: Vec<usize> = got.iter().map(|one| one.header("inlet-sequence").parse().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=expected.len()).collect::<Vec<_>>(), "from {} on", webhook.start_seq);
        starts.insert(webhook.start_seq);
    }
    assert!(starts.len() > 4, "they were registered in the middle: {starts:?}");
    for notifier in &running {
        notifier.stop().await;
    }
}
