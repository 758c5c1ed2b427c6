//! The state of the inbox in Postgres: the only SQL.
//!
//! A provider's request reaches [`apply::Apply`] as commands. Apply turns them into rows and events in one transaction,
//! and answers after the commit. [`records`] holds the scoped reads and the writes of members. [`log`] is the event log
//! that live updates and webhooks follow.
//!
//! Nothing here knows HTTP or GraphQL. A statement of more than 15 lines has a `.sql` file beside its function.

pub mod apply;
pub mod database;
pub mod error;
pub mod listener;
pub mod log;
pub mod long_work;
pub mod presence;
pub mod records;
pub mod replay;
pub mod revocations;
mod rows;
pub mod shares;
