//! Providers that behave as badly as real ones, a webhook sink, load, and a checker that knows Inlet only through HTTP.
//!
//! Nothing here depends on a crate of Inlet. The crate implements the documents of the providers and Inlet's own
//! contract, so that it can contradict the server.

mod bench;
pub mod chaos;
pub mod check;
pub mod claim;
mod clock;
mod demo;
pub mod doors;
mod error;
pub mod graphql;
pub mod ledger;
pub mod load;
pub mod model;
mod output;
mod programs;
pub mod provider;
pub mod random;
mod report;
mod server;
mod siege;
mod simulate;
pub mod sink;
pub mod subscriber;
pub mod target;
mod watch;
pub mod wire;

pub use bench::{AudienceArgs, BenchArgs, audience, bench};
pub use demo::{DemoArgs, demo};
pub use error::SimulatorError;
pub use siege::{SiegeArgs, siege};
pub use simulate::{SimulateArgs, simulate};
