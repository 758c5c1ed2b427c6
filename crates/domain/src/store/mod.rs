//! Scoped reads and ordinary writes.

pub mod canary;
pub mod credentials;
pub mod members;
pub mod partitions;
pub mod passwords;
pub mod readiness;
pub mod retention;
pub mod setup;
pub mod sources;
pub mod webhooks;
