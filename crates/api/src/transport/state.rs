//! Settings and shared state of the API.

use std::{sync::Arc, time::Duration};

use ipnet::IpNet;
use tokio_util::sync::CancellationToken;

use super::{connection::SocketConfig, connection_limits::ConnectionLimits, intake::Intake, outgoing::Outgoing};
use crate::{
    execution::{engine::Engine, limits::Introspection},
    follow::LiveConfig,
};

/// Settings of the API.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// The server's public URL.
    pub public_url: String,
    /// Whether webhooks may point at this machine. For development.
    pub allow_loopback_targets: bool,
    /// Whether webhooks may use plain HTTP.
    pub allow_http_targets: bool,
    /// Whether the operator has set up a mail hook, so that the server sends mail.
    pub has_mail_hook: bool,
    /// Clients that may introspect the schema.
    pub introspection: Introspection,
    /// Origins of pages that may call from a browser, as `https://host[:port]`, in addition to the server's own.
    pub allowed_origins: Vec<String>,
    /// Maximum bytes of a request or a WebSocket message.
    pub max_body: usize,
    /// Maximum duration of an operation, or of one response of a subscription.
    pub operation: Duration,
    /// Maximum bytes of a response.
    pub max_answer: usize,
    /// Maximum number of WebSockets and event streams of the process.
    pub max_live: usize,
    /// Maximum number of WebSockets and event streams of one member or API key.
    pub max_live_each: usize,
    /// Networks of the trusted proxies, which tell the client's address.
    pub trusted_proxies: Vec<IpNet>,
    /// Settings of followers of the log.
    pub live: LiveConfig,
    /// Settings of WebSockets and event streams.
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
    pub(crate) fn of(engine: Engine, config: ApiConfig) -> Self {
        let limits = ConnectionLimits::new(config.max_live, config.max_live_each);
        let (intake, outgoing) = (Intake::default(), Outgoing::default());
        let draining = CancellationToken::new();
        Self { inner: Arc::new(Inner { engine, config, limits, intake, outgoing, draining }) }
    }

    /// Closes every WebSocket with 1012, ends every event stream and accepts no new ones, so that clients reconnect
    /// elsewhere (P13).
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
