//! The server. Building it binds its address; then it runs until it is told to stop.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_web::{App, HttpResponse, HttpServer, dev::Server as Serving, middleware::from_fn, web};
use inlet_adapters::read::Adapters;
use inlet_api::{ApiConfig, ApiParts, ApiState};
use inlet_egress::{Client, Policy};
use inlet_ingest::{
    IngestParts, IngestState,
    report_job::{Reporter, ReporterParts},
};
use inlet_notifier::{Notifier, NotifierConfig, Postman};
use inlet_store::{
    apply::Apply,
    database::Database,
    listener,
    log::Heads,
    presence::{Presence, PresenceConfig},
    records::{canary, partitions, readiness},
    revocations::Revocations,
};
use secrecy::ExposeSecret;
use serde_json::json;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::ServerConfig,
    connections::{self, Connections},
    error::ServerError,
    exposition::{self, Exposition},
    health,
    health::Health,
    lifecycle::Shutdown,
    maintenance, telemetry, upgrade,
};

/// The most connections to a separate listener for metrics.
const METRICS_CONNECTIONS: usize = 64;

/// How long the stop waits for database connections to be returned.
const CLOSE: Duration = Duration::from_secs(2);

/// A server that has bound its address and checked its database, but serves no request yet.
#[derive(Debug)]
pub struct Server {
    config: ServerConfig,
    database: Database,
    listener: TcpListener,
    address: SocketAddr,
    /// The separate listener of `/metrics`, if there is one.
    metrics: Option<(TcpListener, SocketAddr)>,
    public_url: String,
}

fn bind(address: &str) -> Result<(TcpListener, SocketAddr), ServerError> {
    let listen = |source| ServerError::Listen { address: address.to_owned(), source };
    let listener = TcpListener::bind(address).map_err(listen)?;
    let bound = listener.local_addr().map_err(listen)?;
    Ok((listener, bound))
}

