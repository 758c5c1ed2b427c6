//! The commands of `inlet`.

mod admin;
mod dev;
mod listen;
mod print;
mod remote;
mod replay;
mod serve;

use clap::{Parser, Subcommand};
use inlet_domain::event::{EventType, schema};
use inlet_simulator::{DemoArgs, SimulateArgs};
use inlet_store::database::Database;

use crate::{
    config::DatabaseArgs,
    error::ServerError,
    telemetry::{self, LogFormat},
    upgrade,
};

/// The backend of a unified inbox. It turns the events of messaging providers into conversations, live updates and
/// webhooks.
#[derive(Debug, Parser)]
#[command(name = "inlet", version, propagate_version = true)]
pub struct Cli {
    /// The log filter, e.g. `info`, `debug`, `info,inlet_notifier=debug`.
    #[arg(
        long,
        env = "INLET_LOG",
        global = true,
        default_value = "info,actix_http=off,actix_server=warn,sqlx=warn,sqlx_core::pool=off",
        value_name = "FILTER"
    )]
    log: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything on this machine: all roles, a Postgres of its own, a demo workspace.
    Dev(dev::DevArgs),
    /// Start a server for production. It needs a migrated database and a key for secrets.
    Serve(serve::ServeArgs),
    /// Apply the missing migrations and the steps after them, and create the partitions of the next days.
    Migrate(DatabaseArgs),
    /// Print the GraphQL schema.
    Schema,
    /// Write the JSON Schema of each event type's webhook body to a folder.
    EventSchemas {
        /// The folder. Other files in it stay.
        folder: std::path::PathBuf,
    },
    /// Print the table of rights as Markdown.
    Rights,
    /// Create workspaces, members, keys and sources, set passwords, reseal secrets, begin new epochs.
    Admin(admin::AdminArgs),
    /// Replay kept requests of providers on a running server: read them anew and apply them once more.
    Replay(replay::ReplayArgs),
    /// Follow the event log of a running server in the terminal.
    Listen(listen::ListenArgs),
    /// Post every documented event of every provider to a running `inlet dev`, and show each result.
    Demo(DemoArgs),
    /// Play every provider against a running server, then check that nothing was lost or applied twice.
    Simulate(SimulateArgs),
}

/// Runs the command to its end.
///
/// # Errors
/// The error that ended the command early.
pub async fn run(cli: Cli) -> Result<(), ServerError> {
    // Fails if a caller in this process has installed a provider already; every caller installs the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let export = match cli.command {
        Command::Serve(_) => telemetry::log_and_export(LogFormat::Json, &cli.log)?,
        Command::Dev(_) => telemetry::log_and_export(LogFormat::Human, &cli.log)?,
        _ => {
            telemetry::log(LogFormat::Human, &cli.log);
            None
        }
    };
    let ended = perform(cli.command).await;
    if let Some(export) = export {
        export.finish().await;
    }
    ended
}

async fn perform(command: Command) -> Result<(), ServerError> {
    match command {
        Command::Dev(args) => Box::pin(dev::run(args)).await,
        Command::Serve(args) => Box::pin(serve::run(args)).await,
        Command::Migrate(args) => migrate(&args).await,
        Command::Schema => print::line(&inlet_api::schema_sdl()),
        Command::EventSchemas { folder } => event_schemas(&folder),
        Command::Rights => print::line(&inlet_api::rights_markdown()),
        Command::Admin(args) => Box::pin(admin::run(args)).await,
        Command::Replay(args) => replay::run(args).await,
        Command::Listen(args) => listen::run(args).await,
        Command::Demo(args) => Ok(Box::pin(inlet_simulator::demo(args)).await?),
        Command::Simulate(args) => Ok(Box::pin(inlet_simulator::simulate(args)).await?),
    }
}

fn event_schemas(folder: &std::path::Path) -> Result<(), ServerError> {
    let files = EventType::ALL.iter().filter_map(|kind| Some((kind.name(), schema::of(*kind)?)));
    for (name, schema) in files {
        let path = folder.join(format!("{name}.json"));
        std::fs::write(&path, format!("{schema:#}\n")).map_err(ServerError::file("could not write", &path))?;
    }
    Ok(())
}

async fn migrate(args: &DatabaseArgs) -> Result<(), ServerError> {
    let database = Database::connect(&args.database_url, 2, 1).await?;
    let ambient = inlet_domain::ambient::Ambient::system();
    database.migrate().await?;
    upgrade::run(&database, &ambient).await?;
    let made = inlet_store::records::partitions::ensure(&database, ambient.now()).await?;
    print::line(&format!("the database is up to date; created {} partitions", made.partitions))
}
