//! The harness of the whole-system tests: a Postgres of the project's own, a database for each test, the real server
//! in this process or as a process of its own, and a webhook receiver that can be told to fail.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a harness fails loudly")]

pub mod database;
pub mod house;
pub mod process;
pub mod server;
pub mod sink;

pub use database::TestDatabase;
pub use server::TestServer;
pub use sink::Sink;
