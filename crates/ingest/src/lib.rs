//! The door for providers.
//!
//! A request comes in through [`route`] from an allowed [`network`], proves itself, is read by its provider's adapter, and is
//! answered after apply's commit. [`report_job`] fetches the reports that a provider offers at a URL.

pub mod network;
pub mod refusal;
pub mod report_job;
pub mod route;

mod intake;
mod source_cache;

pub use route::{IngestParts, IngestState};
