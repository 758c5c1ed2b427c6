//! T8: the statements for each event, over all stages, counted by Postgres (`pg_stat_statements`). It runs on a server
//! of its own, because counting costs time.

use std::{path::Path, sync::Arc, time::Duration};

use serde::Serialize;

use super::{
    bodies::Bodies,
    drive::closed_loop,
    round::{PATIENCE, WARM, complete},
};
use crate::{
    SimulatorError, clock, doors::Doors, graphql::Client, output::say, programs::psql, server::Server, sink::Sink,
    target::Target,
};

/// The number of statements.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Spoken {
    /// Statements for each acknowledged request, with `BEGIN` and `COMMIT`.
    pub an_event: f64,
}

const COUNT: &str = "SELECT sum(calls) FROM pg_stat_statements";

/// Every statement: calls, total milliseconds, rows and text.
const EACH: &str = "SELECT calls, round(total_exec_time::numeric, 1), rows, regexp_replace(query, '\\s+', ' ', 'g') \
    FROM pg_stat_statements ORDER BY total_exec_time DESC";

/// Counts under T2's load, and writes each statement into `statements.psv` in `out`. `None` if this Postgres has no
/// `pg_stat_statements`.
///
/// # Errors
/// The server or its database refuses a request.
pub async fn measure(
    binary: &Path,
    folder: &Path,
    out: &Path,
    number: usize,
    seconds: u64,
) -> Result<Option<Spoken>, SimulatorError> {
    let mut server = Server::start(binary, folder).await?;
    let target = Target::find(folder).await?;
    let has = "SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_stat_statements'";
    if psql(&target.database_url, has).await? == "0" {
        say("  T8 is left out: this Postgres has no pg_stat_statements");
        server.stop().await?;
        return Ok(None);
    }
    psql(&target.database_url, "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'").await?;
    server.terminate().await?;
    server.again().await?;
    let spoken = count(&Target::find(folder).await?, out, number, seconds).await;
    server.stop().await?;
    spoken.map(Some)
}

async fn count(target: &Target, out: &Path, number: usize, seconds: u64) -> Result<Spoken, SimulatorError> {
    psql(&target.database_url, "CREATE EXTENSION pg_stat_statements").await?;
    let client = Client::new(target)?;
    let sink = Sink::start().await.map_err(SimulatorError::io("the sink"))?;
    let (_, secret) = client.register_webhook("bench", sink.url(), Some(&["message.created"])).await?;
    sink.trust(secret);
    let mut bodies = Bodies::new(Doors::of(target)?, clock::now(), number as u64);
    let (address, warm) = bodies.take(WARM);
    let warm = complete(closed_loop(&address, Arc::new(warm), PATIENCE).await?)?;
    sink.wait_for(warm.accepted, PATIENCE).await;
    psql(&target.database_url, "SELECT pg_stat_statements_reset()").await?;
    let (_, ready) = bodies.take(usize::try_from(seconds).unwrap_or(1) * 10_000);
    let driven = complete(closed_loop(&address, Arc::new(ready), Duration::from_secs(seconds)).await?)?;
    sink.wait_for(warm.accepted + driven.accepted, PATIENCE).await;
    let said = psql(&target.database_url, COUNT).await?;
    let each = psql(&target.database_url, EACH).await?;
    let path = out.join("statements.psv");
    std::fs::write(&path, each).map_err(SimulatorError::io(path.display().to_string()))?;
    let statements: f64 = said.parse().map_err(|_| SimulatorError::Program { program: "psql".into(), said })?;
    #[expect(clippy::cast_precision_loss, reason = "no run has so many posts")]
    Ok(Spoken { an_event: statements / driven.accepted as f64 })
}
