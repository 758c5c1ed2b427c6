//! The client: one request, one bounded answer.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use bytes::{Bytes, BytesMut};
use reqwest::{Method, Url, header::HeaderMap, redirect};

use crate::{
    BuildError, Policy, SendError,
    resolver::{GuardedResolver, system},
};

/// Common servers drop idle connections after 5 s, so the client drops them earlier: a request on a connection that is
/// just being closed would count as failed.
const IDLE: Duration = Duration::from_secs(4);
const IDLE_PER_HOST: usize = 256;

/// A request, with its bounds.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The target.
    pub url: Url,
    /// All headers except those of the connection.
    pub headers: HeaderMap,
    /// The body, possibly empty.
    pub body: Bytes,
    /// The time limit, from the DNS look-up to the last byte of the answer.
    pub timeout: Duration,
    /// The most bytes of the answer's body that are read.
    pub max_body: usize,
}

/// An answer other than 3xx.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, cut at the limit.
    pub body: Bytes,
    /// Whether the body was longer than the limit.
    pub truncated: bool,
}

/// The one client of a process. Cheap to clone; connections are shared.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    /// `None` for the operator's own URLs.
    policy: Option<Policy>,
}

impl Client {
    /// A client that calls only the targets that `policy` allows. Without root certificates on the machine the client
    /// trusts no TLS server.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(policy: Policy) -> Result<Self, BuildError> {
        Self::with_lookup(policy, system)
    }

    /// A client for URLs of the operator's configuration. It refuses no address, but keeps the timeouts and limits and
    /// follows no redirect. Never pass it a URL that a tenant chose.
    ///
    /// # Errors
    /// TLS cannot be set up.
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
        // Fails if a caller in this process has installed a provider already; every caller installs the same one.
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
            tracing::warn!(%error, "this machine has no root certificates: https requests fail until you install them");
            builder().tls_certs_only([]).build()
        })?;
        Ok(Self { http, policy })
    }

    /// Sends a request and reads the answer. A status of 4xx or 5xx is an answer too.
    ///
    /// # Errors
    /// The target is refused, no complete answer arrives in time, or the answer is a redirect.
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
