//! Scoped reads and ordinary writes.

pub mod sources;
