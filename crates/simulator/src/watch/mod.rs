//! `inlet simulate --watch`: live subscribers who lose their connections and servers again and again. Afterwards the
//! updates of each are compared with the log under its filter (P8).

mod agents;
pub(crate) mod connection;
mod filter;
mod history;
mod record;
mod report;
mod storm;
mod tally;
mod watcher;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use tokio::sync::watch;

use self::{
    filter::{Filter, Names},
    history::{History, seq},
    record::Record,
    report::Report,
    storm::Storm,
    tally::Tally,
    watcher::{Operation, Watcher},
};
use crate::{
    SimulateArgs, SimulatorError,
    chaos::Post,
    check::Difference,
    clock,
    doors::Doors,
    graphql::Client,
    load::{self, Book, Pace, Progress},
    output::say,
    provider::crowd::Crowd,
    random::Random,
    server::Server,
    target::Target,
};

/// Events that are posted before anyone watches, so that filters can name channels and contacts.
const BEFORE: usize = 300;

/// How many members act at once.
const PEOPLE: usize = 4;

/// The shared state of all watchers.
#[derive(Debug)]
struct World {
    /// The addresses of the processes.
    addresses: Vec<String>,
    key: String,
    http: reqwest::Client,
    tally: Tally,
}

/// The run is over: a watcher that has reached the end of the log may stop.
#[derive(Debug, Clone, Copy)]
struct Call {
    goal: u64,
    deadline: tokio::time::Instant,
}

