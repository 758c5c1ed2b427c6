//! Provider bytes become commands.
//!
//! A request comes in through [`route`], proves itself ([`signature`], [`network`]), is parsed ([`lenient`]) and read
//! by its provider's adapter ([`provider`], [`providers`]) into [`inlet_domain::command`]s. Apply gives them their
//! effect; the provider is answered after the commit. Reports that a provider does not
//! post but offers at a URL are fetched by [`report_job`]. Nothing here touches SQL, and an adapter is a pure function of
//! the source, the arrival and the body, so that the raw log can be replayed.

pub mod batch;
pub mod javascript;
pub mod lenient;
pub mod network;
pub mod provider;
pub mod providers;
pub mod read;
pub mod refusal;
pub mod report_job;
pub mod route;
pub mod signature;

mod address;
mod channel;
mod charset;
mod content;
mod failure;
mod fields;
mod intake;
mod key;
mod mask;
mod multipart;
mod secrets;
mod source_cache;
mod times;
mod vocabulary;

pub use address::{Rekeyed, canonical, rekey};
pub use route::{IngestState, configure};
