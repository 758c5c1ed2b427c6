//! GraphQL over HTTP and WebSocket, and who may do what.
//!
//! A request comes in through [`configure`], becomes an operation of a viewer, and is answered from the store. Live
//! subscriptions follow the event log. The transport is by hand, for the stock one fails the public audits.

mod accept;
mod answer;
mod batch;
mod context;
mod error;
mod graphiql;
mod http;
mod limits;
mod live;
mod loaders;
mod mutation;
mod operation;
mod parameters;
mod protocol;
mod query;
mod rights;
mod schema;
mod subscription;
mod types;
mod websocket;

use std::sync::Arc;

use actix_web::web;
use inlet_domain::{
    ambient::Ambient, apply::Apply, database::Database, heads::Heads, model::target::TargetPolicy, reader::Reader,
    revocations::Revocations, secrets::Sealer,
};
use ipnet::IpNet;
use tokio_util::sync::CancellationToken;

pub use live::LiveConfig;
pub use rights::rights_markdown;
pub use schema::schema_sdl;
pub use websocket::SocketConfig;

use crate::{context::Shared, live::Live, operation::Engine};

/// How the API is served.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// The server's own URL, as providers and people reach it.
    pub public_url: String,
    /// Whether webhooks may point at this machine. For development.
    pub allow_loopback_targets: bool,
    /// Whether webhooks may be plain HTTP.
    pub allow_http_targets: bool,
    /// Whether the schema may be asked for.
    pub introspection: bool,
    /// The most bytes of a request or of a socket's message.
    pub max_body: usize,
    /// Networks of the proxies in front, whose word on the client's address is taken.
    pub trusted_proxies: Vec<IpNet>,
    /// How followers of the log are served.
    pub live: LiveConfig,
    /// How sockets are served.
    pub socket: SocketConfig,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            public_url: String::new(),
            allow_loopback_targets: false,
            allow_http_targets: false,
            introspection: true,
            max_body: 1024 * 1024,
            trusted_proxies: Vec::new(),
            live: LiveConfig::default(),
            socket: SocketConfig::default(),
        }
    }
}

/// What the API works with.
#[derive(Clone)]
pub struct ApiParts {
    /// Where everything is read.
    pub database: Database,
    /// How far the logs have come.
    pub heads: Heads,
    /// What is heard of credentials that ended or changed.
    pub revocations: Revocations,
    /// Opens and seals secrets.
    pub sealer: Sealer,
    /// Time and ids.
    pub ambient: Ambient,
    /// Where replays go.
    pub apply: Apply,
    /// What adapters make of a request.
    pub reader: Arc<dyn Reader>,
}

/// The API of one process. Cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    config: ApiConfig,
    draining: CancellationToken,
}

impl ApiState {
    /// Over these parts.
    #[must_use]
    pub fn new(parts: ApiParts, config: ApiConfig) -> Self {
        let ApiParts { database, heads, revocations, sealer, ambient, apply, reader } = parts;
        let shared = Arc::new(Shared {
            live: Live::new(database.clone(), heads, config.live.clone()),
            database,
            apply,
            reader,
            sealer,
            ambient,
            public_url: config.public_url.trim_end_matches('/').to_owned(),
            targets: TargetPolicy {
                allow_loopback: config.allow_loopback_targets,
                allow_http: config.allow_http_targets,
            },
            revocations,
        });
        let schema = schema::build(Arc::clone(&shared), config.introspection);
        let engine = Engine::new(schema, shared);
        Self { inner: Arc::new(Inner { engine, config, draining: CancellationToken::new() }) }
    }

    /// Closes every socket with 1012, so that clients come again elsewhere, and takes no new ones (P13).
    pub fn drain(&self) {
        self.inner.draining.cancel();
    }

    fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    fn config(&self) -> &ApiConfig {
        &self.inner.config
    }

    fn draining(&self) -> &CancellationToken {
        &self.inner.draining
    }
}

/// Mounts `/graphql`, and GraphiQL with what it loads.
pub fn configure(state: ApiState) -> impl FnOnce(&mut web::ServiceConfig) + Clone {
    move |services| {
        services
            .app_data(web::Data::new(state))
            .service(
                web::resource("/graphql")
                    .route(web::get().to(http::graphql))
                    .route(web::post().to(http::graphql))
                    .default_service(web::to(http::method_not_allowed)),
            )
            .service(web::resource("/graphql/assets/{name}").route(web::get().to(graphiql::asset)));
    }
}
