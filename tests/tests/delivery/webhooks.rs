//! From the log to the receivers: every event once to each webhook that wants it, whatever the endpoints answer and
//! whenever a process dies.

use futures::future::join_all;
use hmac::{Hmac, KeyInit, Mac};
use inlet_domain::{
    ambient::Ambient,
    event::EventType,
    ids::WebhookId,
    json,
    model::{message::Direction, target::TargetPolicy},
    scope::{Actor, Scope},
    secrets::Sealer,
};
use inlet_egress::{Client, Policy};
use inlet_notifier::{Notifier, NotifierConfig};
use inlet_store::{
    log::{self, Heads, NewEvent},
    records::webhooks::{self, NewWebhook, Settings},
};
use inlet_tests::{
    Sink,
    apply_fixture::{ApplyFixture, message},
    sink::Received,
};
use secrecy::ExposeSecret;
use serde_json::Value;
use sha2::Sha256;
use std::time::Duration;

const LOOPBACK: TargetPolicy = TargetPolicy { allow_loopback: true, allow_http: false };

/// Every process of a test seals under the same key.
fn sealer() -> Sealer {
    Sealer::new([(1, [7; 32])], Ambient::system()).unwrap()
}

/// A notifier as a process of its own would run it: it hears of news by its poll alone.
fn notifier(house: &ApplyFixture) -> Notifier {
    notifier_by(house, Ambient::system())
}

/// One that goes by this clock.
fn notifier_by(house: &ApplyFixture, ambient: Ambient) -> Notifier {
    let client = Client::new(Policy { allow_loopback: true, allow_http: false }).unwrap();
    let config = NotifierConfig { poll: Duration::from_millis(20), ..NotifierConfig::default() };
    Notifier::start(house.database.clone(), Heads::default(), sealer(), ambient, client, config)
}

async fn register(house: &ApplyFixture, sink: &Sink, types: &[&str]) -> (WebhookId, String) {
    let mut settings = Settings::of("receiver", sink.url());
    settings.event_types = types.iter().map(|kind| (*kind).to_owned()).collect();
    settings.timeout_seconds = Some(30);
    let new = NewWebhook { settings, legacy_signature: None, headers: Vec::new(), targets: LOOPBACK };
    let mut transaction = house.database.pool.begin().await.unwrap();
    let scope = Scope::of(house.workspace);
    let (webhook, secret) =
        webhooks::register(&mut transaction, scope, &sealer(), &Ambient::system(), new).await.unwrap();
    transaction.commit().await.unwrap();
    (webhook.id, secret.expose_secret().to_owned())
}

/// Messages `from..to`, each of a new contact: three events each.
async fn receive(house: &ApplyFixture, from: i64, to: i64) {
    let apply = house.apply(2, 64);
    let requests = (from..to).map(|n| {
        let command = message(&format!("m{n}"), &format!("+9198000{n:05}"), Direction::Inbound, "hello \u{1f44b}", n);
        apply.submit(house.inbound(vec![command]))
    });
    for receipt in join_all(requests).await {
        receipt.unwrap();
    }
    apply.stop().await;
}

/// The log's ids of one type, in order.
async fn logged(house: &ApplyFixture, kind: &str) -> Vec<String> {
    let ids: Vec<inlet_domain::ids::EventId> =
        sqlx::query_scalar("SELECT id FROM event WHERE workspace_id = $1 AND type = $2 ORDER BY seq")
            .bind(house.workspace)
            .bind(kind)
            .fetch_all(&house.database.pool)
            .await
            .unwrap();
    ids.iter().map(ToString::to_string).collect()
}

/// How many deliveries of the webhook have this status.
async fn deliveries(house: &ApplyFixture, webhook: WebhookId, status: &str) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM delivery WHERE workspace_id = $1 AND webhook_id = $2 AND status = $3")
        .bind(house.workspace)
        .bind(webhook)
        .bind(status)
        .fetch_one(&house.database.pool)
        .await
        .unwrap()
}

fn ids(received: &[Received]) -> Vec<String> {
    received.iter().map(|request| request.header("webhook-id").to_owned()).collect()
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort();
    items
}

