//! `inlet simulate`: a crowd of providers, a webhook sink, and then the comparison of everything that was acknowledged
//! with the state of the server.

mod fleet;
mod kill;

use std::{
    collections::HashMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use tokio::sync::watch;

use self::fleet::Fleet;
use crate::{
    SimulatorError,
    chaos::{Chaos, Post},
    check::{self, Difference, Entry, Extent, Standing},
    clock,
    doors::Doors,
    graphql::Client,
    ledger::Ledger,
    load::{self, Book, Pace, Progress},
    output::say,
    programs,
    provider::crowd::Crowd,
    report::Report,
    sink::{Behaviour, Sink},
    target::Target,
};

/// Play every provider against a server, then check that everything it acknowledged exists exactly once.
#[derive(Debug, Clone, clap::Args)]
pub struct SimulateArgs {
    /// The data folder of the running server, with its dev.json. With `--chaos` or `--kills` the command starts the
    /// server if none runs.
    #[arg(long, env = "INLET_DATA_DIR", default_value = "./.inlet")]
    pub data_dir: PathBuf,
    /// Events a second. Default: 100; with `--chaos`, as fast as they are answered; with `--watch`, 200.
    #[arg(long, env = "INLET_SIMULATE_RATE")]
    pub rate: Option<f64>,
    /// The number of events.
    #[arg(long, env = "INLET_SIMULATE_EVENTS", conflicts_with = "duration")]
    pub events: Option<usize>,
    /// The duration in seconds, instead of a number of events.
    #[arg(long, alias = "seconds", env = "INLET_SIMULATE_DURATION", value_name = "SECONDS")]
    pub duration: Option<f64>,
    /// Add repeats, reordering, concurrent repeats, dropped connections and a failing sink, against two processes over
    /// one database: a running server, if any, and the processes that the command starts.
    #[arg(long, env = "INLET_SIMULATE_CHAOS")]
    pub chaos: bool,
    /// The seed: the same seed gives the same events.
    #[arg(long, env = "INLET_SIMULATE_SEED", default_value_t = 1)]
    pub seed: u64,
    /// A word in every id, so that a second run with one seed is not a repeat of the first. Default: from the time; on
    /// a new data folder from the seed, so that the seed gives the same ids.
    #[arg(long, env = "INLET_SIMULATE_RUN")]
    pub run: Option<String>,
    /// Connections to the server.
    #[arg(long, env = "INLET_SIMULATE_CONNECTIONS", default_value_t = 64)]
    pub connections: usize,
    /// Also write the report to this file, as JSON.
    #[arg(long, env = "INLET_SIMULATE_REPORT", value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// How many seconds to wait for the last webhook, after the last event.
    #[arg(long, env = "INLET_SIMULATE_SETTLE", value_name = "SECONDS", default_value_t = 180)]
    pub settle: u64,
    /// Start two processes on the data folder, kill one of them with -9 this many times during the run, and restart it
    /// each time.
    #[arg(long, env = "INLET_SIMULATE_KILLS", value_name = "TIMES", default_value_t = 0)]
    pub kills: u32,
    /// Send no webhooks: for runs that check only the state.
    #[arg(long, env = "INLET_SIMULATE_NO_WEBHOOKS")]
    pub no_webhooks: bool,
    /// Let this many live subscribers follow with filters of every kind, on a new data folder. They lose their
    /// connections, and two processes are killed and restarted. Then compare the updates of each subscriber with the
    /// event log.
    #[arg(
        long, env = "INLET_SIMULATE_WATCH", value_name = "WATCHERS", default_value_t = 0,
        conflicts_with_all = ["chaos", "kills"]
    )]
    pub watch: usize,
    /// The binary to start. Default: this one.
    #[arg(long, env = "INLET_SIMULATE_SERVER", value_name = "FILE")]
    pub server: Option<PathBuf>,
}

