//! Turns a provider's bytes into commands.
//!
//! A [`body`] is parsed and then [`read`] by its provider's adapter ([`provider`], [`providers`]) into
//! [`inlet_domain::command`]s. A [`signature`] proves the sender. An adapter is a pure function of the source, the
//! arrival and the body, so that the raw log can be replayed.

pub mod body;
pub mod digest;
pub mod provider;
pub mod providers;
pub mod read;
pub mod registry;
pub mod signature;

mod address;
mod channel;
mod content;
mod failure;
mod fields;
mod mask;
mod secrets;
mod text;
mod times;
mod vocabulary;

pub use address::{Rekeyed, canonical, rekey};
