//! `inlet serve`: a server for production.

use clap::Args;
use inlet_domain::ambient::Ambient;

use crate::{
    config::{DatabaseArgs, HttpArgs, MailArgs, Role, Roles, SecretsArgs, ServerConfig, WorkArgs},
    error::ServerError,
    lifecycle::Shutdown,
    server::Server,
};

/// The arguments of `inlet serve`.
#[derive(Debug, Clone, Args)]
pub(super) struct ServeArgs {
    /// The roles of this process, comma-separated. Any number of processes may have the same role over one database.
    #[arg(long, env = "INLET_ROLES", value_name = "ROLES", value_delimiter = ',', default_value = "all")]
    roles: Vec<Role>,
    /// Allow webhooks to loopback and private addresses, and over plain http. Not for production.
    #[arg(long, env = "INLET_ALLOW_LOOPBACK_TARGETS")]
    allow_loopback_targets: bool,
    /// Apply the missing migrations at the start, instead of refusing to start.
    #[arg(long, env = "INLET_MIGRATE")]
    migrate: bool,
    #[command(flatten)]
    http: HttpArgs,
    #[command(flatten)]
    work: WorkArgs,
    #[command(flatten)]
    mail: MailArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    secrets: SecretsArgs,
}

pub(super) async fn run(args: ServeArgs) -> Result<(), ServerError> {
    let ambient = Ambient::system();
    let sealer = args.secrets.sealer(&ambient)?;
    let url = args.database.database_url.into();
    let mut config = ServerConfig::new(Roles::of(&args.roles), args.http, &args.work, url, sealer, ambient);
    config.migrate = args.migrate;
    config.allow_loopback_targets = args.allow_loopback_targets;
    config.mail_hook = args.mail.hook()?;
    let server = Server::build(config).await?;
    tracing::info!(address = %server.address(), url = server.public_url(), "listening");
    server.run(Shutdown::on_signals()).await
}
