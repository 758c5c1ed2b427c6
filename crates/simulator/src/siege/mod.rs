//! `inlet-bench siege`: runs every attack of SECURITY.md's table against a real server, one after the other, each
//! beside a well-behaved client. Then compares everything that was acknowledged with the state of the server.

mod answers;
mod attack;
mod bodies;
mod caller;
mod canaries;
mod crowds;
mod documents;
mod frozen;
mod ground;
mod hung;
mod logins;
mod memory;
mod readers;
mod receivers;
mod relay;
mod report;
mod settings;
mod socket;
mod well;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::runtime;

use self::{
    attack::{Attack, Outcome, Size},
    ground::{Enemy, Ground, Operator, RUN, Servers},
    memory::Memory,
    report::{Checked, Report, Row},
};
use crate::{
    SimulatorError,
    bench::allow_sockets,
    check::{Extent, Standing},
    clock,
    doors::Doors,
    graphql::Client,
    output::say,
    random::Random,
    report::Report as Found,
    server::Server,
    simulate::{Asking, Receiver, differences, settle},
};

/// Every attack, in the order of the table.
const ATTACKS: [&Attack; 17] = [
    &logins::GUESSES,
    &bodies::UNKNOWN,
    &bodies::ENDLESS,
    &bodies::FRAMES,
    &documents::SCHEMA,
    &documents::COSTLIEST,
    &crowds::UPGRADES,
    &logins::BLOCKED,
    &answers::LARGE,
    &answers::UNYIELDING,
    &readers::SOCKETS,
    &readers::ANSWERS,
    &readers::STANDING,
    &settings::COMPOSITION,
    &settings::MAPPING,
    &frozen::FROZEN,
    &hung::HUNG,
];
/// The attacks after those.
const LAST: [&Attack; 2] = [&receivers::HANGING, &canaries::CANARIES];

/// The niceness of the attackers, because real attackers have machines of their own (`man 2 setpriority`).
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;
/// The longest wait after an attack until everything is well again.
const SETTLED: Duration = Duration::from_secs(20);
/// The longest wait for the last webhook.
const SETTLE: Duration = Duration::from_secs(60);
/// At this memory of a process the attack is aborted, to protect the machine.
const GIVEN_UP_MIB: u64 = 4_096;
/// The most open sockets of this program and the server.
const SOCKETS: usize = 8_000;

/// Attack a server in every way that SECURITY.md names, beside a well-behaved client, and report the cost of each
/// attack.
#[derive(Debug, Clone, clap::Args)]
pub struct SiegeArgs {
    /// The binary of the server.
    #[arg(long, env = "INLET_SIEGE_SERVER", default_value = "target/release/inlet")]
    pub server: PathBuf,
    /// The folder for data and report.
    #[arg(long, env = "INLET_SIEGE_OUT", default_value = "target/siege")]
    pub out: PathBuf,
    /// Run smaller attacks, which do not wait for the server's own deadlines: for tests.
    #[arg(long, env = "INLET_SIEGE_SHORT")]
    pub short: bool,
    /// The seed of all choices.
    #[arg(long, env = "INLET_SIEGE_SEED", default_value_t = 1)]
    pub seed: u64,
    /// Run only attacks whose names begin with these: `B3`, `C1 large`.
    #[arg(long, env = "INLET_SIEGE_ONLY", value_delimiter = ',')]
    pub only: Vec<String>,
    /// The file of the JSON report. Default: report.json in `out`.
    #[arg(long, env = "INLET_SIEGE_REPORT", value_name = "FILE")]
    pub report: Option<PathBuf>,
}

/// Attacks, then compares.
///
/// # Errors
/// The servers cannot be started, or a bound does not hold.
pub async fn siege(args: SiegeArgs) -> Result<(), SimulatorError> {
    fs::create_dir_all(&args.out).map_err(SimulatorError::io(args.out.display().to_string()))?;
    let out = args.out.canonicalize().map_err(SimulatorError::io(args.out.display().to_string()))?;
    let binary = args.server.canonicalize().map_err(SimulatorError::io(args.server.display().to_string()))?;
    let data_dir = fresh(&out)?;
    allow_sockets(SOCKETS);
    let (servers, target, relay) = Servers::start(&binary, &data_dir).await?;
    let operator = Operator { binary: &binary, data_dir: &data_dir, database_url: &target.database_url };
    let ground = prepare(&args, &servers, &operator, target.clone(), relay).await;
    let outcome = match ground {
        Ok(ground) => Box::pin(play(&args, &servers, &data_dir, ground)).await,
        Err(error) => Err(error),
    };
    servers.stop().await?;
    let report = outcome?;
    say(report.text());
    let text = serde_json::to_string_pretty(&report).map_err(SimulatorError::shape("the report"))?;
    let path = args.report.unwrap_or_else(|| out.join("report.json"));
    for (path, text) in [(path, text), (out.join("table.md"), report.table())] {
        fs::write(&path, text).map_err(SimulatorError::io(path.display().to_string()))?;
    }
    // The logs and the report stay; the database is not needed any more.
    let _ = fs::remove_dir_all(&data_dir);
    match report.exceeded.len() {
        0 => Ok(()),
        count => Err(SimulatorError::Exceeded { count }),
    }
}

/// The empty data folder, without logs beside it.
fn fresh(out: &Path) -> Result<PathBuf, SimulatorError> {
    let folder = out.join("data");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(SimulatorError::io(folder.display().to_string()))?;
    }
    for extension in ["log", "second.log"] {
        // The file may be missing.
        let _ = fs::remove_file(folder.with_extension(extension));
    }
    Ok(folder)
}

