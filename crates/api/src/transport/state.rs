//! How the API is served, and what all of its requests share.

use std::{sync::Arc, time::Duration};

use ipnet::IpNet;
use tokio_util::sync::CancellationToken;

use super::{connection::SocketConfig, connection_limits::ConnectionLimits, intake::Intake, outgoing::Outgoing};
use crate::{
    execution::{engine::Engine, limits::Introspection},
    follow::LiveConfig,
};

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

/// The API of one process. Cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    config: ApiConfig,
    limits: ConnectionLimits,
    intake: Intake,
    outgoing: Outgoing,
    draining: CancellationToken,
}

impl ApiState {
    /// Of what executes operations.
    pub(crate) fn of(engine: Engine, config: ApiConfig) -> Self {
        let limits = ConnectionLimits::new(config.max_live, config.max_live_each);
        let (intake, outgoing) = (Intake::default(), Outgoing::default());
        let draining = CancellationToken::new();
        Self { inner: Arc::new(Inner { engine, config, limits, intake, outgoing, draining }) }
    }

    /// Closes every socket with 1012 and ends every event stream, so that clients come again elsewhere, and takes no
    /// new ones (P13).
    pub fn drain(&self) {
        self.inner.draining.cancel();
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    pub(crate) fn config(&self) -> &ApiConfig {
        &self.inner.config
    }

    pub(crate) fn limits(&self) -> &ConnectionLimits {
        &self.inner.limits
    }

    pub(crate) fn intake(&self) -> &Intake {
        &self.inner.intake
    }

    pub(crate) fn outgoing(&self) -> &Outgoing {
        &self.inner.outgoing
    }

    pub(crate) fn draining(&self) -> &CancellationToken {
        &self.inner.draining
    }
}
