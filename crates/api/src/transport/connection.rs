//! Common parts of WebSockets and event streams.

use std::time::Duration;

use inlet_store::revocations::Listener;

use crate::access::credential::Credential;

/// Settings of WebSockets and event streams.
#[derive(Debug, Clone)]
pub struct SocketConfig {
    /// Time within which a client must send `connection_init`.
    pub init_timeout: Duration,
    /// Time between two pings, and between two look-ups of the credential.
    pub heartbeat: Duration,
    /// Frames that may wait for a client before its subscriptions wait too.
    pub buffer: usize,
    /// Time that a client may leave its buffer full before the server closes the connection.
    pub stall: Duration,
}

impl Default for SocketConfig {
    fn default() -> Self {
        Self {
            init_timeout: Duration::from_secs(10),
            heartbeat: Duration::from_secs(25),
            buffer: 64,
            stall: Duration::from_secs(10),
        }
    }
}

/// Resolves when the credential may have changed; without a credential, never.
pub async fn revoked(revocations: &mut Listener, credential: Option<&Credential>) {
    match credential {
        Some(credential) => revocations.changed(credential.viewer.scope.workspace()).await,
        None => std::future::pending().await,
    }
}
