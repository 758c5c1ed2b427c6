//! GraphQL over HTTP, event streams and WebSocket, with the rights of viewers.
//!
//! A request arrives through [`configure`], becomes an operation of a viewer, and is answered from the store. Live
//! subscriptions follow the event log. The transport is our own, because the stock one fails the public audits.

mod access;
mod error;
mod execution;
mod follow;
mod loading;
mod schema;
mod transport;

use std::sync::Arc;

use actix_web::{http::Method, web};
use inlet_domain::{ambient::Ambient, model::target::TargetPolicy, reader::Reader, secrets::Sealer};
use inlet_store::{
    apply::Apply, database::Database, log::Heads, long_work::LongWork, presence::Presence, revocations::Revocations,
};

pub use access::rights_markdown;
pub use execution::limits::Introspection;
pub use follow::LiveConfig;
pub use schema::schema_sdl;
pub use transport::{
    connection::SocketConfig,
    state::{ApiConfig, ApiState},
};

use crate::{
    execution::{context::Shared, deadline::Bounds, engine::Engine, executor::Executor},
    follow::Live,
    transport::{graphiql, http},
};

/// The parts that the API works with.
#[derive(Clone)]
pub struct ApiParts {
    /// The database.
    pub database: Database,
    /// Known heads of the event logs.
    pub heads: Heads,
    /// Presence of the members.
    pub presence: Presence,
    /// News of credentials that ended or changed.
    pub revocations: Revocations,
    /// Opens and seals secrets.
    pub sealer: Sealer,
    /// Time and ids.
    pub ambient: Ambient,
    /// Applies replays.
    pub apply: Apply,
    /// Reads requests with the adapters.
    pub reader: Arc<dyn Reader>,
}

impl ApiState {
    /// Builds the API and starts the threads of operations.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn new(parts: ApiParts, config: ApiConfig) -> std::io::Result<Self> {
        let ApiParts { database, heads, presence, revocations, sealer, ambient, apply, reader } = parts;
        let shared = Arc::new(Shared {
            live: Live::new(database.clone(), heads.clone(), config.live.clone()),
            heads,
            presence,
            database,
            apply,
            reader,
            long: LongWork::default(),
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
        let bounds = Bounds { time: config.operation, bytes: config.max_answer };
        let schema = schema::build(Arc::clone(&shared), bounds, config.introspection);
        let engine = Engine::new(schema, shared, (config.introspection, config.operation), Executor::start()?);
        Ok(Self::of(engine, config))
    }
}

/// Mounts `/graphql` and the assets of GraphiQL.
pub fn configure(state: &ApiState, services: &mut web::ServiceConfig) {
    services
        .app_data(web::Data::new(state.clone()))
        .service(
            web::resource("/graphql")
                .route(web::get().to(http::graphql))
                .route(web::post().to(http::graphql))
                .route(web::method(Method::OPTIONS).to(http::options))
                .default_service(web::to(http::method_not_allowed)),
        )
        .service(web::resource("/graphql/assets/{name}").route(web::get().to(graphiql::asset)));
}
