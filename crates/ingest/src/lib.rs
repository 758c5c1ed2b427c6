//! The door for providers.
//!
//! [`route`] checks a request's [`network`] and signature, lets the provider's adapter read it, and answers after
//! apply's commit. [`report_job`] fetches campaign reports from the providers' URLs.

pub mod network;
pub mod refusal;
pub mod report_job;
pub mod route;

mod intake;
mod source_cache;
mod spans;

pub use route::{IngestParts, IngestState};