#[tokio::test]
async fn p7_every_event_reaches_each_webhook_that_wants_it_once_and_in_sequence() {
    let house = ApplyFixture::build().await;
    let (messages, contacts) = (Sink::start().await, Sink::start().await);
    let (message_hook, secret) = register(&house, &messages, &["message.created"]).await;
    let running = notifier(&house);
    receive(&house, 0, 40).await;
    let (contact_hook, _) = register(&house, &contacts, &["contact.*"]).await;
    receive(&house, 40, 100).await;

    let got = messages.wait(|all| all.len() == 100).await;
    let got_contacts = contacts.wait(|all| all.len() == 60).await;
    running.stop().await;

    assert_eq!(sorted(ids(&got)), logged(&house, "message.created").await);
    assert_eq!(sorted(ids(&got_contacts)), logged(&house, "contact.created").await[40..], "only what came after it");
    let sequence =
        |all: &[Received]| sorted(all.iter().map(|r| r.header("inlet-sequence").parse::<i64>().unwrap()).collect());
    assert_eq!(sequence(&got), (1..=100).collect::<Vec<i64>>());
    assert_eq!(sequence(&got_contacts), (1..=60).collect::<Vec<i64>>());
    assert_eq!(deliveries(&house, message_hook, "succeeded").await, 100);
    assert_eq!(deliveries(&house, contact_hook, "succeeded").await, 60);
    assert_eq!(house.count("SELECT count(*) FROM attempt WHERE workspace_id = $1").await, 160);
    assert_eq!(house.count("SELECT count(*) FROM dispatch_lease WHERE workspace_id = $1").await, 0);

    let reference = standardwebhooks::Webhook::new(&secret).unwrap();
    for request in &got {
        let mut headers = reqwest::header::HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            headers.insert(name, request.header(name).parse().unwrap());
        }
        reference.verify(&request.body, &headers).unwrap();
        let mut plain = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        plain.update(&request.body);
        assert_eq!(request.header("x-inlet-signature"), hex::encode(plain.finalize().into_bytes()));
        assert_eq!(request.header("content-type"), "application/json");
        let body = request.json();
        assert_eq!((&body["type"], &body["id"]), (&"message.created".into(), &request.header("webhook-id").into()));
        assert_eq!(body["payload"]["content"], "hello \u{1f44b}");
        assert_eq!(body["workspace_id"], house.workspace.to_string());
        assert_eq!(json::javascript(&body).as_bytes(), request.body, "JSON.stringify(JSON.parse(body)) === body");
    }
}

#[tokio::test]
async fn p7_a_refused_delivery_is_sent_again_when_it_is_due_with_the_same_id() {
    let house = ApplyFixture::build().await;
    let sink = Sink::start().await;
    let (webhook, _) = register(&house, &sink, &["message.created"]).await;
    sink.answer(|_| (500, Vec::new()));
    let running = notifier(&house);
    receive(&house, 0, 1).await;
    sink.wait(|all| all.len() == 1).await;
    running.stop().await;

    let (status, attempts, wait): (String, i32, f64) = sqlx::query_as(
        "SELECT d.status, d.attempts, extract(epoch FROM d.due_at - a.started_at)::float8 \
         FROM delivery d JOIN attempt a ON a.workspace_id = d.workspace_id AND a.delivery_id = d.id \
         WHERE d.workspace_id = $1 AND d.lease_owner IS NULL",
    )
    .bind(house.workspace)
    .fetch_one(&house.database.pool)
    .await
    .unwrap();
    assert_eq!((status.as_str(), attempts), ("pending", 1));
    assert!(wait >= 9.0, "10 s and a tenth to either side: {wait}");

    sink.answer(|_| (200, Vec::new()));
    make_due(&house).await;
    let running = notifier(&house);
    let got = sink.wait(|all| all.len() == 2).await;
    running.stop().await;
    assert_eq!(ids(&got)[0], ids(&got)[1]);
    assert_eq!(got[0].body, got[1].body);
    let header = |name: &str| got.iter().map(|request| request.header(name).to_owned()).collect::<Vec<_>>();
    assert_eq!(header("inlet-attempt"), ["1", "2"]);
    assert_eq!(header("inlet-sequence"), ["1", "1"]);
    assert_eq!(deliveries(&house, webhook, "succeeded").await, 1);
    assert_eq!(house.count("SELECT count(*) FROM attempt WHERE workspace_id = $1").await, 2);
}

