//! Restarts of the processes: kill -9 every few seconds, once a rolling restart, and once a new epoch of the logs, as
//! after a restore from a backup.

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::{sync::watch, time::timeout};

use crate::{SimulatorError, random::Random, server::Server};

/// The counts of restarts.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Storm {
    /// Processes killed with -9.
    pub kills: usize,
    /// Processes stopped with SIGTERM in the rolling restart.
    pub rolled: usize,
    /// New epochs of the logs, begun while the processes were down.
    pub epochs: usize,
    /// The longest time from a start until ready, in milliseconds.
    pub slowest_start_ms: u128,
}

impl Storm {
    /// Stops and starts the servers until the run is over. After a third of `length` a rolling restart, after two
    /// thirds a stop of all servers with a new epoch, at other times a kill.
    ///
    /// # Errors
    /// A server does not stop or does not start.
    pub async fn rage(
        servers: &mut [Server],
        mut random: Random,
        length: Duration,
        mut over: watch::Receiver<bool>,
    ) -> Result<Self, SimulatorError> {
        let (mut storm, begun) = (Self::default(), Instant::now());
        loop {
            let pause = Duration::from_millis(2_000 + random.below(5_000) as u64);
            let planned = match (storm.rolled, storm.epochs) {
                (0, _) => Some(length / 3),
                (_, 0) => Some(length * 2 / 3),
                _ => None,
            };
            let due = planned.map(|at| at.saturating_sub(begun.elapsed())).filter(|left| *left <= pause);
            if timeout(due.unwrap_or(pause), over.wait_for(|over| *over)).await.is_ok() {
                return Ok(storm);
            }
            if due.is_some() && storm.rolled == 0 {
                for server in &mut *servers {
                    server.terminate().await?;
                    storm.rolled += 1;
                    storm.start(server).await?;
                }
            } else if due.is_some() {
                storm.restore(servers).await?;
            } else if let Some(server) = servers.get_mut(random.below(2)) {
                server.kill().await?;
                storm.kills += 1;
                storm.start(server).await?;
            }
        }
    }

    /// The operator's steps for the log after a restore.
    async fn restore(&mut self, servers: &mut [Server]) -> Result<(), SimulatorError> {
        for server in &mut *servers {
            server.terminate().await?;
        }
        if let Some(server) = servers.first() {
            server.begin_epoch().await?;
            self.epochs += 1;
        }
        for server in servers {
            self.start(server).await?;
        }
        Ok(())
    }

    async fn start(&mut self, server: &mut Server) -> Result<(), SimulatorError> {
        let begun = Instant::now();
        server.again().await?;
        self.slowest_start_ms = self.slowest_start_ms.max(begun.elapsed().as_millis());
        Ok(())
    }
}
