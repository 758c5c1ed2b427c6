//! What happens to the processes: kill -9 every few seconds, and once a restart of one after the other.

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::{sync::watch, time::timeout};

use crate::{SimulatorError, random::Random, server::Server};

/// How the processes were ended.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Storm {
    /// With -9.
    pub kills: usize,
    /// With SIGTERM, one after the other.
    pub rolled: usize,
    /// The longest time, in milliseconds, from a start to being ready.
    pub slowest_start_ms: u128,
}

impl Storm {
    /// Ends and starts the servers until the run is over, never two at once; halfway through `length` it restarts one
    /// after the other as an operator would.
    ///
    /// # Errors
    /// Where a server does not end or does not start.
    pub async fn rage(
        servers: &mut [Server],
        mut random: Random,
        length: Duration,
        mut over: watch::Receiver<bool>,
    ) -> Result<Self, SimulatorError> {
        let (mut storm, begun) = (Self::default(), Instant::now());
        loop {
            let pause = Duration::from_millis(2_000 + random.below(5_000) as u64);
            if timeout(pause, over.wait_for(|over| *over)).await.is_ok() {
                return Ok(storm);
            }
            if storm.rolled == 0 && begun.elapsed() > length / 2 {
                for server in &mut *servers {
                    server.terminate().await?;
                    storm.rolled += 1;
                    storm.start(server).await?;
                }
            } else if let Some(server) = servers.get_mut(random.below(2)) {
                server.kill().await?;
                storm.kills += 1;
                storm.start(server).await?;
            }
        }
    }

    async fn start(&mut self, server: &mut Server) -> Result<(), SimulatorError> {
        let begun = Instant::now();
        server.again().await?;
        self.slowest_start_ms = self.slowest_start_ms.max(begun.elapsed().as_millis());
        Ok(())
    }
}
