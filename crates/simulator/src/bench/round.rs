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
    statements::{self, Spoken},
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

/// The most prepared requests for a second of a closed loop.
const AHEAD: usize = 15_000;
/// Requests before the first measurement.
pub(super) const WARM: usize = 2_000;
/// Posts a second of an open loop (T3, T4).
pub(super) const PACE: f64 = 100.0;
/// How long to wait for the last webhook or frame.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Lets one key open as many sockets as T5 needs.
const MANY: [(&str, &str); 2] = [("INLET_MAX_LIVE", "100000"), ("INLET_MAX_LIVE_EACH", "100000")];

/// A part of the measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Acknowledged requests a second.
    T1,
    /// Received webhooks a second, with the memory of the server (T9).
    T2,
    /// Latency from POST to webhook.
    T3,
    /// Latency from POST to frame.
    T4,
    /// Many subscribers, and the memory of idle ones.
    T5,
    /// Statements for each event.
    T8,
    /// One receiver beside five ill ones.
    P9,
}

/// The selected parts, and the duration of each.
#[derive(Debug)]
pub struct Wanted {
    /// Empty means all parts.
    pub only: Vec<Part>,
    /// Seconds for each part.
    pub seconds: u64,
}

impl Wanted {
    fn has(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

/// A latency in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Latency {
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
}

/// The results of a round.
#[derive(Debug, Clone, Serialize)]
pub struct Round {
    /// The limits.
    pub limits: Limits,
    /// Acknowledged requests a second.
    pub t1: Option<f64>,
    /// The rates with one webhook.
    pub t2: Option<Delivered>,
    /// From POST to webhook.
    pub t3: Option<Latency>,
    /// From POST to frame.
    pub t4: Option<Latency>,
    /// Many subscribers.
    pub t5: Option<Audited>,
    /// The memory of idle subscribers.
    pub idle: Option<Idle>,
    /// Statements under T2's load.
    pub t8: Option<Spoken>,
    /// From POST to webhook at a healthy receiver: alone, and beside five ill ones.
    pub p9: Option<(Latency, Latency)>,
    /// The server's resident memory in MiB before any load.
    pub idle_mib: f64,
}

/// The result of T2.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Delivered {
    /// Received and verified webhooks a second.
    pub received: f64,
    /// Acknowledged requests a second during the load.
    pub acknowledged: f64,
    /// The server's most resident memory during the load, in MiB.
    pub mib: f64,
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Limits { c32, c1, l1_ms } = self.limits;
        write!(f, "  C32 {c32:.0}/s  C1 {c1:.0}/s  L1 {l1_ms:.3} ms")?;
        let rates = [("T1", self.t1), ("T2", self.t2.map(|it| it.received))];
        for (name, rate) in rates.into_iter().filter_map(|(name, rate)| Some((name, rate?))) {
            write!(f, "  {name} {rate:.0}/s")?;
        }
        let latencies = [("T3", self.t3), ("T4", self.t4)];
        for (name, Latency { p50, p99 }) in latencies.into_iter().filter_map(|(name, it)| Some((name, it?))) {
            write!(f, "  {name} {p50:.2} / {p99:.2} ms")?;
        }
        Ok(())
    }
}

/// Measures a round on a fresh folder under `out`.
///
/// # Errors
/// A program is missing, or the server refuses a request.
pub async fn measure(
    binary: &Path,
    out: &Path,
    number: usize,
    wanted: &Wanted,
    crowds: Crowds,
) -> Result<Round, SimulatorError> {
    let folder = fresh(out, number)?;
    let server = Server::start_with(binary, &folder, &MANY).await?;
    let measured = measure_on(&server, &folder, out, (number, crowds), wanted).await;
    server.stop().await?;
    let mut round = measured?;
    if wanted.has(Part::T5) {
        let folder = fresh(out, number)?;
        let server = Server::start_with(binary, &folder, &MANY).await?;
        let idle = live::idle(&server, &Target::find(&folder).await?, crowds).await;
        server.stop().await?;
        round.idle = Some(idle?);
    }
    if wanted.has(Part::T8) {
        let folder = fresh(out, number)?;
        round.t8 = statements::measure(binary, &folder, out, number, wanted.seconds).await?;
    }
    // The results are worth more than the disk space.
    let _ = std::fs::remove_dir_all(&folder);
    Ok(round)
}

