//! `inlet simulate`: a crowd of providers, a webhook sink, and afterwards the comparison of what was acknowledged with
//! what stands.

mod kill;

use std::{
    collections::HashMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use tokio::sync::watch;

use crate::{
    SimulatorError,
    chaos::{Chaos, Fault, Post},
    check::{self, Difference, Entry, Standing},
    clock,
    graphql::Client,
    ledger::Ledger,
    load::{self, Book, Doors, Pace, Progress},
    output::say,
    programs,
    provider::crowd::Crowd,
    report::Report,
    server::Server,
    sink::{Behaviour, Sink},
    target::Target,
};

/// Plays every provider against a server, then checks that everything it acknowledged stands exactly once.
#[derive(Debug, Clone, clap::Args)]
pub struct SimulateArgs {
    /// The data folder of the running server; its dev.json tells where to post.
    #[arg(long, env = "INLET_DATA_DIR", default_value = "./.inlet")]
    pub data_dir: PathBuf,
    /// Events a second.
    #[arg(long, env = "INLET_SIMULATE_RATE", default_value_t = 100.0)]
    pub rate: f64,
    /// How many events in all.
    #[arg(long, env = "INLET_SIMULATE_EVENTS", conflicts_with = "duration")]
    pub events: Option<usize>,
    /// For how many seconds, instead of a number of events.
    #[arg(long, env = "INLET_SIMULATE_DURATION", value_name = "SECONDS")]
    pub duration: Option<f64>,
    /// Repeats, reordering, concurrent repeats, dropped connections, a sink that fails.
    #[arg(long, env = "INLET_SIMULATE_CHAOS")]
    pub chaos: bool,
    /// The same seed gives the same events.
    #[arg(long, env = "INLET_SIMULATE_SEED", default_value_t = 1)]
    pub seed: u64,
    /// A word that goes into every id, so that a second run with the same seed is not a repeat of the first. Default:
    /// from the time.
    #[arg(long, env = "INLET_SIMULATE_RUN")]
    pub run: Option<String>,
    /// Connections held open to the server.
    #[arg(long, env = "INLET_SIMULATE_CONNECTIONS", default_value_t = 64)]
    pub connections: usize,
    /// Write the report here as JSON too.
    #[arg(long, env = "INLET_SIMULATE_REPORT", value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// How many seconds to wait, after the last event, for the last webhook.
    #[arg(long, env = "INLET_SIMULATE_SETTLE", value_name = "SECONDS", default_value_t = 180)]
    pub settle: u64,
    /// Start `inlet dev` itself on the data folder, kill it with -9 this many times during the run, and start it again
    /// each time.
    #[arg(long, env = "INLET_SIMULATE_KILLS", value_name = "TIMES", default_value_t = 0)]
    pub kills: u32,
    /// The binary that `--kills` starts. Default: this one.
    #[arg(long, env = "INLET_SIMULATE_SERVER", value_name = "FILE")]
    pub server: Option<PathBuf>,
}

/// Plays the providers, then compares.
///
/// # Errors
/// Where no server is found, or what stands differs from what was acknowledged.
pub async fn simulate(args: SimulateArgs) -> Result<(), SimulatorError> {
    let mut server = None;
    if args.kills > 0 {
        let own = std::env::current_exe().map_err(SimulatorError::io("the path of this program"))?;
        server = Some(Server::start(args.server.as_ref().unwrap_or(&own), &args.data_dir).await?);
    }
    let outcome = play(&args, server.as_mut()).await;
    if let Some(server) = server {
        server.stop().await?;
    }
    let report = outcome?;
    say(report.text());
    if let Some(path) = &args.report {
        let text = serde_json::to_string_pretty(&report).map_err(SimulatorError::shape("the report"))?;
        std::fs::write(path, text).map_err(SimulatorError::io(path.display().to_string()))?;
    }
    match report.differences.len() {
        0 => Ok(()),
        count => Err(SimulatorError::Differences { count }),
    }
}

async fn play(args: &SimulateArgs, server: Option<&mut Server>) -> Result<Report, SimulatorError> {
    let now = clock::now();
    let run = args.run.clone().unwrap_or_else(|| format!("{:x}", now.timestamp()));
    let target = Target::find(&args.data_dir).await?;
    let client = Client::new(&target)?;
    let sink = Sink::start().await.map_err(SimulatorError::io("the sink"))?;
    if args.chaos {
        sink.behave(Behaviour::FailFirst(100));
    }
    let (webhook, secret) = client.register_webhook(&format!("simulate-{run}"), sink.url(), None).await?;
    sink.trust(secret);
    let head = client.head().await?;
    let settings = settings(&target).await;
    let asking = Asking { client: &client, head: &head, run: &run };

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of events")]
    let count = args.events.unwrap_or_else(|| (args.rate * args.duration.unwrap_or(30.0)).max(1.0) as usize);
    let crowd = Crowd::new(args.seed, &run, now - TimeDelta::days(1)).take(count);
    let posts: Box<dyn Iterator<Item = Post> + Send> = if args.chaos {
        Box::new(Chaos::new(crowd, args.seed))
    } else {
        Box::new(crowd.map(|event| Post { event, fault: Fault::None }))
    };
    let (book, doors) = (Book::default(), Doors::of(&target)?);
    let progress = Progress::default();
    let pace = Pace { rate: args.rate, connections: args.connections, give_up: Duration::from_secs(120) };
    say(format!("posting {count} events at {}/s to {}", args.rate, target.url));
    let bar = bar(count, progress.done.subscribe());
    let begun = Instant::now();
    let killing = async {
        match server {
            Some(server) => kill::on_the_way(server, args.kills, count, &progress, &book, &asking).await,
            None => Ok(Vec::new()),
        }
    };
    let ((), kills) = tokio::join!(load::run(&doors, posts, pace, &book, &progress), killing);
    let seconds = begun.elapsed().as_secs_f64();
    drop(progress);
    let _ = bar.await;

    let (log, delivered) = settle(&asking, &sink, Duration::from_secs(args.settle)).await?;
    let standing = Standing::ask(&client, log, delivered).await?;
    let ledger = book.open().clone();
    let mut report = Report { settings, ..Report::of(&ledger, sink.tally(), seconds) };
    report.log_entries = standing.log.len();
    report.differences = differences(&run, &ledger, &standing, &report, args.kills > 0);
    for (kill, differences) in kills? {
        report.kills.push(kill);
        report.differences.extend(differences);
    }
    if let Err(error) = client.delete_webhook(&webhook).await {
        tracing::warn!(%error, "the simulator's webhook stays behind");
    }
    Ok(Report { seed: args.seed, run, chaos: args.chaos, ..report })
}

/// Everything that is not as it must be at the end of a run.
fn differences(run: &str, ledger: &Ledger, standing: &Standing, report: &Report, durable: bool) -> Vec<Difference> {
    let mut found = check::compare(run, &ledger.model, standing);
    found.extend(ledger.refused.iter().map(|what| Difference { kind: "refused", what: what.clone() }));
    if ledger.given_up > 0 {
        found.push(Difference { kind: "given_up", what: format!("{} posts", ledger.given_up) });
    }
    for (why, times) in &report.webhooks_refused {
        found.push(Difference { kind: "webhook_refused", what: format!("{times} times: {why}") });
    }
    if durable && report.settings.iter().any(|(_, value)| value != "on") {
        found.push(Difference { kind: "not_durable", what: format!("{:?}", report.settings) });
    }
    found
}

/// What durability hangs on. psql may be missing: then that is told instead.
async fn settings(target: &Target) -> Vec<(String, String)> {
    let mut settings = Vec::new();
    for name in ["fsync", "synchronous_commit"] {
        let value = programs::psql(&target.database_url, &format!("SHOW {name}")).await;
        settings.push((name.to_owned(), value.unwrap_or_else(|error| format!("unknown ({error})"))));
    }
    settings
}

/// Shows how far the run came until the count's sender is gone.
fn bar(total: usize, mut progress: watch::Receiver<usize>) -> tokio::task::JoinHandle<()> {
    let bar = indicatif::ProgressBar::new(total as u64);
    tokio::spawn(async move {
        while progress.changed().await.is_ok() {
            let done = *progress.borrow_and_update() as u64;
            // Repeats come on top of the events.
            bar.set_length(done.max(total as u64));
            bar.set_position(done);
        }
        bar.finish_and_clear();
    })
}

/// How the log of a run is asked for.
struct Asking<'a> {
    client: &'a Client,
    head: &'a str,
    run: &'a str,
}

impl Asking<'_> {
    async fn log_after(&self, cursor: &str) -> Result<(Vec<Entry>, String), SimulatorError> {
        self.client.events_after(cursor, |event| Entry::read(self.run, event)).await
    }
}

/// Waits until every entry of the log is at the sink, or nothing new came for `patience`.
async fn settle(
    asking: &Asking<'_>,
    sink: &Sink,
    patience: Duration,
) -> Result<(Vec<Entry>, HashMap<String, u32>), SimulatorError> {
    let (mut log, mut end) = asking.log_after(asking.head).await?;
    loop {
        let must = log.iter().filter(|event| check::is_sent(event)).count();
        let came = sink.wait_for(must, patience).await;
        let (more, later) = asking.log_after(&end).await?;
        if came < must || more.is_empty() {
            let delivered = sink.received().into_values().map(|one| (one.event, one.times)).collect();
            return Ok((log, delivered));
        }
        log.extend(more);
        end = later;
    }
}
