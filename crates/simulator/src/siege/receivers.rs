//! D3: receivers of one workspace hang; the receiver of another is healthy.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use tokio::time::sleep;

use super::{
    attack::{Attack, DoorIs, Outcome},
    ground::Ground,
};
use crate::{
    SimulatorError,
    bench::{bodies::Bodies, drive::open_loop, round::latency},
    clock,
    sink::Ill,
};

/// Posts a second of the other workspace, each of which causes a webhook.
const RATE: f64 = 10.0;
/// The longest wait for the last webhook.
const PATIENCE: Duration = Duration::from_secs(60);
/// The limit of the 99th percentile from post to webhook at a healthy receiver.
const LIMIT: Duration = Duration::from_secs(2);

pub const HANGING: Attack = Attack {
    name: "D3 hanging receivers",
    what: |size| format!("{} webhooks of one workspace hang, beside a well one of another", size.of(500, 40)),
    bound: "sockets and deliveries in hand are shared by workspace and webhook",
    door: DoorIs::Open,
    run: |ground| hanging(ground).boxed(),
};

async fn hanging(ground: Arc<Ground>) -> Result<Outcome, SimulatorError> {
    let ill = Ill::Hangs.start().await.map_err(SimulatorError::io("a receiver that hangs"))?;
    let client = &ground.enemy.client;
    let registering = stream::iter(0..ground.size.of(500, 40)).map(|number| {
        let (name, url) = (format!("hangs-{number}"), format!("{}{number}", ill.url));
        async move { client.register_webhook(&name, &url, Some(&["message.created"])).await.map(|(id, _)| id) }
    });
    let webhooks: Vec<_> = registering.buffer_unordered(8).try_collect().await?;
    let event = |number: usize| ground.message(number, &format!("hanging-{number}"), &ground.canary);
    ground.fill((0..ground.size.of(100, 20)).map(event).collect()).await?;
    let mut outcome = Outcome::default();
    outcome.count("hanging webhooks", webhooks.len());

    let mut bodies = Bodies::new(ground.doors.clone(), clock::now(), ground.seed ^ 0xd3);
    let (address, ready) = bodies.take(ground.size.of(200, 40));
    let sent = open_loop(&address, ready, RATE).await?;
    let waited = Instant::now();
    let arrived = loop {
        let received = ground.receiver.sink.received().into_values().filter(|one| one.kind == "message.created");
        let arrived: HashMap<_, _> = received.filter_map(|one| Some((one.external_id?, one.arrived))).collect();
        if sent.keys().all(|id| arrived.contains_key(id)) || waited.elapsed() > PATIENCE {
            break arrived;
        }
        sleep(Duration::from_millis(100)).await;
    };
    let missing = sent.keys().filter(|id| !arrived.contains_key(*id)).count();
    outcome.count("webhooks of the other", sent.len() - missing);
    outcome.must(missing == 0, format!("{missing} of {} webhooks were not there after {PATIENCE:?}", sent.len()));
    if let Ok(latency) = latency("webhook", &sent, &arrived) {
        let took = Duration::from_secs_f64(latency.p99 / 1_000.0);
        outcome.figure("p99 of the other's webhooks", Some(took), took, LIMIT);
    }
    let deleting = stream::iter(webhooks).map(|id| async move { client.delete_webhook(&id).await });
    deleting.buffer_unordered(8).try_collect::<Vec<()>>().await?;
    Ok(outcome)
}
