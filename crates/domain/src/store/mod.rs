//! Scoped reads and ordinary writes.
//!
//! Every function takes a [`crate::scope::Scope`], but for those that find one: the look-ups of [`sources::by_token`]
//! and [`credentials`], and the claims of background work in [`deliveries`] and [`report_jobs::claim`]; and for
//! [`partitions`] and [`retention`], to which age is all that counts.

pub mod balance_alerts;
pub mod campaigns;
pub mod canary;
pub mod channels;
pub mod contacts;
pub mod conversations;
pub mod credentials;
pub mod deliveries;
pub mod delivery_log;
pub mod expiry;
pub mod groups;
pub mod inbound_events;
pub mod labels;
pub mod members;
pub mod messages;
pub mod mutation_keys;
pub mod mutations;
pub mod opt_outs;
pub mod page;
pub mod partitions;
pub mod passwords;
pub mod readiness;
pub mod references;
pub mod report_jobs;
pub mod retention;
pub mod setup;
pub mod sources;
pub mod teams;
pub mod trace;
pub mod verifications;
pub mod waiting_references;
pub mod webhooks;

mod entity;
mod words;
