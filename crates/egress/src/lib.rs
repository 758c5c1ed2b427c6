//! The one HTTP client that may leave the house: address guard, limits, timeouts.
//!
//! Tenants choose the URLs, so each connection is checked where it is opened: the resolver inside the connector
//! refuses a name if any of its addresses is an inner one, and addresses that are written out are refused before.
//! Nothing is redirected, no proxy of the environment is used, and no more of an answer is read than was asked for.

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
