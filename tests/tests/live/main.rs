//! What is followed: subscriptions, their checkpoints, and consumers that are slow or come back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up can only fail"
)]

mod api_live;
mod live_checkpoints;
mod live_client;
mod live_filters;
mod live_notes;
mod live_plans;
mod live_shared;
mod p8_overlap;
mod p8_slow_consumer;
mod p8_watchers;
