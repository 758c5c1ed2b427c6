//! Kill -9 in the middle of a run, and a look at the log after each restart.

use std::time::Instant;

use super::Asking;
use crate::{
    SimulatorError,
    check::{self, Difference},
    load::{Book, Progress},
    report::Kill,
    server::Server,
};

/// Kills the server `times` at equal distances, starts it again, and looks at once whether everything that had been
/// acknowledged is in the log once.
pub(super) async fn on_the_way(
    server: &mut Server,
    times: u32,
    total: usize,
    progress: &Progress,
    book: &Book,
    asking: &Asking<'_>,
) -> Result<Vec<(Kill, Vec<Difference>)>, SimulatorError> {
    let mut done = progress.done.subscribe();
    let mut kills = Vec::new();
    for number in 1..=times {
        let due = total * number as usize / (times as usize + 1);
        if done.wait_for(|done| *done >= due).await.is_err() {
            break;
        }
        let pid = server.pid().unwrap_or_default();
        server.kill().await?;
        let (model, acknowledged) = {
            let ledger = book.open();
            (ledger.model.clone(), ledger.acknowledged)
        };
        let begun = Instant::now();
        server.again().await?;
        let ready_after_ms = begun.elapsed().as_millis();
        // The next kill is to hit the middle of the load too, so the load waits for the look at the log.
        progress.held.send_replace(true);
        let log = asking.log_after(asking.head).await;
        progress.held.send_replace(false);
        let differences = check::compare_log(&model, &log?.0);
        kills.push((Kill { pid, acknowledged, ready_after_ms, differences: differences.len() }, differences));
    }
    Ok(kills)
}
