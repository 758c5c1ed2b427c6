//! Kills in the middle of a run, with a check of the log after each restart.

use std::time::Instant;

use super::Asking;
use crate::{
    SimulatorError,
    check::{self, Difference, Entry},
    load::{Book, Progress},
    random::Random,
    report::Kill,
    server::Server,
};

/// Kills one of the servers `times` at equal distances and restarts it. After each restart checks that the log contains
/// everything acknowledged once.
pub(super) async fn on_the_way(
    servers: &mut [Server],
    (times, seed): (u32, u64),
    total: usize,
    progress: &Progress,
    book: &Book,
    asking: &Asking<'_>,
) -> Result<Vec<(Kill, Vec<Difference>)>, SimulatorError> {
    let mut done = progress.done.subscribe();
    let mut random = Random::seeded(seed);
    let mut kills = Vec::new();
    let (mut log, mut end) = (Vec::<Entry>::new(), asking.head.to_owned());
    for number in 1..=times {
        let due = total * number as usize / (times as usize + 1);
        if done.wait_for(|done| *done >= due).await.is_err() {
            break;
        }
        let chosen = random.below(servers.len());
        let Some(server) = servers.get_mut(chosen) else { break };
        let pid = server.pid().unwrap_or_default();
        server.kill().await?;
        let (model, acknowledged) = {
            let ledger = book.open();
            (ledger.model.clone(), ledger.acknowledged)
        };
        let begun = Instant::now();
        server.again().await?;
        let ready_after_ms = begun.elapsed().as_millis();
        // The next kill must be in the middle of the load too, so the load pauses during the check.
        progress.held.send_replace(true);
        let more = asking.log_after(&end).await;
        progress.held.send_replace(false);
        let (more, later) = more?;
        log.extend(more);
        end = later;
        let differences = check::compare_log(&model, &log);
        let became = server.pid().unwrap_or_default();
        kills.push((Kill { pid, became, acknowledged, ready_after_ms, differences: differences.len() }, differences));
    }
    Ok(kills)
}
