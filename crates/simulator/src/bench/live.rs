//! T4 and T5: how soon a frame comes, how many come, what they cost the database, and what an idle subscriber costs.

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

/// What a dashboard follows (TARGETS.md, T4 and T5).
const FOLLOW: &str =
    "subscription Follow($after: Cursor) { events(after: $after) { __typename ... on Event { id cursor type
    conversation { id status lastMessageAt } message { id direction content externalId status }
    contact { id name phone } } ... on Reset { reason cursor } } }";

/// After so long Postgres has counted what idle connections did.
const COUNTED: Duration = Duration::from_secs(12);

/// How long the most frames may take.
const LONG: Duration = Duration::from_secs(300);

/// How many subscribers there are.
#[derive(Debug, Clone, Copy)]
pub struct Crowds {
    /// Who are sent everything.
    pub following: usize,
    /// Who are sent nothing.
    pub idle: usize,
}

/// What T5 came to.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Audited {
    /// Subscribers who were sent every event.
    pub subscribers: usize,
    /// Frames a second at all of them together.
    pub frames: f64,
    /// Transactions in the database for each event of the log, with one subscriber. A statement outside of a
    /// transaction counts as one; so do those of the load and of the server's own rounds.
    pub statements_one: f64,
    /// The same with all of them.
    pub statements_all: f64,
}

/// What idle subscribers cost.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Idle {
    /// So many sockets, each with one subscription.
    pub subscribers: usize,
    /// Resident memory that each takes of the server, in KiB.
    pub kib: f64,
    /// More of them.
    pub most: usize,
    /// What each takes then.
    pub most_kib: f64,
}

/// T4: from POST to the frame at one subscriber.
///
/// # Errors
/// Where the load is refused or a frame does not come.
pub async fn soon(
    target: &Target,
    client: &Client,
    address: &str,
    ready: Vec<Ready>,
) -> Result<Latency, SimulatorError> {
    // From a cursor, so that nothing is missed between asking and being followed.
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

/// T5, but for its memory.
///
/// # Errors
/// Where a socket or the load is refused, or a frame does not come.
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

/// T5's memory, of a server that has done nothing yet: what a load left behind would be used again, and hide it.
///
/// # Errors
/// Where a socket is refused.
pub async fn idle(server: &Server, target: &Target, crowds: Crowds) -> Result<Idle, SimulatorError> {
    let head = Client::new(target)?.head().await?;
    // What the first of all makes is for all.
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

/// The transactions in the database for each event of the log, at 100 requests a second, while these subscribers are sent
/// every event.
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

/// The server's resident memory in KiB when it does not move any more.
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