async fn prepare(
    args: &SiegeArgs,
    servers: &Servers,
    operator: &Operator<'_>,
    target: crate::target::Target,
    relay: relay::Relay,
) -> Result<Ground, SimulatorError> {
    let size = Size::new(args.short);
    let client = Client::new(&target)?;
    let mut doors = Doors::of(&target)?;
    doors.add_process(servers.second.address());
    let people = ground::people(operator).await?;
    let enemy = Enemy::settle(operator, &target).await?;
    let receiver = Receiver::register(&client, RUN, false).await?;
    let before = (client.head().await?, clock::now());
    let well = ground::well(&doors, &client, args.seed, size.of(40.0, 15.0))?;
    let second = servers.second.pid().and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
    let ground = Ground {
        size,
        seed: args.seed,
        address: servers.first.address().to_owned(),
        second: (servers.second.address().to_owned(), second),
        second_log: servers.second.log_path(),
        relay,
        target,
        client,
        doors,
        before,
        receiver,
        well,
        people,
        enemy,
        canary: format!("canary{:08x}", Random::seeded(args.seed).bits() >> 32),
    };
    ground.settle().await?;
    Ok(ground)
}

async fn play(args: &SiegeArgs, servers: &Servers, data_dir: &Path, ground: Ground) -> Result<Report, SimulatorError> {
    let (ground, size) = (Arc::new(ground), Size::new(args.short));
    let pids: Vec<u32> = [&servers.first, &servers.second].into_iter().filter_map(Server::pid).collect();
    let mut memory = Memory::watch(pids.clone());
    let runtime = attackers()?;
    let mut rows = Vec::new();
    let mut failed = None;
    for attack in ATTACKS.into_iter().chain(LAST).filter(|attack| is_wanted(&args.only, attack)) {
        memory.begin();
        let at = Instant::now();
        let mut task = runtime.spawn((attack.run)(Arc::clone(&ground)));
        let outcome = tokio::select! {
            outcome = &mut task => outcome.map_err(std::io::Error::other).map_err(SimulatorError::io(attack.name)),
            () = memory::beyond(&pids, GIVEN_UP_MIB) => {
                task.abort();
                let mut outcome = Outcome::default();
                outcome.must(false, format!("the attack was given up at {GIVEN_UP_MIB} MiB"));
                Ok(Ok(outcome))
            }
        };
        match outcome.flatten() {
            Ok(outcome) => {
                let seconds = at.elapsed().as_secs_f64();
                let answers = (ground.well.door_since(at), ground.well.reads_since(at));
                let row = Row::new(attack, size, outcome, (seconds, memory.most_mib(), answers.0, answers.1));
                say(row.line());
                rows.push(row);
            }
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
        // Effects of one attack must not count with the next.
        ground.well.settled(SETTLED).await;
    }
    runtime.shutdown_background();
    let ground = Arc::into_inner(ground)
        .ok_or_else(|| SimulatorError::Refused { what: "the attackers".into(), answer: "one of them goes on".into() });
    if let Some(error) = failed {
        return Err(error);
    }
    let logs = canaries::logs(data_dir, [servers.first.log_path(), servers.second.log_path()])?;
    let checked = Box::pin(check(ground?, &logs)).await?;
    Ok(Report::new((args.seed, args.short), rows, checked))
}

fn is_wanted(only: &[String], attack: &Attack) -> bool {
    only.is_empty() || only.iter().any(|beginning| attack.name.starts_with(beginning.as_str()))
}

/// A runtime for the attackers, on threads of lower priority than the well-behaved client's.
fn attackers() -> Result<runtime::Runtime, SimulatorError> {
    let mut builder = runtime::Builder::new_multi_thread();
    builder.enable_all().worker_threads(2).thread_name("attacker").on_thread_start(step_back);
    builder.build().map_err(SimulatorError::io("the threads of the attackers"))
}

fn step_back() {
    // Linux has a priority for each thread. If the system refuses, the attackers keep the normal priority.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, NICENESS);
}

/// Whether everything that was acknowledged to the well-behaved client exists once, and no log contains a canary.
async fn check(ground: Ground, logs: &[PathBuf]) -> Result<Checked, SimulatorError> {
    let Ground { client, before: (head, begun), receiver, well, canary, people, enemy, .. } = ground;
    let book = well.finish().await?;
    let asking = Asking { client: &client, head: &head, run: RUN };
    let (log, delivered) = settle(&asking, Some(&receiver), SETTLE).await?;
    let standing: Standing = Standing::ask(&client, RUN, log, delivered).await?;
    let ledger = book.open().clone();
    let found = Found::of(&ledger, receiver.sink.tally(), 0.0);
    let extent = Extent { run: RUN.to_owned(), begun, ended: clock::now(), alone: false };
    let mark = format!("sim{RUN}x");
    let [(_, first), (_, second)] = &people;
    let key = enemy.keys.first().map_or("no key", String::as_str);
    let texts = [canary.as_str(), mark.as_str(), "Where is my order?", key, first, second];
    Ok(Checked {
        acknowledged: ledger.acknowledged,
        retries: ledger.retries,
        webhooks: found.webhooks,
        differences: differences(&extent, &ledger, &standing, &found, false),
        canaries: canaries::found(logs, &texts)?,
    })
}
