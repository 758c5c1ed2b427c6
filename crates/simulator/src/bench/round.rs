//! One round: a fresh server, its limits, then each target in turn.

use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{
    bodies::Bodies,
    drive::{self, closed_loop, open_loop},
    limits::{self, Limits},
    live::{self, Audited, Crowds, Idle},
};
use crate::{
    SimulatorError, clock,
    doors::Doors,
    graphql::Client,
    ledger::quantile,
    output::say,
    server::Server,
    sink::{Ill, Sink},
    target::Target,
};

/// The most requests that are built ahead for a second of a closed loop.
const AHEAD: usize = 15_000;
/// Posts a second of an open loop (T3, T4).
pub(super) const PACE: f64 = 100.0;
/// How long the last webhook or frame is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// So many sockets may one key have here.
const MANY: [(&str, &str); 2] = [("INLET_MAX_LIVE", "100000"), ("INLET_MAX_LIVE_EACH", "100000")];

/// A latency in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Latency {
    /// Half are faster.
    pub p50: f64,
    /// 99 of 100 are faster.
    pub p99: f64,
}

/// What a round came to.
#[derive(Debug, Clone, Serialize)]
pub struct Round {
    /// The limits.
    pub limits: Limits,
    /// Acknowledged a second.
    pub t1: f64,
    /// Received and verified a second.
    pub t2: f64,
    /// Acknowledged a second during T2.
    pub t2_acknowledged: f64,
    /// From POST to webhook.
    pub t3: Latency,
    /// From POST to frame; none where no subscription could be had.
    pub t4: Option<Latency>,
    /// Many subscribers; none where none were wanted.
    pub t5: Option<Audited>,
    /// The memory of idle ones.
    pub idle: Option<Idle>,
    /// From POST to webhook at a receiver that is well: alone, and beside five that are not (P9).
    pub p9: (Latency, Latency),
    /// The server's resident memory in MiB: before any load, and the most during T2.
    pub memory: (f64, f64),
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limits: Limits { c32, c1, l1_ms }, t1, t2, t3, .. } = self;
        write!(
            f,
            "  C32 {c32:.0}/s  C1 {c1:.0}/s  L1 {l1_ms:.3} ms  T1 {t1:.0}/s  T2 {t2:.0}/s  T3 {:.2} / {:.2} ms",
            t3.p50, t3.p99
        )
    }
}

/// Measures a round on a fresh folder under `out`.
///
/// # Errors
/// Where a program is missing, or the server refuses something.
pub async fn measure(
    binary: &Path,
    out: &Path,
    number: usize,
    seconds: u64,
    crowds: Crowds,
) -> Result<Round, SimulatorError> {
    let folder = fresh(out, number)?;
    let server = Server::start_with(binary, &folder, &MANY).await?;
    let measured = measure_on(&server, &folder, out, (number, crowds), seconds).await;
    server.stop().await?;
    let measured = match measured {
        Ok(round) if crowds.following > 0 => {
            let folder = fresh(out, number)?;
            let server = Server::start_with(binary, &folder, &MANY).await?;
            let idle = live::idle(&server, &Target::find(&folder).await?, crowds).await;
            server.stop().await?;
            idle.map(|idle| Round { idle: Some(idle), ..round })
        }
        measured => measured,
    };
    // What was measured is worth more than the disk that stays taken.
    let _ = std::fs::remove_dir_all(&folder);
    measured
}

/// The data folder of a round, without anything in it.
fn fresh(out: &Path, number: usize) -> Result<PathBuf, SimulatorError> {
    let folder = out.join(format!("data-{number}"));
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(SimulatorError::io(folder.display().to_string()))?;
    }
    Ok(folder)
}

async fn measure_on(
    server: &Server,
    folder: &Path,
    out: &Path,
    (number, crowds): (usize, Crowds),
    seconds: u64,
) -> Result<Round, SimulatorError> {
    let target = Target::find(folder).await?;
    let idle = mebibytes(server);
    let limits = limits::measure(&target.database_url, out, seconds).await?;
    let client = Client::new(&target)?;
    let mut bodies = Bodies::new(Doors::of(&target)?, clock::now(), number as u64);
    let limit = Duration::from_secs(seconds);
    let ahead = AHEAD * usize::try_from(seconds).unwrap_or(1);

    let (address, warm) = bodies.take(2_000);
    closed_loop(&address, Arc::new(warm), limit).await?;
    let (_, ready) = bodies.take(ahead);
    let first = complete(closed_loop(&address, Arc::new(ready), limit).await?)?;

    let sink = Sink::start().await.map_err(SimulatorError::io("the sink"))?;
    let (webhook, secret) = client.register_webhook("bench", sink.url(), Some(&["message.created"])).await?;
    sink.trust(secret);
    let (_, ready) = bodies.take(ahead);
    let (second, t2, most) = delivered(server, &sink, &address, ready, limit).await?;

    let t3 = webhooks(&sink, &address, &mut bodies, seconds).await?;

    let (_, ready) = bodies.take(usize::try_from(seconds).unwrap_or(1) * 100);
    let t4 = live::soon(&target, &client, &address, ready).await?;
    let p9 = bulkheads(&client, &sink, &address, &mut bodies, seconds).await?;
    // T5 is about subscribers alone.
    client.delete_webhook(&webhook).await?;
    let seconds = usize::try_from(seconds).unwrap_or(1);
    let t5 = match crowds.following {
        0 => None,
        _ => Some(live::many(&target, &client, &mut bodies, crowds, seconds).await?),
    };
    Ok(Round {
        limits,
        t1: first.rate(),
        t2,
        t2_acknowledged: second.rate(),
        t3,
        t4,
        p9,
        t5,
        idle: None,
        memory: (idle, most),
    })
}

