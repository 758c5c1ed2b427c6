//! Runs a command with a Postgres for tests, and stops it afterwards: `with-postgres cargo nextest run`.

use std::process::{ExitCode, ExitStatus};

use inlet_server::postgres::{Cluster, PostgresError};
use inlet_tests::cluster;
use tokio::process::Command;

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        inlet_server::telemetry::complain(&std::io::Error::other("usage: with-postgres <command> [arguments]"));
        return ExitCode::from(2);
    };
    let mut command = Command::new(program);
    command.args(arguments);
    inlet_server::telemetry::log(inlet_server::telemetry::LogFormat::Human, "warn");
    match run(command).await {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from),
        Err(error) => {
            inlet_server::telemetry::complain(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(mut command: Command) -> Result<ExitStatus, PostgresError> {
    let io = |source| PostgresError::Io { what: "could not run", path: "the command".into(), source };
    if std::env::var_os("DATABASE_URL").is_some_and(|url| !url.is_empty()) {
        return command.status().await.map_err(io);
    }
    let postgres = Cluster::start(cluster::config()).await?;
    command.env(cluster::URL_VARIABLE, postgres.address().url("postgres"));
    let status = command.status().await.map_err(io);
    postgres.stop().await?;
    status
}