/// The empty data folder of a round.
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
    wanted: &Wanted,
) -> Result<Round, SimulatorError> {
    let target = Target::find(folder).await?;
    let idle_mib = mebibytes(server);
    let limits = limits::measure(&target.database_url, out, wanted.seconds).await?;
    let mut round =
        Round { limits, t1: None, t2: None, t3: None, t4: None, t5: None, idle: None, t8: None, p9: None, idle_mib };
    let client = Client::new(&target)?;
    let mut bodies = Bodies::new(Doors::of(&target)?, clock::now(), number as u64);
    let limit = Duration::from_secs(wanted.seconds);
    let seconds = usize::try_from(wanted.seconds).unwrap_or(1);

    let (address, warm) = bodies.take(WARM);
    closed_loop(&address, Arc::new(warm), limit).await?;
    if wanted.has(Part::T1) {
        let (_, ready) = bodies.take(AHEAD * seconds);
        round.t1 = Some(complete(closed_loop(&address, Arc::new(ready), limit).await?)?.rate());
    }
    let sink = Sink::start().await.map_err(SimulatorError::io("the sink"))?;
    let (webhook, secret) = client.register_webhook("bench", sink.url(), Some(&["message.created"])).await?;
    sink.trust(secret);
    if wanted.has(Part::T2) {
        let (_, ready) = bodies.take(AHEAD * seconds);
        round.t2 = Some(delivered(server, &sink, &address, ready, limit).await?);
    }
    if wanted.has(Part::T3) {
        round.t3 = Some(webhooks(&sink, &address, &mut bodies, seconds).await?);
    }
    if wanted.has(Part::T4) {
        let (_, ready) = bodies.take(seconds * 100);
        round.t4 = Some(live::soon(&target, &client, &address, ready).await?);
    }
    if wanted.has(Part::P9) {
        round.p9 = Some(bulkheads(&client, &sink, &address, &mut bodies, seconds).await?);
    }
    // T5 measures only subscribers.
    client.delete_webhook(&webhook).await?;
    if wanted.has(Part::T5) {
        round.t5 = Some(live::many(&target, &client, &mut bodies, crowds, seconds).await?);
    }
    Ok(round)
}

#[expect(clippy::cast_precision_loss, reason = "no server has so much memory")]
fn mebibytes(server: &Server) -> f64 {
    server.resident_kib().unwrap_or(0) as f64 / 1_024.0
}

/// The result of a load without refusals.
///
/// # Errors
/// A post was refused.
pub(super) fn complete(driven: drive::Driven) -> Result<drive::Driven, SimulatorError> {
    if driven.other == 0 && driven.accepted > 0 {
        return Ok(driven);
    }
    let answer = format!("{} posts as it should, {} otherwise", driven.accepted, driven.other);
    Err(SimulatorError::Refused { what: "the load".into(), answer })
}

/// T2: the load and the sink. Counts until the last webhook.
async fn delivered(
    server: &Server,
    sink: &Sink,
    address: &str,
    ready: Vec<super::bodies::Ready>,
    limit: Duration,
) -> Result<Delivered, SimulatorError> {
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
    Ok(Delivered { received: rate, acknowledged: driven.rate(), mib: most.get() })
}

/// T3: from POST to webhook.
async fn webhooks(sink: &Sink, address: &str, bodies: &mut Bodies, seconds: usize) -> Result<Latency, SimulatorError> {
    let known = sink.tally().received;
    let (_, ready) = bodies.take(seconds * 100);
    let count = ready.len();
    let sent = open_loop(address, ready, PACE).await?;
    sink.wait_for(known + count, PATIENCE).await;
    let arrived = sink.received().into_values().filter_map(|one| Some((one.external_id?, one.arrived))).collect();
    latency("webhook", &sent, &arrived)
}

/// P9: T3 alone, and beside receivers that hang, drip, refuse, flood and decompress.
async fn bulkheads(
    client: &Client,
    sink: &Sink,
    address: &str,
    bodies: &mut Bodies,
    seconds: usize,
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

/// The latency between sending and arrival.
///
/// # Errors
/// An item did not arrive.
pub(crate) fn latency(
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
