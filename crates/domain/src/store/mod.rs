//! Scoped reads and ordinary writes.

pub mod deliveries;
pub mod webhooks;
