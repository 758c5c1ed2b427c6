//! What sockets and streams have in common.

use std::time::Duration;

use inlet_store::revocations::Listener;

use crate::access::credential::Credential;

/// How sockets are served.
#[derive(Debug, Clone)]
pub struct SocketConfig {
    /// How long a client may take to introduce itself.
    pub init_timeout: Duration,
    /// How often a socket is pinged, and its credential looked at again.
    pub heartbeat: Duration,
    /// Frames that wait for a client before its subscriptions wait too.
    pub buffer: usize,
    /// How long a client may leave its buffer full before it is cut off.
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

/// Resolves when the credential may have changed; where there is none, never.
pub async fn revoked(revocations: &mut Listener, credential: Option<&Credential>) {
    match credential {
        Some(credential) => revocations.changed(credential.viewer.scope.workspace()).await,
        None => std::future::pending().await,
    }
}
