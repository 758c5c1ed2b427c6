//! GraphQL over HTTP, event streams and WebSocket, and who may do what.
//!
//! A request comes in through [`configure`], becomes an operation of a viewer, and is answered from the store. Live
//! subscriptions follow the event log. The transport is by hand, for the stock one fails the public audits.

mod accept;
mod answer;
mod batch;
mod bounds;
mod context;
mod error;
mod executor;
mod gate;
mod graphiql;
mod http;
mod intake;
mod limits;
mod live;
mod loaders;
mod mutation;
mod operation;
mod origin;
mod outgoing;
mod parameters;
mod places;
mod protocol;
mod query;
mod rights;
mod schema;
mod sse;
mod standing;
mod subscription;
mod types;
mod visible;
mod websocket;

use std::{sync::Arc, time::Duration};

use actix_web::{http::Method, web};
use inlet_domain::{
    ambient::Ambient, apply::Apply, database::Database, heads::Heads, model::target::TargetPolicy, presence::Presence,
    reader::Reader, revocations::Revocations, secrets::Sealer,
};
use ipnet::IpNet;
use tokio_util::sync::CancellationToken;

pub use live::LiveConfig;
pub use rights::rights_markdown;
pub use schema::schema_sdl;
pub use websocket::SocketConfig;

use crate::{
    context::Shared, executor::Executor, intake::Intake, live::Live, operation::Engine, outgoing::Outgoing,
    places::Places,
};

/// To whom the server tells its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Introspection {
    /// No one.
    Off,
    /// A request that bears a credential.
    Members,
    /// Everyone.
    Public,
}

/// How the API is served.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// The server's own URL, as providers and people reach it.
    pub public_url: String,
    /// Whether webhooks may point at this machine. For development.
    pub allow_loopback_targets: bool,
    /// Whether webhooks may be plain HTTP.
    pub allow_http_targets: bool,
    /// Whether the operator has set up a mail hook, so that letters to people go out.
    pub has_mail_hook: bool,
    /// Who may ask for the schema.
    pub introspection: Introspection,
    /// Whose pages may call from a browser beside our own, as `https://host[:port]`.
    pub allowed_origins: Vec<String>,
    /// The most bytes of a request or of a socket's message.
    pub max_body: usize,
    /// How long an operation, or one answer of a subscription, may take.
    pub operation: Duration,
    /// The most bytes of an answer.
    pub max_answer: usize,
    /// The most sockets and event streams of the process.
    pub max_live: usize,
    /// The most of them of one member or key.
    pub max_live_each: usize,
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
            has_mail_hook: false,
            introspection: Introspection::Members,
            allowed_origins: Vec::new(),
            max_body: 1024 * 1024,
            operation: Duration::from_secs(20),
            max_answer: 8 << 20,
            max_live: 10_000,
            max_live_each: 1_000,
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
    /// Who is there, and who types.
    pub presence: Presence,
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
    places: Places,
    intake: Intake,
    outgoing: Outgoing,
    draining: CancellationToken,
}

impl ApiState {
    /// Over these parts. Starts the threads that operations run on.
    ///
    /// # Errors
    /// Where the system gives no threads.
    pub fn new(parts: ApiParts, config: ApiConfig) -> std::io::Result<Self> {
        let ApiParts { database, heads, presence, revocations, sealer, ambient, apply, reader } = parts;
        let shared = Arc::new(Shared {
            live: Live::new(database.clone(), heads.clone(), config.live.clone()),
            heads,
            presence,
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
            has_mail_hook: config.has_mail_hook,
        });
        let schema = schema::build(Arc::clone(&shared), &config);
        let engine = Engine::new(schema, shared, config.introspection, Executor::start()?);
        let places = Places::new(config.max_live, config.max_live_each);
        let (intake, outgoing) = (Intake::default(), Outgoing::default());
        let draining = CancellationToken::new();
        Ok(Self { inner: Arc::new(Inner { engine, config, places, intake, outgoing, draining }) })
    }

    /// Closes every socket with 1012 and ends every event stream, so that clients come again elsewhere, and takes no
    /// new ones (P13).
    pub fn drain(&self) {
        self.inner.draining.cancel();
    }

    fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    fn config(&self) -> &ApiConfig {
        &self.inner.config
    }

    fn places(&self) -> &Places {
        &self.inner.places
    }

    fn intake(&self) -> &Intake {
        &self.inner.intake
    }

    fn outgoing(&self) -> &Outgoing {
        &self.inner.outgoing
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
                    .route(web::method(Method::OPTIONS).to(http::options))
                    .default_service(web::to(http::method_not_allowed)),
            )
            .service(web::resource("/graphql/assets/{name}").route(web::get().to(graphiql::asset)));
    }
}
