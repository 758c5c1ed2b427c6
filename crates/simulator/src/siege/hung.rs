//! D2: the database hangs, and comes back.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::FutureExt;
use serde_json::json;
use tokio::time::sleep;

use super::{
    attack::{Attack, DoorIs, Outcome},
    caller::operation,
    ground::Ground,
    well::Way,
};
use crate::{SimulatorError, server::is_ready};

/// The door answers after 2 s; the rest is for the network.
const POSTS: Duration = Duration::from_millis(2_500);
/// `/readyz` and GraphQL report it within 3 s.
const TOLD: Duration = Duration::from_secs(3);
/// Everything recovers within 3 s.
const WELL: Duration = Duration::from_secs(3);
/// The pause between two checks.
const LOOK: Duration = Duration::from_millis(50);
/// The longest wait for any event.
const PATIENCE: Duration = Duration::from_secs(60);
/// Log lines that the begin of the hang may cause; beside them there is one line a second.
const LINES: usize = 20;

pub const HUNG: Attack = Attack {
    name: "D2 hung database",
    what: |size| {
        format!("a relay before the database stops forwarding for {} s, then again, and breaks off", size.of(10, 4))
    },
    bound: "503 after 2 s, /readyz 503 within 3 s, all well within 3 s of its return; a line of log a second",
    door: DoorIs::Away,
    run: |ground| hung(ground).boxed(),
};

async fn hung(ground: Arc<Ground>) -> Result<Outcome, SimulatorError> {
    let mut outcome = Outcome::default();
    ground.well.lead(Way::Second);
    // The client must be at work when its database goes away.
    sleep(Duration::from_secs(1)).await;
    for breaks_off in [false, true] {
        hang(&ground, &mut outcome, breaks_off).await;
    }
    ground.well.lead(Way::First);
    Ok(outcome)
}

async fn hang(ground: &Ground, outcome: &mut Outcome, breaks_off: bool) {
    let which = if breaks_off { "broken off" } else { "hung" };
    let lines = || std::fs::read_to_string(&ground.second_log).map_or(0, |log| log.lines().count());
    let (lines_before, begun) = (lines(), Instant::now());
    ground.relay.bar(true);
    let asking = async {
        // A known client, whose requests may be answered from memory.
        let body = operation("{ contacts(first: 3) { nodes { id } } }", json!({}));
        let (caller, key) = (ground.at_second(), ground.target.api_key.as_str());
        let asked = Instant::now();
        (caller.ask(&mut None, Some(key), &body).await.0, asked.elapsed())
    };
    let (unready, (answer, took)) = tokio::join!(until(&ground.second.0, false), asking);
    let hanging = ground.size.seconds(10, 4).max(begun.elapsed() + Duration::from_secs(1));
    sleep(hanging.saturating_sub(begun.elapsed())).await;
    outcome.figure(format!("{which}: /readyz 503"), unready, PATIENCE, TOLD);
    outcome.figure(format!("{which}: GraphQL {answer}"), Some(took), took, TOLD);
    outcome.must(answer.contains("UNAVAILABLE"), format!("{which}: GraphQL said {answer}"));
    posts(ground, outcome, which, begun);
    let (seconds, told) = (begun.elapsed().as_secs(), lines().saturating_sub(lines_before));
    let may = LINES + 2 * usize::try_from(seconds).unwrap_or(0);
    outcome.must(told <= may, format!("{which}: {told} lines of log in {seconds} s"));

    if breaks_off {
        ground.relay.cut();
    }
    let back = Instant::now();
    ground.relay.bar(false);
    let ready = until(&ground.second.0, true).await;
    outcome.figure(format!("{which}: /readyz 200 after its return"), ready, PATIENCE, WELL);
    let taken = loop {
        let attempts = ground.well.attempts_since(back);
        let taken = attempts.iter().filter(|attempt| attempt.process == 1 && attempt.status == Some(200));
        let first = taken.map(|attempt| attempt.sent + attempt.took - back).min();
        if first.is_some() || back.elapsed() > PATIENCE {
            break first;
        }
        sleep(LOOK).await;
    };
    outcome.figure(format!("{which}: a post taken after its return"), taken, PATIENCE, WELL);
}

/// The answers to posts while the database hung.
fn posts(ground: &Ground, outcome: &mut Outcome, which: &str, begun: Instant) {
    let attempts = ground.well.attempts_since(begun);
    let told: Vec<_> = attempts.iter().filter(|attempt| attempt.process == 1).collect();
    for attempt in &told {
        let word = attempt.status.map_or("no answer in 3 s".to_owned(), |status| status.to_string());
        outcome.count(format!("posts: {word}"), 1);
    }
    let longest = told.iter().map(|attempt| attempt.took).max();
    outcome.figure(format!("{which}: posts told"), longest, PATIENCE, POSTS);
}

/// The time until a process is ready, or is not ready.
async fn until(address: &str, ready: bool) -> Option<Duration> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if is_ready(address).await == ready {
            return Some(begun.elapsed());
        }
        sleep(LOOK).await;
    }
    None
}