/// Watches, then compares.
///
/// # Errors
/// The servers cannot be started, or the updates of a watcher differ from the log.
pub(crate) async fn watch(args: &SimulateArgs) -> Result<(), SimulatorError> {
    let own = std::env::current_exe().map_err(SimulatorError::io("the path of this program"))?;
    let binary = args.server.as_deref().unwrap_or(&own);
    if args.data_dir.join("dev.json").exists() {
        return Err(SimulatorError::Refused {
            what: "a run with watchers".into(),
            answer: format!(
                "--watch needs a data folder of its own, and {} is in use: give another --data-dir",
                args.data_dir.display()
            ),
        });
    }
    // This server owns the database, which must not stop during restarts. Only the two others are watched.
    let keeper = Server::start(binary, &args.data_dir).await?;
    let target = Target::find(&args.data_dir).await?;
    let mut servers = Vec::new();
    for name in ["second", "third"] {
        servers.push(Server::start_beside(binary, &args.data_dir, &target, name).await?);
    }
    let outcome = play(args, &target, &mut servers).await;
    for server in servers {
        server.stop().await?;
    }
    keeper.stop().await?;
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

async fn play(args: &SimulateArgs, target: &Target, servers: &mut [Server]) -> Result<Report, SimulatorError> {
    let client = Client::new(target)?;
    let mut random = Random::seeded(args.seed);
    let rate = args.rate.unwrap_or(200.0);
    let length = args.duration.unwrap_or(30.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of events")]
    let count = args.events.unwrap_or((rate * length).max(1.0) as usize);
    let addresses: Vec<String> = servers.iter().map(|server| server.address().to_owned()).collect();
    let mut doors = Doors::of(target)?;
    doors.lead_to(&addresses);
    let run = args.run.clone().unwrap_or_else(|| format!("s{}", args.seed));
    let mut crowd = Crowd::new(args.seed, &run, clock::now() - TimeDelta::days(2)).of(count + BEFORE).enumerate();
    let mut posts = |count| {
        let posts = crowd.by_ref().take(count);
        posts.map(|(number, event)| Post { way: (number, 0), ..Post::plain(event) }).collect::<Vec<_>>()
    };
    let book = Book::default();
    let pace = |rate| Pace { rate, connections: args.connections, give_up: Duration::from_secs(120) };
    load::run(&doors, posts(BEFORE).into_iter(), pace(None), &book, &Progress::default()).await;
    let names = agents::prepare(&client).await?;
    let head = client.head().await?;

    let world = Arc::new(World {
        addresses,
        key: target.api_key.clone(),
        http: reqwest::Client::new(),
        tally: Tally::default(),
    });
    // Many watchers share a filter, as dashboards do: the server may send one rendered frame to several.
    let shared: Vec<_> = (0..12).map(|_| Filter::any(&mut random, &names)).collect();
    let call = watch::Sender::new(None);
    let mut watchers = tokio::task::JoinSet::new();
    for number in 0..args.watch {
        let watcher = watcher(number, &mut random, (&names, &shared), &head, length);
        watchers.spawn(watcher.run(world.clone(), call.subscribe()));
    }
    say(format!("{} watchers; posting {count} events at {rate}/s to {}", args.watch, world.addresses.join(" and ")));
    let begun = Instant::now();
    let over = watch::Sender::new(false);
    let load = async {
        load::run(&doors, posts(count).into_iter(), pace(Some(rate)), &book, &Progress::default()).await;
        over.send_replace(true);
        begun.elapsed().as_secs_f64()
    };
    let storm = Storm::rage(servers, Random::seeded(random.bits()), Duration::from_secs_f64(length), over.subscribe());
    let people = (0..PEOPLE).map(|_| agents::act(&world, &names, Random::seeded(random.bits()), over.subscribe()));
    let acting = futures::future::try_join_all(people.collect::<Vec<_>>());
    let (seconds, storm, acts) = tokio::join!(load, storm, acting);
    let (storm, acts) = (storm?, acts?);

    let goal = seq(&client.head().await?);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(args.settle);
    call.send_replace(Some(Call { goal, deadline }));
    let watchers = watchers.join_all().await;
    let history = History::pull(&client).await?;

    let mut differences = history.differences.clone();
    for watcher in &watchers {
        differences.extend(compare(watcher, &history, (goal, storm.epochs)));
    }
    let ledger = book.open().clone();
    differences.extend(ledger.refused.iter().map(|what| Difference { kind: "refused".into(), what: what.clone() }));
    let operations: Vec<&Operation> = watchers.iter().flat_map(|watcher| &watcher.operations).collect();
    let mut resets = BTreeMap::new();
    for reason in operations.iter().flat_map(|one| &one.record.resets) {
        *resets.entry(reason.clone()).or_default() += 1;
    }
    Ok(Report {
        seed: args.seed,
        watchers: watchers.len(),
        operations: operations.len(),
        filtered: operations.iter().filter(|one| one.filter.is_some()).count(),
        seconds,
        acknowledged: ledger.acknowledged,
        retries: ledger.retries,
        given_up: ledger.given_up,
        acts: acts.iter().map(|acts| acts.done).sum(),
        acts_failed: acts.iter().map(|acts| acts.failed).sum(),
        log_entries: history.steps.len(),
        frames: world.tally.frames(),
        events: operations.iter().map(|one| one.record.events).sum(),
        checkpoints: operations.iter().map(|one| one.record.checkpoints).sum(),
        resets,
        connections: world.tally.connections(),
        ends: world.tally.ends(),
        storm,
        differences,
    })
}

/// A watcher of a random kind. A fifth use event streams, some have several operations, some start late, and some get
/// frames so large that a slow reader is noticed soon. More than half share their filters with others.
fn watcher(
    number: usize,
    random: &mut Random,
    (names, shared): (&Names, &[Option<Filter>]),
    head: &str,
    length: f64,
) -> Watcher {
    let over_stream = random.percent(20);
    let bulky = random.percent(6);
    let operations = if over_stream || bulky { 1 } else { 1 + random.below(3) };
    let operations = (0..operations).map(|_| Operation {
        filter: match shared.get(random.below(shared.len())) {
            _ if bulky => None,
            Some(filter) if random.percent(60) => filter.clone(),
            _ => Filter::any(random, names),
        },
        checkpoints: random.percent(50),
        bulky,
        record: Record::after(head),
    });
    let operations = operations.collect();
    let most = if random.percent(10) { length / 2.0 } else { 3.0 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds")]
    let comes_after = Duration::from_millis(random.below((most * 1_000.0) as usize) as u64);
    Watcher { number, over_stream, operations, random: Random::seeded(random.bits()), comes_after }
}

fn compare(watcher: &Watcher, history: &History, goal: (u64, usize)) -> Vec<Difference> {
    let mut found = Vec::new();
    for (place, operation) in watcher.operations.iter().enumerate() {
        let Operation { filter, record, .. } = operation;
        for mut difference in record.compare(history, filter.as_ref(), goal) {
            let filter = serde_json::to_string(filter).unwrap_or_default();
            difference.what = format!("watcher {}.{place} {filter}: {}", watcher.number, difference.what);
            found.push(difference);
        }
    }
    found
}
