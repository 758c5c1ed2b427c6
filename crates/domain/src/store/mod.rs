//! Scoped reads and ordinary writes.

pub mod credentials;
pub mod members;
pub mod passwords;
pub mod sources;
pub mod webhooks;
