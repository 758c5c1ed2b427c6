//! Who may do what, and what strangers and members try besides.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up can only fail"
)]

mod access;
mod hostile;
mod hostile_members;
mod hostile_wire;
mod security_documents;
mod security_doors;
mod security_inputs;
