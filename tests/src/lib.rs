//! Starts the real server for whole-system tests, which talk HTTP and WebSocket to it. It is test code alone: it
//! panics where something that it needs is not there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up can only fail"
)]

pub mod apply_fixture;
pub mod cluster;
pub mod collector;
pub mod corpus;
pub mod database;
pub mod filled;
pub mod fixtures;
pub mod live;
pub mod log;
pub mod node;
pub mod operation;
pub mod pair;
pub mod pool;
pub mod process;
pub mod relay;
pub mod report_server;
pub mod schema;
pub mod seeded_workspace;
mod seeds;
pub mod server;
pub mod sign;
pub mod sink;
pub mod state;
pub mod statements;
mod stub;
mod template;
pub mod tenant;
pub mod workspace;

pub use live::{Frame, LiveClient};
pub use pool::Pool;
pub use process::Process;
pub use relay::Relay;
pub use report_server::ReportServer;
pub use seeded_workspace::SeededWorkspace;
pub use server::{Options, TestServer, client, spawn, spawn_with};
pub use sink::Sink;
pub use tenant::Tenant;
