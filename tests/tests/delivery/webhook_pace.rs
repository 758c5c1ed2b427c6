//! The rate limit of a webhook holds for all processes together.

use std::time::Duration;

use inlet_domain::{
    ambient::Ambient,
    ids::{WebhookId, WorkspaceId},
    secrets::Sealer,
};
use inlet_store::{database::Database, records::deliveries::Outbox};
use inlet_tests::{Options, Sink, apply_fixture::ApplyFixture, database, spawn};
use serde_json::json;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

/// A process's way to the deliveries, over connections of its own that live at this moment.
async fn process(house: &ApplyFixture, now: &str) -> Outbox {
    let name = house.url().rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    let freeze = format!("ALTER DATABASE \"{name}\" SET inlet.now = '{now}'");
    sqlx::query(AssertSqlSafe(freeze)).execute(&house.database.pool).await.unwrap();
    let database = Database::connect(house.url(), 1, 1).await.unwrap();
    let sealer = Sealer::new([(1, [7; 32])], Ambient::system()).unwrap();
    Outbox::new(&database, sealer, &Ambient::system(), 1)
}

#[tokio::test]
async fn turns_follow_each_other_whichever_process_takes_them() {
    let house = ApplyFixture::build().await;
    let (one, other) = (process(&house, "2026-11-28T12:00:00Z").await, process(&house, "2026-11-28T12:00:00Z").await);
    let (workspace, webhook) = (house.workspace, WebhookId(Uuid::from_u128(1)));
    let waits = |outbox: Outbox, webhook: WebhookId, count: u32| async move {
        outbox.take_turns(workspace, webhook, 10, count).await.unwrap()
    };
    let millis = Duration::from_millis;
    assert_eq!(waits(one.clone(), webhook, 1).await, millis(0));
    assert_eq!(waits(other.clone(), webhook, 3).await, millis(100));
    assert_eq!(waits(one.clone(), webhook, 1).await, millis(400));
    assert_eq!(waits(other, WebhookId(Uuid::from_u128(2)), 1).await, millis(0), "each webhook has its own");
    let elsewhere = one.take_turns(WorkspaceId(Uuid::from_u128(3)), webhook, 10, 1).await.unwrap();
    assert_eq!(elsewhere, millis(0));
    let later = process(&house, "2026-11-28T12:00:10Z").await;
    assert_eq!(waits(later.clone(), webhook, 1).await, millis(0), "what was not taken is not owed");
    assert_eq!(waits(later, webhook, 1).await, millis(100));
    house.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p9_each_request_has_a_turn_of_its_own_over_two_servers() {
    const MESSAGES: usize = 30;
    const RATE: f64 = 40.0;
    let server = spawn().await;
    let second = server.beside(Options::default()).await;
    let sink = Sink::start().await;
    let register = "mutation Q($url: String!, $rate: Int!, $k: String!) { registerWebhook(input: {name: \"w\", url: $url, \
                    eventTypes: [\"message.created\"], rateLimit: $rate, idempotencyKey: $k}) { webhook { id } } }";
    let variables = json!({"url": sink.url(), "rate": 40, "k": database::unique()});
    server.graphql(register, variables).await;
    for number in 0..MESSAGES {
        let message = json!({"sender": {"name": "Ada"}, "content": format!("{number}"), "contentType": "TEXT",
            "externalId": format!("wamid.{number}"), "conversation_id": format!("c{}", number % 7)});
        let conversation = json!({"id": format!("c{}", number % 7), "status": "in-queue",
            "customer": {"name": "Ada", "email": format!("c{}@example.com", number % 7)},
            "Channel": {"id": "8bad2edc-2973-4cec-8f33-a17c54dc0687", "medium": "SMS"}});
        let body = json!({"event": "newMessage", "message": message, "conversation": conversation}).to_string();
        let to = if number % 2 == 0 { &server } else { &second };
        assert_eq!(to.post("oneroute", None, &body).await.0, 200);
    }
    sink.wait(|received| received.len() >= MESSAGES).await;
    // The first turn was taken after the first delivery was written.
    let taken: f64 = sqlx::query_scalar(
        "SELECT extract(epoch FROM (SELECT next_at FROM webhook_pace) - (SELECT min(created_at) FROM delivery))::float8",
    )
    .fetch_one(&server.database)
    .await
    .unwrap();
    let needed = f64::from(u32::try_from(MESSAGES).unwrap()) / RATE;
    assert!(taken >= needed, "{MESSAGES} requests had turns of {taken} s, and need {needed}");
    second.stop().await;
    server.stop().await;
}
