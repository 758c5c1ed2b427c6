//! `inlet dev`: starts everything on one machine.

use std::path::PathBuf;

use clap::Args;
use inlet_domain::{ambient::Ambient, scope::Scope, secrets::Sealer};
use inlet_store::{database::Database, error::StoreError, records};
use secrecy::ExposeSecret;

use super::print;
use crate::{
    config::{HttpArgs, MailArgs, Role, Roles, ServerConfig, WorkArgs},
    dev_file::{DevFile, DevSource},
    error::ServerError,
    files, keys,
    lifecycle::Shutdown,
    postgres::{Cluster, PostgresConfig},
    seed,
    server::Server,
};

/// The database in the embedded cluster.
const DATABASE: &str = "inlet";

/// The short name of the demo workspace.
const SLUG: &str = "demo";

/// The arguments of `inlet dev`.
#[derive(Debug, Clone, Args)]
pub(super) struct DevArgs {
    /// The folder of all data: the database, the key for secrets, dev.json.
    #[arg(long, env = "INLET_DATA_DIR", value_name = "DIR", default_value = "./.inlet")]
    data_dir: PathBuf,
    /// Use this database instead of an embedded Postgres.
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    database_url: Option<String>,
    #[command(flatten)]
    http: HttpArgs,
    #[command(flatten)]
    work: WorkArgs,
    #[command(flatten)]
    mail: MailArgs,
}

pub(super) async fn run(args: DevArgs) -> Result<(), ServerError> {
    let shutdown = Shutdown::on_signals();
    let ambient = Ambient::system();
    let data_dir = &args.data_dir;
    files::create_folder(data_dir).map_err(ServerError::file("could not make", data_dir))?;
    let sealer = keys::of_file(&data_dir.join("secrets.key"), &ambient)?;
    let cluster = match &args.database_url {
        Some(_) => None,
        None => Some(Cluster::start(PostgresConfig::under(data_dir)).await?),
    };
    let outcome = Box::pin(serve(&args, cluster.as_ref(), sealer, ambient, shutdown)).await;
    if let Some(cluster) = cluster {
        cluster.stop().await?;
    }
    outcome
}

async fn serve(
    args: &DevArgs,
    cluster: Option<&Cluster>,
    sealer: Sealer,
    ambient: Ambient,
    shutdown: Shutdown,
) -> Result<(), ServerError> {
    let (inside, outside) = match cluster {
        Some(cluster) => {
            let address = cluster.address();
            address.create_database(DATABASE).await?;
            (address.socket_url(DATABASE), address.url(DATABASE))
        }
        None => {
            let url = args.database_url.clone().unwrap_or_default();
            (url.clone(), url)
        }
    };
    let mut config = ServerConfig::new(
        Roles::of(&[Role::All]),
        args.http.clone(),
        &args.work,
        inside.into(),
        sealer.clone(),
        ambient.clone(),
    );
    config.migrate = true;
    config.allow_loopback_targets = true;
    config.mail_hook = args.mail.hook()?;
    let server = Server::build(config).await?;
    let dev = dev_file(args, &server, outside, &sealer, &ambient).await?;
    dev.write(&args.data_dir)?;
    announce(args, &dev)?;
    server.run(shutdown).await
}

/// The credentials of an earlier start, if this database still has them. Otherwise plants a workspace with new
/// credentials: `demo`, or a random slug if the database already has a demo workspace.
async fn dev_file(
    args: &DevArgs,
    server: &Server,
    database_url: String,
    sealer: &Sealer,
    ambient: &Ambient,
) -> Result<DevFile, ServerError> {
    let url = server.public_url().to_owned();
    let graphql_url = format!("{url}/graphql");
    if let Some(left) = DevFile::read(&args.data_dir)?
        && records::credentials::viewer(server.database(), ambient, &left.api_key)
            .await?
            .is_some_and(|viewer| viewer.scope.workspace() == left.workspace_id)
    {
        let sources = moved(server.database(), &left, sealer, &url).await?;
        return Ok(DevFile { url, graphql_url, database_url, sources, ..left });
    }
    let mut transaction = server.database().upkeep.begin().await.map_err(StoreError::from)?;
    let slug = match records::setup::workspace_by_slug(&mut transaction, SLUG).await? {
        None => SLUG.to_owned(),
        Some(_) => format!("{SLUG}-{}", &hex::encode(ambient.random_256())[..8]),
    };
    let seeds = seed::plant(&mut transaction, ambient, sealer, "Demo", &slug).await?;
    transaction.commit().await.map_err(StoreError::from)?;
    Ok(DevFile {
        sources: seeds.urls(&url),
        url,
        graphql_url,
        database_url,
        workspace_id: seeds.workspace,
        email: seeds.email,
        password: seeds.password.expose_secret().to_owned(),
        api_key: seeds.api_key.expose_secret().to_owned(),
    })
}

/// The sources of an earlier start, with the public URL of this start.
async fn moved(
    database: &Database,
    left: &DevFile,
    sealer: &Sealer,
    url: &str,
) -> Result<std::collections::BTreeMap<String, DevSource>, ServerError> {
    let standing = records::sources::list(database, Scope::of(left.workspace_id), sealer).await?;
    let sources = left.sources.iter().map(|(provider, source)| {
        let token = source.url.rsplit('/').next().unwrap_or_default();
        if !standing.iter().any(|(_, known)| known == token) {
            tracing::warn!(provider, "the database no longer has a source of dev.json");
        }
        (provider.clone(), DevSource { url: format!("{url}/in/{token}"), secret: source.secret.clone() })
    });
    Ok(sources.collect())
}

fn announce(args: &DevArgs, dev: &DevFile) -> Result<(), ServerError> {
    let mut text = format!(
        "\nInlet is up.\n\n  GraphQL    {}  (in a browser: GraphiQL)\n  login      {}  {}\n  API key    {}\n",
        dev.graphql_url, dev.email, dev.password, dev.api_key
    );
    for (provider, source) in &dev.sources {
        text.push_str(&format!("  {provider:<10} {}  secret {}\n", source.url, source.secret));
    }
    text.push_str(&format!(
        "\n{} holds these URLs and credentials. `make demo` posts every documented event. Ctrl-C stops the server.\n",
        DevFile::path(&args.data_dir).display()
    ));
    print::line(&text)
}
