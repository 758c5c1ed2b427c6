//! Failures of a request, grouped by what an operator would do about them.

use std::{error::Error, io};

use inlet_domain::model::{address::InnerAddress, target::TargetError};

use crate::resolver::RefusedAddress;

/// A kind of failure, with a stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// No complete answer in time.
    Timeout,
    /// The name has no address.
    Dns,
    /// No connection, or it broke before an answer.
    Connect,
    /// The TLS handshake failed: certificate, name or version.
    Tls,
    /// The target has an inner address.
    RefusedAddress,
    /// The URL is not one that may be called.
    RefusedUrl,
    /// The answer is a redirect (3xx).
    Redirect,
    /// The answer is not HTTP, or ended early.
    Body,
}

impl ErrorKind {
    /// The code in SQL, metrics and the API.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::RefusedAddress => "refused_address",
            Self::RefusedUrl => "refused_url",
            Self::Redirect => "redirect",
            Self::Body => "body",
        }
    }
}

/// A request without a usable answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The URL, or an address in it, is refused.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// No complete answer in time.
    #[error("no whole answer within {} ms", limit.as_millis())]
    Timeout {
        /// The time limit.
        limit: std::time::Duration,
    },
    /// An answer of 3xx.
    #[error("the answer was a redirect ({status}), which is not followed")]
    Redirect {
        /// The status.
        status: u16,
    },
    /// The exchange failed.
    #[error("{}", innermost(.0))]
    Http(#[source] reqwest::Error),
}

impl SendError {
    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Target(TargetError::Inner { .. }) => ErrorKind::RefusedAddress,
            Self::Target(_) => ErrorKind::RefusedUrl,
            Self::Timeout { .. } => ErrorKind::Timeout,
            Self::Redirect { .. } => ErrorKind::Redirect,
            Self::Http(error) => kind_of(error),
        }
    }

    /// The refused inner address of a name, if that is the cause.
    #[must_use]
    pub fn refused(&self) -> Option<InnerAddress> {
        match self {
            Self::Target(TargetError::Inner { kind, .. }) => Some(*kind),
            Self::Http(error) => causes(error).find_map(|cause| Some(cause.downcast_ref::<RefusedAddress>()?.kind)),
            _ => None,
        }
    }
}

/// The HTTP client could not be built.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be built")]
pub struct BuildError(#[from] reqwest::Error);

fn kind_of(error: &reqwest::Error) -> ErrorKind {
    for cause in causes(error) {
        if cause.is::<RefusedAddress>() {
            return ErrorKind::RefusedAddress;
        }
        if cause.is::<rustls::Error>() {
            return ErrorKind::Tls;
        }
    }
    if error.is_timeout() {
        ErrorKind::Timeout
    } else if error.is_dns() {
        ErrorKind::Dns
    } else if error.is_connect() || error.is_request() {
        ErrorKind::Connect
    } else {
        ErrorKind::Body
    }
}

/// The error and its causes. An [`io::Error`] hides its inner error from `source`, so it is asked directly.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        let error: &'a (dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(carried) => Some(carried as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

/// The innermost cause. It tells most; the outer errors repeat the URL, which may hold a token.
fn innermost(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(String::new, ToString::to_string)
}
