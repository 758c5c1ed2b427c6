//! Scoped reads and ordinary writes.

pub mod canary;
pub mod partitions;
pub mod readiness;
pub mod retention;
pub mod setup;
