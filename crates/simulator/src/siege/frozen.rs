//! D1: one of two processes is frozen in the middle of its work.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::FutureExt;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::time::sleep;

use super::{
    attack::{Attack, DoorIs, Outcome},
    ground::Ground,
    well::Way,
};
use crate::{
    SimulatorError,
    bench::{bodies::Bodies, drive::closed_loop},
    clock,
    random::Random,
};

/// The longest time until the other process goes on.
const PROGRESS: Duration = Duration::from_secs(6);
/// The duration of the load in which the process is frozen.
const FLOOD: Duration = Duration::from_secs(2);

pub const FROZEN: Attack = Attack {
    name: "D1 frozen",
    what: |size| {
        let (times, seconds) = size.of((5, 10), (1, 4));
        format!("SIGSTOP of one of two processes under load, {times} times for {seconds} s")
    },
    bound: "its transactions end within 2 s; the other goes on within 6 s",
    door: DoorIs::Away,
    run: |ground| frozen(ground).boxed(),
};

/// Continues the process on drop.
struct Thaw(Pid);

impl Drop for Thaw {
    fn drop(&mut self) {
        // The process may have ended.
        let _ = kill(self.0, Signal::SIGCONT);
    }
}

async fn frozen(ground: Arc<Ground>) -> Result<Outcome, SimulatorError> {
    let (times, seconds) = ground.size.of((5, 10), (1, 4));
    let pid = Pid::from_raw(ground.second.1);
    let mut doors = ground.doors.clone();
    doors.lead_to(std::slice::from_ref(&ground.second.0));
    let mut bodies = Bodies::new(doors, clock::now(), !ground.seed);
    let mut random = Random::seeded(ground.seed);
    let mut outcome = Outcome::default();
    let mut longest = Duration::ZERO;
    ground.well.lead(Way::Both);
    for _ in 0..times {
        let (address, ready) = bodies.take(ground.size.of(20_000, 2_000));
        let flood = tokio::spawn(async move { closed_loop(&address, Arc::new(ready), FLOOD).await });
        sleep(Duration::from_millis(500 + random.below(500) as u64)).await;
        let begun = Instant::now();
        let thaw = Thaw(pid);
        kill(pid, Signal::SIGSTOP).map_err(|error| SimulatorError::io("SIGSTOP")(error.into()))?;
        sleep(Duration::from_secs(seconds)).await;
        longest = longest.max(without_progress(&ground, begun));
        drop(thaw);
        match flood.await {
            Ok(Ok(driven)) => {
                outcome.count("flood: accepted", driven.accepted);
                outcome.count("flood: refused", driven.other);
            }
            // Connections to a frozen process may break.
            Ok(Err(_)) | Err(_) => outcome.count("flood: broken off", 1),
        }
    }
    ground.well.lead(Way::First);
    outcome.figure("until the other goes on", Some(longest), longest, PROGRESS);
    Ok(outcome)
}

/// The longest time since `begun` in which the process that is not frozen acknowledged no post.
fn without_progress(ground: &Ground, begun: Instant) -> Duration {
    let attempts = ground.well.attempts_since(begun - super::ground::PROVIDERS_PATIENCE);
    let answered = attempts.iter().filter(|attempt| attempt.process == 0 && attempt.status == Some(200));
    let mut times: Vec<_> = answered.map(|attempt| attempt.sent + attempt.took).filter(|at| *at > begun).collect();
    times.push(Instant::now());
    times.sort_unstable();
    let (mut longest, mut last) = (Duration::ZERO, begun);
    for at in times {
        longest = longest.max(at - last);
        last = at;
    }
    longest
}
