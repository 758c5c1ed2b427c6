//! Scoped reads and ordinary writes.

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
pub mod retention;
pub mod setup;
pub mod sources;
pub mod teams;
pub mod trace;
pub mod verifications;
pub mod webhooks;

mod entity;
mod words;
