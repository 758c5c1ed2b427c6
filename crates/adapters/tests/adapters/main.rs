//! Each adapter, from the bytes of a request to commands.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test that cannot be set up can only fail")]

mod custom;
mod fixtures;
mod identities;
mod mobtexting;
mod oblic;
mod oneroute;
mod reading;
mod support;
mod weight;
