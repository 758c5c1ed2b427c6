//! The configuration. Every flag has an environment variable.

mod arguments;

use std::{num::NonZeroUsize, time::Duration};

use clap::ValueEnum;
use inlet_api::{ApiConfig, Introspection};
use inlet_domain::{ambient::Ambient, secrets::Sealer};
use inlet_notifier::MailHook;
use inlet_store::{apply::ApplyConfig, records::retention::Retention};
use secrecy::SecretString;

pub use self::arguments::{Asker, DatabaseArgs, HttpArgs, MailArgs, RetentionArgs, SecretsArgs, WorkArgs};

/// A part of the work that a process may take on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Receives the requests of providers.
    Ingest,
    /// Serves GraphQL over HTTP and WebSocket.
    Api,
    /// Sends Inlet's own webhooks.
    Notifier,
    /// All roles.
    All,
}

/// Which roles a process has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    /// [`Role::Ingest`].
    pub ingest: bool,
    /// [`Role::Api`].
    pub api: bool,
    /// [`Role::Notifier`].
    pub notifier: bool,
}

impl Roles {
    /// The roles in the list.
    #[must_use]
    pub fn of(roles: &[Role]) -> Self {
        let has = |role| roles.contains(&role) || roles.contains(&Role::All);
        Self { ingest: has(Role::Ingest), api: has(Role::Api), notifier: has(Role::Notifier) }
    }
}

/// Everything that a [`crate::server::Server`] is built from.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The roles of the process.
    pub roles: Roles,
    /// The address to listen on, as `host:port`.
    pub listen: String,
    /// The base URL under which clients reach the server; `None` means the address that it listens on.
    pub public_url: Option<String>,
    /// The address of `/metrics`, as `host:port`; `None` means the main listener.
    pub metrics_listen: Option<String>,
    /// The token that `/metrics` requires; `None` means none.
    pub metrics_token: Option<SecretString>,
    /// Threads that serve HTTP.
    pub http_workers: usize,
    /// The largest body of a provider's request, in bytes.
    pub max_body: usize,
    /// Networks of proxies whose `X-Forwarded-For` the server believes.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// The longest duration of the first stage of a stop.
    pub shutdown: Duration,
    /// The database.
    pub database_url: SecretString,
    /// The most connections for reads.
    pub connections: u32,
    /// How apply works.
    pub apply: ApplyConfig,
    /// How many days the database keeps data that grows with time.
    pub retention: Retention,
    /// Whether to apply missing migrations at the start, instead of refusing to start.
    pub migrate: bool,
    /// Whether webhooks may go to loopback addresses and over plain http, for development.
    pub allow_loopback_targets: bool,
    /// The receiver of letters to people.
    pub mail_hook: Option<MailHook>,
    /// The settings of GraphQL. The server sets some of them itself when it runs.
    pub api: ApiConfig,
    /// The keys for secrets.
    pub sealer: Sealer,
    /// Time and randomness.
    pub ambient: Ambient,
}

impl ServerConfig {
    /// The configuration from the arguments of the command line.
    #[must_use]
    pub fn new(
        roles: Roles,
        http: HttpArgs,
        work: &WorkArgs,
        database_url: SecretString,
        sealer: Sealer,
        ambient: Ambient,
    ) -> Self {
        Self {
            roles,
            listen: http.listen,
            public_url: http.public_url.map(|url| url.trim_end_matches('/').to_owned()),
            metrics_listen: http.metrics_listen,
            metrics_token: http.metrics_token,
            http_workers: http
                .http_workers
                .or_else(|| std::thread::available_parallelism().ok())
                .map_or(1, NonZeroUsize::get),
            max_body: http.max_body,
            trusted_proxies: http.trusted_proxies,
            shutdown: Duration::from_secs(http.shutdown_seconds),
            database_url,
            connections: work.connections.max(2),
            apply: ApplyConfig { lanes: work.lanes.max(1), queue: work.queue.max(2), ..ApplyConfig::default() },
            retention: work.retention.retention(),
            migrate: false,
            allow_loopback_targets: false,
            mail_hook: None,
            api: ApiConfig {
                introspection: match http.introspection {
                    Asker::Off => Introspection::Off,
                    Asker::Members => Introspection::Members,
                    Asker::Public => Introspection::Public,
                },
                max_answer: http.max_answer,
                allowed_origins: http.allowed_origins,
                operation: Duration::from_secs(http.operation_seconds),
                max_live: http.max_live,
                max_live_each: http.max_live_each,
                ..ApiConfig::default()
            },
            sealer,
            ambient,
        }
    }
}
