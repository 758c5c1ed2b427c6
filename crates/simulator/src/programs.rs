//! Programs beside the server: Postgres's own tools, the only code that gets the address of the database.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::SimulatorError;

/// Finds a program of Postgres: `INLET_PG_BINDIR`, `pg_config --bindir`, the distributions' folders, the PATH.
///
/// # Errors
/// The program is in none of these.
pub async fn postgres_program(name: &str) -> Result<PathBuf, SimulatorError> {
    let mut folders: Vec<PathBuf> = std::env::var_os("INLET_PG_BINDIR").map(PathBuf::from).into_iter().collect();
    if let Ok(said) = Command::new("pg_config").arg("--bindir").output().await {
        folders.push(PathBuf::from(String::from_utf8_lossy(&said.stdout).trim()));
    }
    let mut versions: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    versions.sort();
    folders.extend(versions.into_iter().rev());
    folders.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect::<Vec<_>>());
    let mut places = folders.into_iter().map(|folder| folder.join(name));
    places.find(|place| place.is_file()).ok_or_else(|| SimulatorError::MissingProgram {
        program: name.to_owned(),
        advice: "install the package postgresql, or set INLET_PG_BINDIR".into(),
    })
}

/// Runs a program to its end, and returns its output.
///
/// # Errors
/// The program cannot be started, or fails.
pub async fn output_of(program: &Path, arguments: &[&str]) -> Result<String, SimulatorError> {
    let name = program.display().to_string();
    let run = Command::new(program).args(arguments).kill_on_drop(true).output().await;
    let said = run.map_err(SimulatorError::io(format!("{name} cannot be started")))?;
    if said.status.success() {
        return Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned());
    }
    let said = String::from_utf8_lossy(&said.stderr).trim().to_owned();
    Err(SimulatorError::Program { program: name, said })
}

/// The answer of Postgres to one statement.
///
/// # Errors
/// psql is missing or fails.
pub async fn psql(database_url: &str, statement: &str) -> Result<String, SimulatorError> {
    let psql = postgres_program("psql").await?;
    output_of(&psql, &["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database_url, "-c", statement]).await
}
