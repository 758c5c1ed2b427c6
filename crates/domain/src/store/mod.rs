//! Scoped reads and ordinary writes.

pub mod webhooks;
