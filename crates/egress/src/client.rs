//! The client: one request, one bounded answer.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use bytes::{Bytes, BytesMut};
use reqwest::{Method, Url, header::HeaderMap, redirect};

use crate::{
    BuildError, Policy, SendError,
    resolver::{GuardedResolver, system},
};

/// Idle connections are dropped before the 5 s after which common servers drop them: a request on a connection that
/// is just being closed would have to be counted as failed.
const IDLE: Duration = Duration::from_secs(4);
const IDLE_PER_HOST: usize = 256;

/// What to send, and how much of an answer to wait for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// All headers but those of the connection itself.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
    /// From looking the name up to the last byte that is read.
    pub timeout: Duration,
    /// How many bytes of the answer's body are read.
    pub max_body: usize,
}

/// An answer other than 3xx.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, up to the limit.
    pub body: Bytes,
    /// Whether there was more of the body than that.
    pub truncated: bool,
}

/// The one client of a process. Cheap to clone; connections are shared.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    /// None where the URLs are the operator's own.
    policy: Option<Policy>,
}

impl Client {
    /// A client that lets through what `policy` allows. A machine without root certificates still gets one, which
    /// trusts no TLS server.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(policy: Policy) -> Result<Self, BuildError> {
        Self::with_lookup(policy, system)
    }

    /// A client for URLs of the operator's configuration, which may be inside the house: no address is refused. Timeouts and
    /// limits hold, and nothing is redirected. No URL that a tenant chose may come to it.
    ///
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn of_operator() -> Result<Self, BuildError> {
        Self::build(None, system)
    }

    pub(crate) fn with_lookup<L, F>(policy: Policy, lookup: L) -> Result<Self, BuildError>
    where
        L: Fn(String) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        Self::build(Some(policy), lookup)
    }

    fn build<L, F>(policy: Option<Policy>, lookup: L) -> Result<Self, BuildError>
    where
        L: Fn(String) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        // Whoever was first in this process set the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = || {
            reqwest::Client::builder()
                .dns_resolver(GuardedResolver::new(lookup.clone(), policy))
                .redirect(redirect::Policy::none())
                .no_proxy()
                .referer(false)
                .retry(reqwest::retry::never())
                .pool_max_idle_per_host(IDLE_PER_HOST)
                .pool_idle_timeout(IDLE)
        };
        let http = builder().build().or_else(|error| {
            tracing::warn!(%error, "no root certificates: requests to https will fail until they are installed");
            builder().tls_certs_only([]).build()
        })?;
        Ok(Self { http, policy })
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// Where the target is refused, no whole answer comes in time, or it is a redirect. A status of 4xx or 5xx is an
    /// answer.
    pub async fn send(&self, request: Request) -> Result<Response, SendError> {
        if let Some(policy) = self.policy {
            policy.check(&request.url)?;
        }
        let limit = request.timeout;
        match tokio::time::timeout(limit, self.exchange(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(SendError::Timeout { limit }),
        }
    }

    async fn exchange(&self, request: Request) -> Result<Response, SendError> {
        let mut out = reqwest::Request::new(request.method, request.url);
        *out.headers_mut() = request.headers;
        if !request.body.is_empty() {
            *out.body_mut() = Some(request.body.into());
        }
        let mut answer = self.http.execute(out).await.map_err(SendError::Http)?;
        let status = answer.status();
        if status.is_redirection() {
            return Err(SendError::Redirect { status: status.as_u16() });
        }
        let headers = std::mem::take(answer.headers_mut());
        let mut body = BytesMut::new();
        let mut truncated = false;
        while let Some(chunk) = answer.chunk().await.map_err(SendError::Http)? {
            let room = request.max_body - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                truncated = true;
                break;
            }
        }
        Ok(Response { status: status.as_u16(), headers, body: body.freeze(), truncated })
    }
}

#[cfg(test)]
mod tests;