impl Server {
    /// Connects, checks the keys, makes the partitions of the next days, and binds the address.
    ///
    /// # Errors
    /// The database cannot be reached or lacks migrations, the keys are not the database's, or the address is taken.
    pub async fn build(config: ServerConfig) -> Result<Self, ServerError> {
        let lanes = u32::try_from(config.apply.lanes).unwrap_or(u32::MAX);
        let database = Database::connect(config.database_url.expose_secret(), config.connections, lanes).await?;
        if config.migrate {
            database.migrate().await?;
            upgrade::run(&database, &config.ambient).await?;
        }
        let found = readiness::look(&database).await?;
        if !found.pending_migrations.is_empty() {
            return Err(ServerError::Unmigrated(found.pending_migrations));
        }
        if found.is_upgrade_pending {
            return Err(ServerError::UpgradePending);
        }
        canary::check(&database, &config.sealer).await.map_err(|error| match error {
            error @ inlet_store::error::StoreError::Open(_) => ServerError::WrongKeys(error),
            error => ServerError::Store(error),
        })?;
        partitions::ensure(&database, config.ambient.now()).await?;
        let (listener, address) = bind(&config.listen)?;
        let metrics = config.metrics_listen.as_deref().map(bind).transpose()?;
        let public_url = config.public_url.clone().unwrap_or_else(|| format!("http://{}", reachable(address)));
        Ok(Self { config, database, listener, address, metrics, public_url })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of `/metrics`, if it has a listener of its own.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|(_, address)| *address)
    }

    /// The base URL for the outside, without a slash at the end.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// The database of this server.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Serves until `shutdown`. Then it accepts nothing more and finishes the work in hand (P13). After the deadline or
    /// at the second stage it drops the rest.
    ///
    /// # Errors
    /// The HTTP server cannot start, or fails.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), ServerError> {
        let Self { config, database, listener, metrics, public_url, .. } = self;
        let background = CancellationToken::new();
        let tasks = TaskTracker::new();
        let heads = Heads::default();
        let revocations = Revocations::default();
        let presence = Presence::new(config.ambient.clone(), PresenceConfig::default());
        tasks.spawn(listener::listen(
            database.clone(),
            heads.clone(),
            revocations.clone(),
            presence.clone(),
            background.clone(),
        ));
        let watch =
            database.clone().watch(config.apply.patience, heads.compared(config.ambient.clone()), background.clone());
        tasks.spawn(watch);
        tasks.spawn(presence.clone().run(database.clone(), background.clone()));
        tasks.spawn(maintenance::run(database.clone(), config.ambient.clone(), config.retention, background.clone()));
        tasks.spawn(maintenance::analyse(database.clone(), background.clone()));
        let wake = maintenance::wake(database.clone(), heads.clone(), config.ambient.clone(), background.clone());
        tasks.spawn(wake);
        let apply = Apply::start(
            database.clone(),
            heads.clone(),
            config.sealer.clone(),
            config.ambient.clone(),
            config.apply.clone(),
        );

        let ingest = config.roles.ingest.then(|| {
            IngestState::new(IngestParts {
                database: database.clone(),
                apply: apply.clone(),
                sealer: config.sealer.clone(),
                ambient: config.ambient.clone(),
                max_body: config.max_body,
                trusted_proxies: config.trusted_proxies.clone(),
            })
        });
        let api = config.roles.api.then(|| {
            let settings = ApiConfig {
                public_url,
                allow_loopback_targets: config.allow_loopback_targets,
                allow_http_targets: config.allow_loopback_targets,
                has_mail_hook: config.mail_hook.is_some(),
                trusted_proxies: config.trusted_proxies.clone(),
                ..config.api.clone()
            };
            let parts = ApiParts {
                database: database.clone(),
                heads: heads.clone(),
                presence: presence.clone(),
                revocations: revocations.clone(),
                sealer: config.sealer.clone(),
                ambient: config.ambient.clone(),
                apply: apply.clone(),
                reader: Arc::new(Adapters),
            };
            ApiState::new(parts, settings).map_err(ServerError::Http)
        });
        let api = api.transpose()?;
        let loopback = config.allow_loopback_targets;
        let client = Client::new(Policy { allow_loopback: loopback, allow_http: loopback })?;
        let reporter = config.roles.ingest.then(|| {
            Reporter::start(ReporterParts {
                database: database.clone(),
                apply: apply.clone(),
                sealer: config.sealer.clone(),
                ambient: config.ambient.clone(),
                client: client.clone(),
            })
        });
        if let Some(hook) = config.mail_hook.clone().filter(|_| config.roles.notifier) {
            let postman = Postman {
                database: database.clone(),
                sealer: config.sealer.clone(),
                ambient: config.ambient.clone(),
                client: Client::of_operator()?,
                hook,
            };
            tasks.spawn(postman.run(background.clone()));
        }
        let notifier = config.roles.notifier.then(|| notifier(&config, &database, &heads, client));
        let health = Health::new(database.clone());
        let configure_health = health::configure(health.clone());
        let exposition = exposition::configure(Exposition::new(telemetry::metrics(), config.metrics_token.clone()));
        let beside = metrics.is_none().then(|| exposition.clone());
        connections::allow_many();
        let connections = Connections::default();
        let (watching, stop) = (connections.clone().watch(), background.clone());
        tasks.spawn(async move { stop.run_until_cancelled(watching).await });
        if let Some((listener, _)) = metrics {
            let stop = background.clone();
            let serving = serve_metrics(listener, exposition, connections.clone()).map_err(ServerError::Http)?;
            tasks.spawn(async move {
                if let Some(Err(error)) = stop.run_until_cancelled(serving).await {
                    tracing::error!(error = &error as &dyn std::error::Error, "the listener of `/metrics` failed");
                }
            });
        }
        let (graphql, opened) = (api.clone(), connections);
        let http = HttpServer::new(move || {
            let (ingest, graphql, beside) = (ingest.clone(), graphql.clone(), beside.clone());
            App::new()
                .wrap(from_fn(connections::track))
                .configure(configure_health.clone())
                .configure(|routes| beside.into_iter().for_each(|configure| configure(routes)))
                .configure(|routes| ingest.iter().for_each(|door| door.configure(routes)))
                .configure(|routes| graphql.iter().for_each(|api| inlet_api::configure(api, routes)))
                .default_service(web::to(not_found))
        })
        .workers(config.http_workers)
        .backlog(4096)
        // Frames of a socket are small and come in bursts: no frame may wait for the acknowledgement of the one before.
        .tcp_nodelay(true)
        .keep_alive(connections::KEEP_ALIVE)
        .on_connect(move |connection, extensions| opened.opened(connection, extensions))
        .disable_signals()
        .shutdown_timeout(config.shutdown.as_secs())
        .listen(listener)
        .map_err(ServerError::Http)?
        .run();
        let handle = http.handle();
        let mut serving = tokio::spawn(http);

        let broke = tokio::select! {
            outcome = &mut serving => Some(outcome),
            () = shutdown.finish.cancelled() => None,
        };
        health.drain();
        if let Some(api) = &api {
            api.drain();
        }
        let finish = async {
            if broke.is_none() {
                tracing::info!("stopping: finishing the work in hand");
                handle.stop(true).await;
            }
            if let Some(reporter) = &reporter {
                reporter.stop().await;
            }
            apply.stop().await;
            if let Some(notifier) = &notifier {
                notifier.stop().await;
            }
            background.cancel();
            tasks.close();
            tasks.wait().await;
        };
        let deadline = config.shutdown + Duration::from_secs(5);
        match shutdown.drop.run_until_cancelled(tokio::time::timeout(deadline, finish)).await {
            Some(Ok(())) => {}
            _ => tracing::warn!("stopped before the work in hand was finished"),
        }
        background.cancel();
        // Connections that are still in use now are abandoned: the process, or its database, is about to end.
        if tokio::time::timeout(CLOSE, database.close()).await.is_err() {
            tracing::warn!("stopped with connections to the database still in use");
        }
        match broke {
            Some(Ok(Err(error))) => Err(ServerError::Http(error)),
            Some(Err(error)) => Err(ServerError::Http(std::io::Error::other(error))),
            Some(Ok(Ok(()))) | None => Ok(()),
        }
    }
}

/// Serves `/metrics` and nothing else.
fn serve_metrics(
    listener: TcpListener,
    configure: impl FnOnce(&mut web::ServiceConfig) + Clone + Send + 'static,
    connections: Connections,
) -> std::io::Result<Serving> {
    let app = move || {
        App::new().wrap(from_fn(connections::track)).configure(configure.clone()).default_service(web::to(not_found))
    };
    let server = HttpServer::new(app)
        .workers(1)
        .max_connections(METRICS_CONNECTIONS)
        .on_connect(move |connection, extensions| connections.opened(connection, extensions));
    Ok(server.disable_signals().shutdown_timeout(1).listen(listener)?.run())
}

fn notifier(config: &ServerConfig, database: &Database, heads: &Heads, client: Client) -> Notifier {
    Notifier::start(
        database.clone(),
        heads.clone(),
        config.sealer.clone(),
        config.ambient.clone(),
        client,
        NotifierConfig { drain: config.shutdown / 2, traceparent: telemetry::traceparent, ..NotifierConfig::default() },
    )
}

async fn not_found() -> HttpResponse {
    HttpResponse::NotFound().json(
        json!({"error": {"code": "NOT_FOUND", "message": "this path does not exist: the metrics are at `/metrics`"}}),
    )
}

/// The loopback address instead of an address that means "every interface".
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}
