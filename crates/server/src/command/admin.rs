//! `inlet admin`: tasks of an operator at the command line. A command that changes a workspace writes an audit entry in
//! the same transaction.

use chrono::{DateTime, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use inlet_domain::{
    ambient::Ambient,
    ids::{AnyId, WorkspaceId},
    model::{
        provider::{Provider, Verification},
        right::{KeyScope, Role},
    },
    scope::{Actor, Scope},
    secrets::Sealer,
};
use inlet_store::{
    database::{Database, PgConnection},
    error::StoreError,
    records::{
        api_keys,
        audit::{self, Origin, Record},
        canary, members, settings, setup, sources, upkeep,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::print;
use crate::{
    config::{DatabaseArgs, SecretsArgs},
    error::ServerError,
};

/// The arguments of `inlet admin`.
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
    #[command(flatten)]
    Make(Make),
    /// Set a member's password and end their sessions. Use it for a member who has no password yet, or who forgot it
    /// and cannot reset it by mail.
    #[command(name = "set-password")]
    SetPassword {
        /// The email of the login.
        #[arg(long, env = "INLET_ADMIN_EMAIL")]
        email: String,
        /// The workspace, by its short name or id. Needed if several workspaces have a login with this email.
        #[arg(long, env = "INLET_ADMIN_WORKSPACE")]
        workspace: Option<String>,
        /// The password. Default: a random one, which is printed once. Prefer the environment: other users of the
        /// machine can see the command line.
        #[arg(long, env = "INLET_ADMIN_PASSWORD", hide_env_values = true)]
        password: Option<SecretString>,
    },
    /// Seal every secret and every kept request anew under the newest key. First start every server with both keys
    /// (INLET_SECRETS_KEYS=1:<old>,2:<new>). When this command is done, you can remove the old key. You can interrupt
    /// the command and run it again.
    Reseal,
    /// Begin a new epoch of every event log. Run it after a restore from a backup, before the servers start. Followers
    /// with an older cursor are then told to read anew instead of missing events. Sessions and API keys that were ended
    /// after the backup are valid again: end them once more.
    #[command(name = "new-epoch")]
    NewEpoch,
}

#[derive(Debug, Subcommand)]
enum Make {
    /// Create a workspace.
    #[command(name = "create-workspace")]
    Workspace {
        /// The display name.
        #[arg(long, env = "INLET_ADMIN_NAME")]
        name: String,
        /// The short name: lower-case letters, digits and hyphens.
        #[arg(long, env = "INLET_ADMIN_SLUG")]
        slug: String,
    },
    /// Create a member. The login works in this workspace only, also if another workspace has a login with this email.
    /// The random password is printed once.
    #[command(name = "create-member")]
    Member {
        /// The workspace, by its short name or id.
        #[arg(long, env = "INLET_ADMIN_WORKSPACE")]
        workspace: String,
        /// The email of the login.
        #[arg(long, env = "INLET_ADMIN_EMAIL")]
        email: String,
        /// The display name.
        #[arg(long, env = "INLET_ADMIN_NAME")]
        name: String,
        /// `owner`, `admin`, `agent` or `viewer`.
        #[arg(long, env = "INLET_ADMIN_ROLE", default_value = "agent")]
        role: Role,
    },
    /// Create an API key, which is printed once.
    #[command(name = "create-key")]
    Key {
        /// The workspace, by its short name or id.
        #[arg(long, env = "INLET_ADMIN_WORKSPACE")]
        workspace: String,
        /// The purpose of the key.
        #[arg(long, env = "INLET_ADMIN_NAME")]
        name: String,
        /// The scopes, comma-separated: `read`, `notes`, `write`, `admin`.
        #[arg(long, env = "INLET_ADMIN_SCOPES", value_delimiter = ',', default_value = "read")]
        scopes: Vec<KeyScope>,
        /// When the key expires, e.g. `2027-01-01T00:00:00Z`. Default: never.
        #[arg(long, env = "INLET_ADMIN_EXPIRES_AT", value_name = "TIME")]
        expires_at: Option<DateTime<Utc>>,
    },
    /// Create a source: a URL that a provider posts to. This also creates a new account of that provider.
    #[command(name = "create-source")]
    Source {
        /// The workspace, by its short name or id.
        #[arg(long, env = "INLET_ADMIN_WORKSPACE")]
        workspace: String,
        /// The provider that posts to the source.
        #[arg(long, env = "INLET_ADMIN_PROVIDER", value_parser = providers())]
        provider: Provider,
        /// The display name.
        #[arg(long, env = "INLET_ADMIN_NAME")]
        name: String,
        /// The secret that the provider signs with. Default: random.
        #[arg(long, env = "INLET_ADMIN_SECRET", hide_env_values = true)]
        secret: Option<String>,
    },
}

fn providers() -> impl TypedValueParser<Value = Provider> {
    PossibleValuesParser::new(Provider::ALL.iter().map(|provider| provider.as_str()))
        .try_map(|name| name.parse::<Provider>())
}

/// The result of a command.
struct Done {
    workspace: Scope,
    action: &'static str,
    subject: AnyId,
    said: String,
}

pub(super) async fn run(args: AdminArgs) -> Result<(), ServerError> {
    let ambient = Ambient::system();
    let sealer = args.secrets.sealer(&ambient)?;
    let database = Database::connect(&args.database.database_url, 2, 1).await?;
    match args.task {
        Task::Reseal => reseal(&database, &sealer).await,
        Task::NewEpoch => new_epoch(&database, &ambient).await,
        Task::SetPassword { email, workspace, password } => {
            set_password(&database, &ambient, &email, workspace, password).await
        }
        Task::Make(task) => {
            // The servers could not read secrets that are sealed under another key.
            canary::check(&database, &sealer).await?;
            let mut transaction = database.upkeep.begin().await.map_err(StoreError::from)?;
            let done = create(&mut transaction, &ambient, &sealer, task).await?;
            write_down(&mut transaction, &ambient, done.workspace, done.action, Some(done.subject)).await?;
            settings::tell(&mut transaction, &ambient, done.workspace, Actor::System, done.subject).await?;
            transaction.commit().await.map_err(StoreError::from)?;
            print::line(&done.said)
        }
    }
}

async fn write_down(
    conn: &mut PgConnection,
    ambient: &Ambient,
    workspace: Scope,
    action: &str,
    subject: Option<AnyId>,
) -> Result<(), StoreError> {
    let (detail, origin) = (json!({}), Origin::default());
    let record = Record { actor: Actor::System, action, subject, detail: &detail, refusal: None, origin: &origin };
    audit::write(conn, ambient, workspace, record).await
}

async fn create(conn: &mut PgConnection, ambient: &Ambient, sealer: &Sealer, task: Make) -> Result<Done, ServerError> {
    Ok(match task {
        Make::Workspace { name, slug } => {
            let id = setup::create_workspace(conn, ambient, &name, &slug).await?;
            let said = format!("workspace {id}");
            Done { workspace: Scope::of(id), action: "admin.create-workspace", subject: id.into(), said }
        }
        Make::Member { workspace, email, name, role } => {
            let workspace = scope_of(conn, &workspace).await?;
            let new = members::NewMember { email: email.clone(), name, role, password: None };
            let made = members::create(conn, ambient, workspace, new).await?;
            let mut said = format!("member {}\nemail {email}\nrole {role}\n", made.id);
            if let Some(password) = made.password {
                said.push_str(&format!("password {}", password.expose_secret()));
            }
            Done { workspace, action: "admin.create-member", subject: made.id.into(), said }
        }
        Make::Key { workspace, name, scopes, expires_at } => {
            let workspace = scope_of(conn, &workspace).await?;
            let new = api_keys::NewApiKey { name, scopes, expires_at };
            let (id, token) = api_keys::create(conn, ambient, workspace, Actor::System, &new).await?;
            let scopes: Vec<&str> = new.scopes.iter().map(|scope| scope.as_str()).collect();
            let said = format!("key {id}\nscopes {}\ntoken {}", scopes.join(","), token.expose_secret());
            Done { workspace, action: "admin.create-key", subject: id.into(), said }
        }
        Make::Source { workspace, provider, name, secret } => {
            let workspace = scope_of(conn, &workspace).await?;
            let random = || SecretString::from(hex::encode(&ambient.random_256()[..16]));
            let secret = secret.map_or_else(random, SecretString::from);
            let new = sources::NewSource {
                name,
                provider,
                account: None,
                verification: Verification::Hmac,
                secret: Some(secret.clone()),
                settings: sources::SourceSettings::default(),
            };
            let (id, token) = sources::create(conn, workspace, sealer, ambient, new).await?;
            let said = format!("source {}\npath /in/{token}\nsecret {}", id, secret.expose_secret());
            Done { workspace, action: "admin.create-source", subject: id.into(), said }
        }
    })
}

async fn set_password(
    database: &Database,
    ambient: &Ambient,
    email: &str,
    workspace: Option<String>,
    password: Option<SecretString>,
) -> Result<(), ServerError> {
    let is_random = password.is_none();
    let mut transaction = database.pool.begin().await.map_err(StoreError::from)?;
    let conn = &mut *transaction;
    let scope = match workspace {
        Some(workspace) => Some(scope_of(&mut *conn, &workspace).await?),
        None => None,
    };
    let set = members::set_password(&mut *conn, ambient, email, scope, password).await?;
    let mut said = Vec::new();
    for (workspace, member) in &set.members {
        let scope = Scope::of(*workspace);
        write_down(&mut *conn, ambient, scope, "admin.set-password", Some((*member).into())).await?;
        said.push(format!("member {member} of {workspace}"));
    }
    transaction.commit().await.map_err(StoreError::from)?;
    if is_random {
        said.push(format!("password {}", set.password.expose_secret()));
    }
    print::line(&said.join("\n"))
}

async fn reseal(database: &Database, sealer: &Sealer) -> Result<(), ServerError> {
    let bar = ProgressBar::new_spinner();
    let done = upkeep::reseal(database, sealer, |progress| {
        bar.set_message(format!("{}.{}: {}", progress.table, progress.column, progress.resealed));
        bar.tick();
    })
    .await;
    bar.finish_and_clear();
    print::line(&format!("{} values are sealed anew: all are now under key version {}", done?, sealer.version()))
}

async fn new_epoch(database: &Database, ambient: &Ambient) -> Result<(), ServerError> {
    let mut transaction = database.upkeep.begin().await.map_err(StoreError::from)?;
    let begun = upkeep::begin_epoch(&mut transaction, ambient.now()).await?;
    for (workspace, _) in &begun {
        let scope = Scope::of(*workspace);
        write_down(&mut transaction, ambient, scope, "admin.new-epoch", Some((*workspace).into())).await?;
    }
    transaction.commit().await.map_err(StoreError::from)?;
    for (workspace, epoch) in begun {
        print::line(&format!("{workspace} epoch {epoch}"))?;
    }
    Ok(())
}

async fn scope_of(conn: &mut PgConnection, workspace: &str) -> Result<Scope, ServerError> {
    let found = match workspace.parse::<WorkspaceId>() {
        Ok(id) => setup::exists(conn, id).await?.then_some(id),
        Err(_) => setup::workspace_by_slug(conn, workspace).await?,
    };
    found.map(Scope::of).ok_or_else(|| ServerError::Argument(format!("there is no workspace `{workspace}`")))
}
