//! What agents read and change over GraphQL, and the clients that they use.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up can only fail"
)]

mod acts;
mod api_contract;
mod api_http;
mod api_pages;
mod api_transport;
mod bounded_lists;
mod clients;
mod isolation;
mod p10_walls;
mod strangers;
