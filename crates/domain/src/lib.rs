//! The model of a unified inbox, its rules, and the only SQL.
//!
//! A provider's request reaches [`apply::Apply`] as [`command::Command`]s, becomes state and [`event`]s in one
//! transaction, and is answered after the commit. Everything else reads: [`store`] holds the scoped reads and the
//! ordinary writes, [`log`] the event log that live updates and webhooks follow.
//!
//! Nothing here knows HTTP or GraphQL. Time and randomness come in through [`ambient::Ambient`].

pub mod ambient;
pub mod apply;
pub mod command;
pub mod compose;
pub mod database;
pub mod error;
pub mod event;
pub mod heads;
pub mod ids;
pub mod json;
pub mod log;
pub mod model;
pub mod presence;
pub mod reader;
pub mod replay;
pub mod revocations;
pub mod scope;
pub mod secrets;
pub mod store;
