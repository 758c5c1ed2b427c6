//! T4 and T5: the latency and rate of frames, their cost in the database, and the memory of idle subscribers.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;
use serde_json::json;

use super::{
    audience::Audience,
    bodies::{Bodies, Ready},
    drive::{closed_loop, open_loop},
    round::{Latency, PACE, PATIENCE, complete, latency},
};
use crate::{
    SimulatorError,
    graphql::Client,
    programs::psql,
    server::Server,
    subscriber::{Subscriber, SubscriberError},
    target::Target,
};

/// The subscription of a dashboard (TARGETS.md, T4 and T5).
const FOLLOW: &str =
    "subscription Follow($after: Cursor) { events(after: $after) { __typename ... on Event { id cursor type
    conversation { id status lastMessageAt } message { id direction content externalId status }
    contact { id name phone } } ... on Reset { reason cursor } } }";

/// After this time Postgres has counted the work of idle connections.
const COUNTED: Duration = Duration::from_secs(12);

/// The longest wait for the frames.
const LONG: Duration = Duration::from_secs(300);

/// The numbers of subscribers.
#[derive(Debug, Clone, Copy)]
pub struct Crowds {
    /// Subscribers that get every event.
    pub following: usize,
    /// Subscribers that get no event.
    pub idle: usize,
}

/// The result of T5.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Audited {
    /// Subscribers that got every event.
    pub subscribers: usize,
    /// Frames a second at all subscribers together.
    pub frames: f64,
    /// Database transactions for each event of the log, with one subscriber. A statement outside a transaction counts
    /// as one. Transactions of the load and of the server's periodic work count too.
    pub statements_one: f64,
    /// As `statements_one`, with all subscribers.
    pub statements_all: f64,
}

/// The memory of idle subscribers.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Idle {
    /// Sockets, each with one subscription.
    pub subscribers: usize,
    /// Resident memory that each takes of the server, in KiB.
    pub kib: f64,
    /// The larger number of sockets.
    pub most: usize,
    /// Resident memory of the server for each of them, in KiB.
    pub most_kib: f64,
}

/// T4: from POST to the frame at one subscriber.
///
/// # Errors
/// The load is refused, or a frame does not arrive.
pub async fn soon(
    target: &Target,
    client: &Client,
    address: &str,
    ready: Vec<Ready>,
) -> Result<Latency, SimulatorError> {
    // Begins at a cursor, so that no event before the subscription is missed.
    let head = client.head().await?;
    let subscriber = Subscriber::start(target, FOLLOW, json!({ "after": head })).await;
    let refused = |error: SubscriberError| SimulatorError::Refused { what: "T4".into(), answer: error.to_string() };
    let mut subscriber = subscriber.map_err(refused)?;
    let count = ready.len();
    let follow = tokio::spawn(async move {
        let mut arrived = HashMap::new();
        while arrived.len() < count {
            let Ok(Ok(data)) = tokio::time::timeout(PATIENCE, subscriber.next()).await else { break };
            let event = &data["events"];
            if event["type"] == "message.created"
                && let Some(id) = event["message"]["externalId"].as_str()
            {
                arrived.insert(id.to_owned(), Instant::now());
            }
        }
        arrived
    });
    let sent = open_loop(address, ready, PACE).await?;
    latency("frame", &sent, &follow.await.unwrap_or_default())
}

/// T5 without its memory.
///
/// # Errors
/// A socket or the load is refused, or a frame does not arrive.
pub async fn many(
    target: &Target,
    client: &Client,
    bodies: &mut Bodies,
    crowds: Crowds,
    seconds: usize,
) -> Result<Audited, SimulatorError> {
    let mut one = Audience::gather(target, 1, FOLLOW, &client.head().await?).await?;
    let statements_one = statements(target, client, bodies, (&mut one, 1), seconds).await?;
    drop(one);

    let mut all = Audience::gather(target, crowds.following, FOLLOW, &client.head().await?).await?;
    let statements_all = statements(target, client, bodies, (&mut all, crowds.following), seconds).await?;

    let (came, _) = all.came().await?;
    let first = seq(&client.head().await?);
    let (address, ready) = bodies.take(seconds * 50);
    let begun = Instant::now();
    complete(closed_loop(&address, Arc::new(ready), LONG).await?)?;
    let frames = (seq(&client.head().await?) - first) * crowds.following;
    let took = all.until(came + frames, LONG).await?.duration_since(begun);
    #[expect(clippy::cast_precision_loss, reason = "no run has so many frames")]
    let frames = frames as f64 / took.as_secs_f64();
    Ok(Audited { subscribers: crowds.following, frames, statements_one, statements_all })
}

/// T5's memory, of a fresh server: memory that a load has freed would be used again, and hide the cost.
///
/// # Errors
/// A socket is refused.
pub async fn idle(server: &Server, target: &Target, crowds: Crowds) -> Result<Idle, SimulatorError> {
    let head = Client::new(target)?.head().await?;
    // The first socket pays for structures that all sockets share.
    let _first = Audience::gather(target, 1, FOLLOW, &head).await?;
    let before = resident(server).await;
    let _some = Audience::gather(target, crowds.following, FOLLOW, &head).await?;
    let with_some = resident(server).await;
    let _more = Audience::gather(target, crowds.idle, FOLLOW, &head).await?;
    let with_more = resident(server).await;
    let most = crowds.following + crowds.idle;
    #[expect(clippy::cast_precision_loss, reason = "no run has so many sockets")]
    let each = |memory: f64, sockets: usize| memory / (sockets as f64).max(1.0);
    Ok(Idle {
        subscribers: crowds.following,
        kib: each(with_some - before, crowds.following),
        most,
        most_kib: each(with_more - before, most),
    })
}

/// Database transactions for each event of the log, at 100 requests a second, while these subscribers get every event.
async fn statements(
    target: &Target,
    client: &Client,
    bodies: &mut Bodies,
    (audience, sockets): (&mut Audience, usize),
    seconds: usize,
) -> Result<f64, SimulatorError> {
    tokio::time::sleep(COUNTED).await;
    let (before, first) = (transactions(target).await?, seq(&client.head().await?));
    let (came, _) = audience.came().await?;
    let (address, ready) = bodies.take(seconds * 100);
    open_loop(&address, ready, PACE).await?;
    let entries = seq(&client.head().await?) - first;
    audience.until(came + entries * sockets, LONG).await?;
    tokio::time::sleep(COUNTED).await;
    #[expect(clippy::cast_precision_loss, reason = "no run has so many statements")]
    Ok((transactions(target).await? - before) as f64 / (entries as f64).max(1.0))
}

async fn transactions(target: &Target) -> Result<u64, SimulatorError> {
    const COUNT: &str = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()";
    let said = psql(&target.database_url, COUNT).await?;
    said.trim().parse().map_err(|_| SimulatorError::Program { program: "psql".into(), said })
}

/// The server's resident memory in KiB, once it is stable.
async fn resident(server: &Server) -> f64 {
    let mut last = 0;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = server.resident_kib().unwrap_or(0);
        if now.abs_diff(last) <= now / 200 {
            #[expect(clippy::cast_precision_loss, reason = "no server has so much memory")]
            return now as f64;
        }
        last = now;
    }
}

fn seq(cursor: &str) -> usize {
    cursor.split_once('-').and_then(|(_, seq)| seq.parse().ok()).unwrap_or(0)
}
