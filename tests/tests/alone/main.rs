//! Tests that measure a whole process: its memory, or a count that belongs to the process.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up can only fail")]

mod bad_input_memory;
mod hostile_memory;
mod login_cost;
mod siege_short;
