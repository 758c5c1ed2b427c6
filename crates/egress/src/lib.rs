//! The only HTTP client for outside addresses, with address guard, limits and timeouts.
//!
//! Tenants choose the URLs, so each connection is checked when it is opened. The resolver inside the connector refuses
//! a name if any of its addresses is an inner one. The client refuses inner addresses in URLs before it connects. It
//! follows no redirect, uses no proxy of the environment, and reads no more of an answer than the caller asked for.

mod client;
mod error;
#[cfg(test)]
mod rebinding;
mod resolver;
mod retry_after;

pub use client::{Client, Request, Response};
pub use error::{BuildError, ErrorKind, SendError};
pub use inlet_domain::model::target::TargetPolicy as Policy;
pub use reqwest::{
    Method, StatusCode, Url,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
pub use retry_after::retry_after;