/// Plays the providers, then compares.
///
/// # Errors
/// No server is found, or the state differs from the acknowledged events.
pub async fn simulate(args: SimulateArgs) -> Result<(), SimulatorError> {
    if args.watch > 0 {
        return crate::watch::watch(&args).await;
    }
    let mut fleet = Fleet::gather(&args).await?;
    let outcome = play(&args, &mut fleet).await;
    fleet.stop().await?;
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

async fn play(args: &SimulateArgs, fleet: &mut Fleet) -> Result<Report, SimulatorError> {
    let now = clock::now();
    let run = args.run.clone().unwrap_or_else(|| match fleet.is_new {
        true => format!("s{}", args.seed),
        false => format!("{:x}", now.timestamp()),
    });
    let target = Target::find(&args.data_dir).await?;
    let client = Client::new(&target)?;
    let mut doors = Doors::of(&target)?;
    fleet.open(&mut doors);
    if args.chaos {
        doors.add_channel_source(&client, &run).await?;
    }
    let receiver = if args.no_webhooks { None } else { Some(Receiver::register(&client, &run, args.chaos).await?) };
    let head = client.head().await?;
    let settings = settings(&target).await;
    let asking = Asking { client: &client, head: &head, run: &run };

    let rate = args.rate.or((!args.chaos).then_some(100.0));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of events")]
    let count =
        args.events.unwrap_or_else(|| (rate.unwrap_or(500.0) * args.duration.unwrap_or(30.0)).max(1.0) as usize);
    let crowd = Crowd::new(args.seed, &run, now - TimeDelta::days(2)).of(count);
    let posts: Box<dyn Iterator<Item = Post> + Send> =
        if args.chaos { Box::new(Chaos::new(crowd, args.seed)) } else { Box::new(crowd.map(Post::plain)) };
    let (book, progress) = (Book::default(), Progress::default());
    let pace = Pace { rate, connections: args.connections, give_up: Duration::from_secs(120) };
    let pids = fleet.pids();
    let at = rate.map_or("as fast as they are answered".to_owned(), |rate| format!("at {rate}/s"));
    say(format!("posting {count} events {at} to {}", target.url));
    for name in fleet.names() {
        say(format!("  process {name}"));
    }
    let bar = bar(count, progress.done.subscribe());
    let begun = Instant::now();
    let killing = async {
        match args.kills {
            0 => Ok(Vec::new()),
            kills => kill::on_the_way(&mut fleet.servers, (kills, args.seed), count, &progress, &book, &asking).await,
        }
    };
    let ((), kills) = tokio::join!(load::run(&doors, posts, pace, &book, &progress), killing);
    let seconds = begun.elapsed().as_secs_f64();
    drop(progress);
    let _ = bar.await;

    let (log, delivered) = settle(&asking, receiver.as_ref(), Duration::from_secs(args.settle)).await?;
    let standing = Standing::ask(&client, &run, log, delivered).await?;
    let ledger = book.open().clone();
    let tally = receiver.as_ref().map(|receiver| receiver.sink.tally()).unwrap_or_default();
    let mut report = Report { settings, ..Report::of(&ledger, tally, seconds) };
    report.log_entries = standing.log.len();
    let extent = Extent { run: run.clone(), begun: now, ended: clock::now(), alone: fleet.is_new };
    report.differences = differences(&extent, &ledger, &standing, &report, args.kills > 0);
    for (kill, differences) in kills? {
        report.kills.push(kill);
        report.differences.extend(differences);
    }
    if let Some(receiver) = receiver
        && let Err(error) = client.delete_webhook(&receiver.webhook).await
    {
        tracing::warn!(%error, "the simulator's webhook stays behind");
    }
    let checked_after = begun.elapsed().as_secs_f64();
    Ok(Report { seed: args.seed, run, chaos: args.chaos, events: count, pids, seconds, checked_after, ..report })
}

/// All differences at the end of a run.
pub(crate) fn differences(
    extent: &Extent,
    ledger: &Ledger,
    standing: &Standing,
    report: &Report,
    durable: bool,
) -> Vec<Difference> {
    let mut found = check::compare(extent, &ledger.model, standing);
    let mut add = |kind: &str, what: String| found.push(Difference { kind: kind.to_owned(), what });
    for what in &ledger.refused {
        add("refused", what.clone());
    }
    if ledger.given_up > 0 {
        add("given_up", format!("{} posts", ledger.given_up));
    }
    for (why, times) in &report.webhooks_refused {
        add("webhook_refused", format!("{times} times: {why}"));
    }
    if durable && report.settings.iter().any(|(_, value)| value != "on") {
        add("not_durable", format!("{:?}", report.settings));
    }
    found
}

/// Postgres's settings for durability. Without psql the list says so.
async fn settings(target: &Target) -> Vec<(String, String)> {
    let mut settings = Vec::new();
    for name in ["fsync", "synchronous_commit"] {
        let value = programs::psql(&target.database_url, &format!("SHOW {name}")).await;
        settings.push((name.to_owned(), value.unwrap_or_else(|error| format!("unknown ({error})"))));
    }
    settings
}

/// Shows the progress of the run until the sender of the count is dropped.
fn bar(total: usize, mut progress: watch::Receiver<usize>) -> tokio::task::JoinHandle<()> {
    let bar = indicatif::ProgressBar::new(total as u64);
    tokio::spawn(async move {
        while progress.changed().await.is_ok() {
            let done = *progress.borrow_and_update() as u64;
            // Repeats add to the number of events.
            bar.set_length(done.max(total as u64));
            bar.set_position(done);
        }
        bar.finish_and_clear();
    })
}

/// How the log of a run is read.
pub(crate) struct Asking<'a> {
    pub(crate) client: &'a Client,
    pub(crate) head: &'a str,
    pub(crate) run: &'a str,
}

impl Asking<'_> {
    async fn log_after(&self, cursor: &str) -> Result<(Vec<Entry>, String), SimulatorError> {
        self.client.events_after(cursor, |event| Entry::read(self.run, event)).await
    }
}

/// The webhook of the run.
pub(crate) struct Receiver {
    pub(crate) sink: Sink,
    webhook: String,
}

impl Receiver {
    /// Starts a sink and registers it as a webhook; with chaos it fails sometimes.
    ///
    /// # Errors
    /// The server does not register it.
    pub(crate) async fn register(client: &Client, run: &str, chaos: bool) -> Result<Self, SimulatorError> {
        let sink = Sink::start().await.map_err(SimulatorError::io("the sink"))?;
        if chaos {
            sink.behave(Behaviour::FailFirst(100));
        }
        let (webhook, secret) = client.register_webhook(&format!("simulate-{run}"), sink.url(), None).await?;
        sink.trust(secret);
        Ok(Self { sink, webhook })
    }
}

/// Waits until the sink has received every entry of the log, or received nothing new for `patience`.
pub(crate) async fn settle(
    asking: &Asking<'_>,
    receiver: Option<&Receiver>,
    patience: Duration,
) -> Result<(Vec<Entry>, Option<HashMap<String, u32>>), SimulatorError> {
    let (mut log, mut end) = asking.log_after(asking.head).await?;
    let Some(Receiver { sink, .. }) = receiver else { return Ok((log, None)) };
    loop {
        let must = log.iter().filter(|event| check::is_sent(event)).count();
        let came = sink.wait_for(must, patience).await;
        let (more, later) = asking.log_after(&end).await?;
        if came < must || more.is_empty() {
            let delivered = sink.received().into_values().map(|one| (one.event, one.times)).collect();
            return Ok((log, Some(delivered)));
        }
        log.extend(more);
        end = later;
    }
}
