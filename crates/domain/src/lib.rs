//! The model of a unified inbox and its rules. Nothing in this crate does I/O.
//!
//! An adapter reads a provider's request into [`command::Command`]s. `inlet-store` executes them in Postgres and raises
//! [`event`]s. [`compose`] writes an event in the form that a webhook's receiver expects. Callers pass time and
//! randomness in by [`ambient::Ambient`]. With the feature `postgres`, ids and enums can be bound to queries and read
//! from rows.

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
pub mod spans;
pub mod text_enum;

#[cfg(feature = "postgres")]
#[doc(hidden)]
pub use sea_orm;
#[cfg(feature = "postgres")]
#[doc(hidden)]
pub use sqlx;
