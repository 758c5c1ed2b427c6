//! The model of a unified inbox and its rules. Nothing here does I/O.
//!
//! An adapter reads a provider's request into [`command::Command`]s. `inlet-store` gives them their effect in Postgres and
//! raises [`event`]s, which [`compose`] can write in the words of a webhook's receiver. Time and randomness come in through
//! [`ambient::Ambient`]. With the feature `postgres` ids and enums can be bound to queries and read from rows.

pub mod ambient;
pub mod command;
pub mod compose;
pub mod event;
pub mod ids;
pub mod json;
pub mod model;
pub mod reader;
pub mod scope;
pub mod secrets;
pub mod text_enum;

#[cfg(feature = "postgres")]
#[doc(hidden)]
pub use sqlx;
