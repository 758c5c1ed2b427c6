//! The state of the inbox in Postgres: the only SQL.
//!
//! A provider's request reaches [`apply::Apply`] as commands, becomes rows and events in one transaction, and is answered
//! after the commit. Everything else reads: [`records`] holds the scoped reads and the ordinary writes, [`log`] the event
//! log that live updates and webhooks follow.
//!
//! Nothing here knows HTTP or GraphQL.

pub mod apply;
pub mod database;
pub mod error;
pub mod listener;
pub mod log;
pub mod presence;
pub mod records;
pub mod replay;
pub mod revocations;
mod rows;
