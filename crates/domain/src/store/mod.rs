//! Scoped reads and ordinary writes.
