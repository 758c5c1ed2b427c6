//! `inlet-bench`: measures the targets T1 to T5, T8, T9 and P9 and the limits of the machine in one run.

mod audience;
pub(crate) mod bodies;
pub(crate) mod drive;
mod limits;
mod live;
mod results;
pub(crate) mod round;
mod statements;

use std::path::PathBuf;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

pub use audience::{AudienceArgs, audience};

use self::{
    live::Crowds,
    round::{Part, Wanted},
};
use crate::{SimulatorError, output::say};

/// Measure T1 to T5, T8, T9 and P9, and the limits of the machine.
#[derive(Debug, Clone, clap::Args)]
pub struct BenchArgs {
    /// The binary of the server, a release build.
    #[arg(long, env = "INLET_BENCH_SERVER", default_value = "target/release/inlet")]
    pub server: PathBuf,
    /// The folder for data, results and plot.
    #[arg(long, env = "INLET_BENCH_OUT", default_value = "target/bench")]
    pub out: PathBuf,
    /// How many times everything is measured, each time on a fresh data folder.
    #[arg(long, env = "INLET_BENCH_ROUNDS", default_value_t = 3)]
    pub rounds: usize,
    /// How long each figure is measured, in seconds.
    #[arg(long, env = "INLET_BENCH_SECONDS", default_value_t = 10)]
    pub seconds: u64,
    /// Measure only these figures, and the limits.
    #[arg(long, env = "INLET_BENCH_ONLY", value_delimiter = ',', ignore_case = true)]
    pub only: Vec<Part>,
    /// Subscribers of T5 that get every event.
    #[arg(long, env = "INLET_BENCH_SUBSCRIBERS", default_value_t = 1_000)]
    pub subscribers: usize,
    /// Further idle subscribers, for the memory of each.
    #[arg(long, env = "INLET_BENCH_IDLERS", default_value_t = 9_000)]
    pub idlers: usize,
}

/// Measures, prints the table, and writes `results.json` and `plot.svg`.
///
/// # Errors
/// pgbench or the server cannot be started, or the server refuses an event.
pub async fn bench(args: BenchArgs) -> Result<(), SimulatorError> {
    std::fs::create_dir_all(&args.out).map_err(SimulatorError::io(args.out.display().to_string()))?;
    let out = args.out.canonicalize().map_err(SimulatorError::io(args.out.display().to_string()))?;
    let server = args.server.canonicalize().map_err(SimulatorError::io(args.server.display().to_string()))?;
    let crowds = Crowds { following: args.subscribers, idle: args.idlers };
    allow_sockets(crowds.following + crowds.idle);
    let wanted = Wanted { only: args.only, seconds: args.seconds };
    let mut rounds = Vec::new();
    for number in 1..=args.rounds {
        say(format!("round {number} of {}", args.rounds));
        let round = round::measure(&server, &out, number, &wanted, crowds).await?;
        say(round.to_string());
        rounds.push(round);
    }
    say(results::write(&out, &rounds)?);
    Ok(())
}

/// Raises the limit of open files of this process and its children as far as the system allows.
pub(crate) fn allow_sockets(sockets: usize) {
    let Ok((now, most)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    if now < most && setrlimit(Resource::RLIMIT_NOFILE, most, most).is_err() {
        say(format!("the limit of {now} open files stays"));
    }
    if most < sockets as u64 + 1_000 {
        say(format!("only {most} files may be open, too few for {sockets} sockets: raise it with ulimit -n"));
    }
}