async fn make_due(house: &ApplyFixture) {
    sqlx::query("UPDATE delivery SET due_at = now() - interval '1 s' WHERE workspace_id = $1 AND due_at IS NOT NULL")
        .bind(house.workspace)
        .execute(&house.database.pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn p7_after_its_last_attempt_a_delivery_is_exhausted() {
    let house = ApplyFixture::build().await;
    let sink = Sink::start().await;
    let (webhook, _) = register(&house, &sink, &["message.created"]).await;
    sqlx::query("UPDATE webhook SET max_attempts = 2, revision = revision + 1")
        .execute(&house.database.pool)
        .await
        .unwrap();
    sink.answer(|_| (302, vec![("location".to_owned(), "/elsewhere".to_owned())]));
    receive(&house, 0, 1).await;
    for attempts in [1, 2] {
        let running = notifier(&house);
        sink.wait(|all| all.len() == attempts).await;
        running.stop().await;
        make_due(&house).await;
    }
    assert_eq!(deliveries(&house, webhook, "exhausted").await, 1);
    let kinds: Vec<String> = sqlx::query_scalar("SELECT error_kind FROM attempt WHERE workspace_id = $1")
        .bind(house.workspace)
        .fetch_all(&house.database.pool)
        .await
        .unwrap();
    assert_eq!(kinds, ["redirect", "redirect"]);
    assert!(sink.received().iter().all(|request| request.path == "/"), "a redirect was followed");
}

#[tokio::test]
async fn p9_a_hanging_endpoint_does_not_delay_a_well_one() {
    let house = ApplyFixture::build().await;
    let (hanging, well) = (Sink::start().await, Sink::start().await);
    hanging.hold(true);
    let (stuck, _) = register(&house, &hanging, &["message.created"]).await;
    let (fine, _) = register(&house, &well, &["message.created"]).await;
    let running = notifier(&house);
    receive(&house, 0, 1_500).await;
    well.wait(|all| all.len() == 1_500).await;
    assert_eq!(hanging.received().len(), 64, "no more requests than it may have under way");

    // It answers again, and gets all, those too that had to wait in the database.
    assert!(house.count("SELECT count(*) FROM delivery WHERE workspace_id = $1 AND parked").await > 0);
    hanging.hold(false);
    let got = hanging.wait(|all| all.len() == 1_500).await;
    running.stop().await;
    assert_eq!(sorted(ids(&got)), logged(&house, "message.created").await);
    assert_eq!(deliveries(&house, stuck, "succeeded").await, 1_500);
    assert_eq!(deliveries(&house, fine, "succeeded").await, 1_500);
}

#[tokio::test]
async fn p13_a_stop_gives_back_what_it_did_not_send() {
    let house = ApplyFixture::build().await;
    let sink = Sink::start().await;
    let (webhook, _) = register(&house, &sink, &["message.created"]).await;
    sink.hold(true);
    let running = notifier(&house);
    receive(&house, 0, 200).await;
    sink.wait(|all| all.len() == 64).await;
    let (stopped, ()) = tokio::join!(running.stop(), async { sink.hold(false) });
    let () = stopped;
    assert_eq!(deliveries(&house, webhook, "succeeded").await, 64);
    let leased = "SELECT count(*) FROM delivery WHERE workspace_id = $1 AND lease_owner IS NOT NULL";
    assert_eq!(house.count(leased).await, 0);
    let next = notifier(&house);
    let got = sink.wait(|all| all.len() == 200).await;
    next.stop().await;
    assert_eq!(sorted(ids(&got)), logged(&house, "message.created").await, "each exactly once");
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_disabled_and_others_are_told() {
    let house = ApplyFixture::build().await;
    let (gone, watcher) = (Sink::start().await, Sink::start().await);
    let (webhook, _) = register(&house, &gone, &["message.created"]).await;
    register(&house, &watcher, &["webhook.*"]).await;
    gone.answer(|_| (410, Vec::new()));
    let running = notifier(&house);
    receive(&house, 0, 1).await;
    let told = watcher.wait(|all| all.len() == 1).await;
    let payload: &Value = &told[0].json()["payload"];
    assert_eq!((&payload["id"], &payload["disabled_reason"]), (&webhook.to_string().into(), &"gone".into()));
    receive(&house, 1, 3).await;
    let cursor = "SELECT c.seq - (SELECT max(seq) FROM event e WHERE e.workspace_id = c.workspace_id) \
                  FROM dispatch_cursor c WHERE c.workspace_id = $1";
    while house.count(cursor).await < 0 {
        tokio::task::yield_now().await;
    }
    running.stop().await;
    assert_eq!(deliveries(&house, webhook, "exhausted").await, 1);
    assert_eq!(deliveries(&house, webhook, "skipped").await, 2);
    assert_eq!(gone.received().len(), 1);
}

#[tokio::test]
async fn nothing_but_failure_for_five_days_disables_and_a_success_between_does_not() {
    let house = ApplyFixture::build().await;
    let (failing, mended, watcher) = (Sink::start().await, Sink::start().await, Sink::start().await);
    let (bad, _) = register(&house, &failing, &["message.created"]).await;
    let (good, _) = register(&house, &mended, &["message.created"]).await;
    register(&house, &watcher, &["webhook.disabled"]).await;
    for sink in [&failing, &mended] {
        sink.answer(|_| (503, vec![("retry-after".to_owned(), "1".to_owned())]));
    }
    receive(&house, 0, 1).await;
    let attempts = "SELECT count(*) FROM attempt WHERE workspace_id = $1";
    let running = notifier_by(&house, house.ambient.clone());
    while house.count(attempts).await < 2 {
        tokio::task::yield_now().await;
    }
    running.stop().await;

    house.clock.step(chrono::Duration::days(3));
    mended.answer(|_| (200, Vec::new()));
    receive(&house, 1, 2).await;
    make_due(&house).await;
    let running = notifier_by(&house, house.ambient.clone());
    while house.count(attempts).await < 6 {
        tokio::task::yield_now().await;
    }
    running.stop().await;

    house.clock.step(chrono::Duration::days(2));
    mended.answer(|_| (500, Vec::new()));
    receive(&house, 2, 3).await;
    make_due(&house).await;
    let running = notifier_by(&house, house.ambient.clone());
    let told = watcher.wait(|all| all.len() == 1).await;
    mended.wait(|all| all.len() == 4).await;
    running.stop().await;
    let payload = &told[0].json()["payload"];
    assert_eq!((&payload["id"], &payload["disabled_reason"]), (&bad.to_string().into(), &"failing".into()));
    let scope = Scope::of(house.workspace);
    let stands = webhooks::by_id(&house.database, scope, good).await.unwrap().unwrap();
    assert_eq!(stands.status, inlet_domain::model::webhook::WebhookStatus::Active);
}

#[tokio::test]
async fn an_event_that_is_being_committed_is_before_a_registration() {
    let house = ApplyFixture::build().await;
    let sink = Sink::start().await;
    let mut writer = house.database.pool.begin().await.unwrap();
    let draft = NewEvent {
        workspace: house.workspace,
        kind: EventType::BalanceLow,
        occurred_at: house.ambient.now(),
        actor: Actor::System,
        revision: None,
        conversation_id: None,
        message_id: None,
        contact_id: None,
        channel_id: None,
        medium: None,
        direction: None,
        internal: false,
        payload: "{}".to_owned(),
        previous: None,
    };
    log::append(&mut writer, &house.ambient, std::slice::from_ref(&draft)).await.unwrap();
    let waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND $1::uuid IS NOT NULL";
    let committing = async {
        while house.count(waits).await == 0 {
            tokio::task::yield_now().await;
        }
        writer.commit().await.unwrap();
    };
    let ((webhook, _), ()) = tokio::join!(register(&house, &sink, &[]), committing);
    let scope = Scope::of(house.workspace);
    let registered = webhooks::by_id(&house.database, scope, webhook).await.unwrap().unwrap();
    assert_eq!(registered.start_seq, 1);
    assert_eq!(webhooks::list(&house.database, scope).await.unwrap(), [registered]);
}
