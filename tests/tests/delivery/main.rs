//! What goes out: webhooks, their signatures, order and pace, and the share of each tenant.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up can only fail"
)]

mod p9_bulkheads;
mod p9_tenants;
mod webhook_composition;
mod webhook_libraries;
mod webhook_pace;
mod webhook_receivers;
mod webhook_settings;
mod webhooks;
