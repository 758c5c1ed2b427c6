//! The limits of the machine and its Postgres: pgbench with single-row INSERTs of 600 B (TARGETS.md).

use std::path::Path;

use serde::Serialize;

use crate::{
    SimulatorError,
    programs::{output_of, postgres_program, psql},
};

/// The limits of one round.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Limits {
    /// Commits a second with 32 clients.
    pub c32: f64,
    /// Commits a second with one client.
    pub c1: f64,
    /// Milliseconds from statement to commit with one client, on average.
    pub l1_ms: f64,
}

const TABLE: &str = "CREATE SCHEMA IF NOT EXISTS bench_limits;
    DROP TABLE IF EXISTS bench_limits.row;
    CREATE TABLE bench_limits.row (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        key uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(), body jsonb NOT NULL)";

/// Measures the limits of the Postgres at `database_url`, each for `seconds`. `folder` takes pgbench's script.
///
/// # Errors
/// pgbench or psql is missing or fails, or durability is off.
pub async fn measure(database_url: &str, folder: &Path, seconds: u64) -> Result<Limits, SimulatorError> {
    for name in ["fsync", "synchronous_commit"] {
        if psql(database_url, &format!("SHOW {name}")).await? != "on" {
            return Err(SimulatorError::Program { program: "postgres".into(), said: format!("{name} is not on") });
        }
    }
    psql(database_url, TABLE).await?;
    let script = folder.join("limits.sql");
    let body = format!("{{\"text\": \"{}\"}}", "x".repeat(586));
    let insert = format!("INSERT INTO bench_limits.row (body) VALUES ('{body}');\n");
    std::fs::write(&script, insert).map_err(SimulatorError::io(script.display().to_string()))?;
    let (c32, _) = pgbench(database_url, &script, 32, seconds).await?;
    psql(database_url, "TRUNCATE bench_limits.row").await?;
    let (c1, l1_ms) = pgbench(database_url, &script, 1, seconds).await?;
    psql(database_url, "DROP SCHEMA bench_limits CASCADE").await?;
    Ok(Limits { c32, c1, l1_ms })
}

/// Transactions a second and their mean latency in milliseconds.
async fn pgbench(url: &str, script: &Path, clients: usize, seconds: u64) -> Result<(f64, f64), SimulatorError> {
    let program = postgres_program("pgbench").await?;
    let (clients, threads) = (clients.to_string(), clients.min(2).to_string());
    let (seconds, script) = (seconds.to_string(), script.display().to_string());
    let arguments = ["-n", "-M", "prepared", "-c", &clients, "-j", &threads, "-T", &seconds, "-f", &script, url];
    let said = output_of(&program, &arguments).await?;
    read(&said).ok_or(SimulatorError::Program { program: "pgbench".into(), said })
}

fn read(said: &str) -> Option<(f64, f64)> {
    let figure = |name: &str| {
        let line = said.lines().find_map(|line| line.trim().strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    };
    Some((figure("tps = ")?, figure("latency average = ")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_pgbench_prints() {
        let said = "pgbench (15.18)\nnumber of clients: 32\nlatency average = 1.250 ms\n\
                    initial connection time = 40.1 ms\ntps = 25600.123456 (without initial connection time)\n";
        assert_eq!(read(said), Some((25_600.123_456, 1.25)));
        assert_eq!(read("nothing"), None);
    }
}
