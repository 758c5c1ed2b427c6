//! The load of the targets: a closed loop over 64 connections for a rate, an open loop at 100 a second for a latency.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::bodies::Ready;
use crate::{SimulatorError, wire::Wire};

/// Connections of a closed loop.
const CONNECTIONS: usize = 64;

/// The result of a closed loop.
#[derive(Debug, Clone, Copy)]
pub struct Driven {
    /// Posts that were answered 200 with outcome accepted.
    pub accepted: usize,
    /// Posts with another answer.
    pub other: usize,
    /// From the first byte sent to the last answer.
    pub took: Duration,
}

impl Driven {
    /// Accepted posts a second.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "no run has so many posts")]
    pub fn rate(&self) -> f64 {
        self.accepted as f64 / self.took.as_secs_f64().max(1e-9)
    }
}

/// Posts `requests` as fast as they are answered, until they are used up or `limit` is over.
///
/// # Errors
/// A connection breaks.
pub async fn closed_loop(address: &str, requests: Arc<Vec<Ready>>, limit: Duration) -> Result<Driven, SimulatorError> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut wires = Vec::new();
    for _ in 0..CONNECTIONS {
        wires.push(Wire::open(address).await.map_err(SimulatorError::io("connecting"))?);
    }
    let begun = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for mut wire in wires {
        let (requests, next) = (requests.clone(), next.clone());
        workers.spawn(async move {
            let (mut accepted, mut other) = (0, 0);
            while begun.elapsed() < limit {
                let Some(ready) = requests.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                if is_accepted(&wire.exchange(&ready.request).await?) { accepted += 1 } else { other += 1 }
            }
            Ok::<_, io::Error>((accepted, other))
        });
    }
    let mut driven = Driven { accepted: 0, other: 0, took: Duration::ZERO };
    while let Some(worker) = workers.join_next().await {
        let (accepted, other) = worker.map_err(io::Error::other).flatten().map_err(SimulatorError::io("posting"))?;
        driven.accepted += accepted;
        driven.other += other;
    }
    driven.took = begun.elapsed();
    Ok(driven)
}

fn is_accepted(answer: &crate::wire::Message) -> bool {
    const OUTCOME: &[u8] = b"\"outcome\":\"accepted\"";
    answer.status() == 200 && answer.body.windows(OUTCOME.len()).any(|part| part == OUTCOME)
}

/// Posts `requests` at `rate` a second without waiting for answers. Returns the send time of each message id.
///
/// # Errors
/// A connection breaks, or a post is not accepted.
pub async fn open_loop(
    address: &str,
    requests: Vec<Ready>,
    rate: f64,
) -> Result<HashMap<String, Instant>, SimulatorError> {
    let (give, take) = tokio::sync::mpsc::channel::<Ready>(requests.len().max(1));
    let take = Arc::new(tokio::sync::Mutex::new(take));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let mut wire = Wire::open(address).await.map_err(SimulatorError::io("connecting"))?;
        let take = take.clone();
        workers.spawn(async move {
            let mut sent = Vec::new();
            loop {
                let Some(ready) = take.lock().await.recv().await else { return Ok(sent) };
                let at = Instant::now();
                let answer = wire.exchange(&ready.request).await?;
                if !is_accepted(&answer) {
                    return Err(io::Error::other(format!("{} {:?}", answer.start(), answer.body)));
                }
                sent.push((ready.id, at));
            }
        });
    }
    let begun = tokio::time::Instant::now();
    for (number, ready) in requests.into_iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "no run has so many posts")]
        tokio::time::sleep_until(begun + Duration::from_secs_f64(number as f64 / rate)).await;
        if give.send(ready).await.is_err() {
            break;
        }
    }
    drop(give);
    let mut sent = HashMap::new();
    while let Some(worker) = workers.join_next().await {
        sent.extend(worker.map_err(io::Error::other).flatten().map_err(SimulatorError::io("posting"))?);
    }
    Ok(sent)
}
