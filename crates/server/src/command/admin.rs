//! `inlet admin`: what a new installation needs before anyone can log in.

use clap::{Args, Subcommand};
use inlet_domain::{
    ambient::Ambient,
    database::{Database, PgConnection},
    error::StoreError,
    ids::WorkspaceId,
    model::{
        provider::{Provider, Verification},
        right::{KeyScope, Role},
    },
    scope::Scope,
    store::{credentials, members, setup, sources},
};
use secrecy::{ExposeSecret, SecretString};

use super::print;
use crate::{
    config::{DatabaseArgs, SecretsArgs},
    error::ServerError,
};

/// What `inlet admin` takes.
#[derive(Debug, Args)]
pub(super) struct AdminArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    secrets: SecretsArgs,
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Make a workspace.
    #[command(name = "create-workspace")]
    Workspace {
        /// What people call it.
        #[arg(long, env = "INLET_ADMIN_NAME")]
        name: String,
        /// Its short name: lower-case letters, digits and hyphens.
        #[arg(long, env = "INLET_ADMIN_SLUG")]
        slug: String,
    },
    /// Make a member. A person who is new gets a random password, which is shown once.
    #[command(name = "create-member")]
    Member {
        /// The workspace, by its short name or id.
        #[arg(long, env = "INLET_ADMIN_WORKSPACE")]
        workspace: String,
        /// The login.
        #[arg(long, env = "INLET_ADMIN_EMAIL")]
        email: String,
        /// What others call them.
        #[arg(long, env = "INLET_ADMIN_NAME")]
        name: String,
        /// `owner`, `admin`, `agent` or `viewer`.
        #[arg(long, env = "INLET_ADMIN_ROLE", default_value = "agent")]
        role: Role,
    },
    /// Make an API key, which is shown once.
    #[command(name = "create-key")]
    Key {
        /// The workspace, by its short name or id.
        #[arg(long, env = "INLET_ADMIN_WORKSPACE")]
        workspace: String,
        /// What it is for.
        #[arg(long, env = "INLET_ADMIN_NAME")]
        name: String,
        /// `read`, `write`, `admin`, comma-separated.
        #[arg(long, env = "INLET_ADMIN_SCOPES", value_delimiter = ',', default_value = "read")]
        scopes: Vec<KeyScope>,
    },
    /// Make a source: a URL that a provider posts to. A new account of that provider comes with it.
    #[command(name = "create-source")]
    Source {
        /// The workspace, by its short name or id.
        #[arg(long, env = "INLET_ADMIN_WORKSPACE")]
        workspace: String,
        /// `oneroute`, `mobtexting`, `oblic` or `custom`.
        #[arg(long, env = "INLET_ADMIN_PROVIDER")]
        provider: Provider,
        /// What people call it.
        #[arg(long, env = "INLET_ADMIN_NAME")]
        name: String,
        /// What the provider signs with. Default: random.
        #[arg(long, env = "INLET_ADMIN_SECRET", hide_env_values = true)]
        secret: Option<String>,
    },
}

pub(super) async fn run(args: AdminArgs) -> Result<(), ServerError> {
    let ambient = Ambient::system();
    let sealer = args.secrets.sealer(&ambient)?;
    let database = Database::connect(&args.database.database_url, 2, 1).await?;
    let mut transaction = database.pool.begin().await.map_err(StoreError::from)?;
    let conn = &mut *transaction;
    let random = || SecretString::from(hex::encode(&ambient.random_256()[..16]));
    let said = match args.task {
        Task::Workspace { name, slug } => {
            format!("workspace {}", setup::create_workspace(conn, &ambient, &name, &slug).await?)
        }
        Task::Member { workspace, email, name, role } => {
            let scope = scope_of(conn, &workspace).await?;
            let password = random();
            let new = members::NewMember { email: email.clone(), name, role, password: password.clone() };
            let id = members::create(conn, &ambient, scope, new).await?;
            format!("member {id}\nemail {email}\npassword, where the person is new: {}", password.expose_secret())
        }
        Task::Key { workspace, name, scopes } => {
            let scope = scope_of(conn, &workspace).await?;
            let (id, token) = credentials::create_api_key(conn, &ambient, scope, &name, &scopes).await?;
            format!("key {id}\ntoken {}", token.expose_secret())
        }
        Task::Source { workspace, provider, name, secret } => {
            let scope = scope_of(conn, &workspace).await?;
            let secret = secret.map_or_else(random, SecretString::from);
            let new = sources::NewSource {
                name,
                provider,
                account: None,
                verification: Verification::Hmac,
                secret: Some(secret.clone()),
                settings: sources::SourceSettings::default(),
            };
            let (source, token) = sources::create(conn, scope, &sealer, &ambient, new).await?;
            format!("source {}\npath /in/{token}\nsecret {}", source.id, secret.expose_secret())
        }
    };
    transaction.commit().await.map_err(StoreError::from)?;
    print::line(&said)
}

async fn scope_of(conn: &mut PgConnection, workspace: &str) -> Result<Scope, ServerError> {
    if let Ok(id) = workspace.parse::<WorkspaceId>() {
        return Ok(Scope::of(id));
    }
    let found = setup::workspace_by_slug(conn, workspace).await?;
    found.map(Scope::of).ok_or_else(|| ServerError::Argument(format!("there is no workspace `{workspace}`")))
}
