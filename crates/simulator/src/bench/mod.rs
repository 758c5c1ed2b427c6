//! `inlet-bench`: the targets T1 to T5, T8, T9 and P9 beside the limits of the same machine in the same run.

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

/// Measures T1 to T5, T8, T9 and P9 beside the limits of the same run.
#[derive(Debug, Clone, clap::Args)]
pub struct BenchArgs {
    /// The server's binary, a release build.
    #[arg(long, env = "INLET_BENCH_SERVER", default_value = "target/release/inlet")]
    pub server: PathBuf,
    /// Where data, results and plot go.
    #[arg(long, env = "INLET_BENCH_OUT", default_value = "target/bench")]
    pub out: PathBuf,
    /// How many times all is measured, each on a fresh data folder.
    #[arg(long, env = "INLET_BENCH_ROUNDS", default_value_t = 3)]
    pub rounds: usize,
    /// How long each figure is measured, in seconds.
    #[arg(long, env = "INLET_BENCH_SECONDS", default_value_t = 10)]
    pub seconds: u64,
    /// Only these figures, beside the limits.
    #[arg(long, env = "INLET_BENCH_ONLY", value_delimiter = ',', ignore_case = true)]
    pub only: Vec<Part>,
    /// Subscribers of T5 who are sent every event.
    #[arg(long, env = "INLET_BENCH_SUBSCRIBERS", default_value_t = 1_000)]
    pub subscribers: usize,
    /// How many more subscribers there are, where the memory of each idle one is measured.
    #[arg(long, env = "INLET_BENCH_IDLERS", default_value_t = 9_000)]
    pub idlers: usize,
}

/// Measures and prints, and writes `results.json` and `plot.svg`.
///
/// # Errors
/// Where pgbench or the server cannot be started, or the server refuses an event.
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

/// Lets this program, and those that it starts, open as many files as the system allows.
pub(crate) fn allow_sockets(sockets: usize) {
    let Ok((now, most)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    if now < most && setrlimit(Resource::RLIMIT_NOFILE, most, most).is_err() {
        say(format!("the limit of {now} open files stays"));
    }
    if most < sockets as u64 + 1_000 {
        say(format!("only {most} files may be open, too few for {sockets} sockets: raise it with ulimit -n"));
    }
}
