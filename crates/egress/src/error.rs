//! Why a request got no usable answer, told apart by what an operator would do about it.

use std::{error::Error, io};

use inlet_domain::model::{address::InnerAddress, target::TargetError};

use crate::resolver::RefusedAddress;

/// A kind of failure, with a stable word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// No whole answer in time.
    Timeout,
    /// The name has no address.
    Dns,
    /// No connection, or it broke before an answer.
    Connect,
    /// The TLS handshake failed: certificate, name or version.
    Tls,
    /// The target is inside the house.
    RefusedAddress,
    /// The URL is not one that may be called.
    RefusedUrl,
    /// The answer sends us elsewhere (3xx).
    Redirect,
    /// The answer is no HTTP, or broke off.
    Body,
}

impl ErrorKind {
    /// Its word in SQL, metrics and the API.
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
    /// The URL or the address that it spells out is refused.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// No whole answer in time.
    #[error("no whole answer within {} ms", limit.as_millis())]
    Timeout {
        /// The limit.
        limit: std::time::Duration,
    },
    /// An answer of 3xx.
    #[error("the answer was a redirect ({status}), which is not followed")]
    Redirect {
        /// Which.
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

    /// The inner address that a name led to, if that is why.
    #[must_use]
    pub fn refused(&self) -> Option<InnerAddress> {
        match self {
            Self::Target(TargetError::Inner { kind, .. }) => Some(*kind),
            Self::Http(error) => causes(error).find_map(|cause| Some(cause.downcast_ref::<RefusedAddress>()?.kind)),
            _ => None,
        }
    }
}

/// Why there is no client.
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

/// The error and what is behind it. An [`io::Error`] hides what it carries from `source`, so it is asked by name.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        let error: &'a (dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(carried) => Some(carried as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

/// The innermost cause tells most; the outer ones repeat the URL, which may hold a token.
fn innermost(error: &reqwest::Error) -> String {
    causes(error).last().map_or_else(String::new, ToString::to_string)
}