#[expect(clippy::cast_precision_loss, reason = "no server has so much memory")]
fn mebibytes(server: &Server) -> f64 {
    server.resident_kib().unwrap_or(0) as f64 / 1_024.0
}

/// A load of which nothing was refused.
///
/// # Errors
/// Where something was.
pub(super) fn complete(driven: drive::Driven) -> Result<drive::Driven, SimulatorError> {
    if driven.other == 0 && driven.accepted > 0 {
        return Ok(driven);
    }
    let answer = format!("{} posts as it should, {} otherwise", driven.accepted, driven.other);
    Err(SimulatorError::Refused { what: "the load".into(), answer })
}

/// T2: the load with the sink beside it. Gives the load, verified webhooks a second until the last one, and the most
/// memory seen.
async fn delivered(
    server: &Server,
    sink: &Sink,
    address: &str,
    ready: Vec<super::bodies::Ready>,
    limit: Duration,
) -> Result<(drive::Driven, f64, f64), SimulatorError> {
    let begun = Instant::now();
    let most = std::cell::Cell::new(0.0_f64);
    let watch = async {
        loop {
            most.set(most.get().max(mebibytes(server)));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let load = async {
        let driven = complete(closed_loop(address, Arc::new(ready), limit).await?)?;
        let came = sink.wait_for(driven.accepted, PATIENCE).await;
        Ok::<_, SimulatorError>((driven, came))
    };
    let (driven, came) = tokio::select! {
        done = load => done?,
        () = watch => return Err(SimulatorError::Refused { what: "the load".into(), answer: "nothing".into() }),
    };
    if came < driven.accepted {
        say(format!("  {} webhooks of {} did not come within {PATIENCE:?}", driven.accepted - came, driven.accepted));
    }
    let last = sink.received().into_values().map(|one| one.arrived).max().unwrap_or(begun);
    #[expect(clippy::cast_precision_loss, reason = "no run has so many posts")]
    let rate = came as f64 / last.duration_since(begun).as_secs_f64().max(1e-9);
    Ok((driven, rate, most.get()))
}

/// T3: from POST to webhook.
async fn webhooks(sink: &Sink, address: &str, bodies: &mut Bodies, seconds: u64) -> Result<Latency, SimulatorError> {
    let known = sink.tally().received;
    let (_, ready) = bodies.take(usize::try_from(seconds).unwrap_or(1) * 100);
    let count = ready.len();
    let sent = open_loop(address, ready, PACE).await?;
    sink.wait_for(known + count, PATIENCE).await;
    let arrived = sink.received().into_values().filter_map(|one| Some((one.external_id?, one.arrived))).collect();
    latency("webhook", &sent, &arrived)
}

/// P9: the same alone, and beside receivers that hang, drip, refuse, flood and unfold.
async fn bulkheads(
    client: &Client,
    sink: &Sink,
    address: &str,
    bodies: &mut Bodies,
    seconds: u64,
) -> Result<(Latency, Latency), SimulatorError> {
    let alone = webhooks(sink, address, bodies, seconds).await?;
    let (mut ill, mut registered) = (Vec::new(), Vec::new());
    for kind in Ill::ALL {
        let one = kind.start().await.map_err(SimulatorError::io("a receiver that is not well"))?;
        let (id, _) = client.register_webhook(&format!("{kind:?}"), &one.url, Some(&["message.created"])).await?;
        registered.push(id);
        ill.push(one);
    }
    let beside = webhooks(sink, address, bodies, seconds).await?;
    for id in registered {
        client.delete_webhook(&id).await?;
    }
    Ok((alone, beside))
}

/// The latency of what was sent and arrived.
///
/// # Errors
/// Where something did not arrive.
pub(super) fn latency(
    what: &str,
    sent: &HashMap<String, Instant>,
    arrived: &HashMap<String, Instant>,
) -> Result<Latency, SimulatorError> {
    let mut times: Vec<_> = sent.iter().filter_map(|(id, at)| arrived.get(id)?.checked_duration_since(*at)).collect();
    times.sort_unstable();
    if times.len() < sent.len() || times.is_empty() {
        let answer = format!("a {what} for {} of {} posts only", times.len(), sent.len());
        return Err(SimulatorError::Refused { what: "the load".into(), answer });
    }
    let at = |share| quantile(&times, share).copied().unwrap_or_default().as_secs_f64() * 1_000.0;
    Ok(Latency { p50: at(0.5), p99: at(0.99) })
}
