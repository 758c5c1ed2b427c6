//! An embedded Postgres for `inlet dev` and the tests. It is created on first use, supervised, and adopted if it
//! outlived its owner.
//!
//! The reasons are in docs/adr/0005-own-postgres-supervisor.md.

mod account;
mod binaries;
mod cluster;
mod error;
mod initdb;
mod pid_file;
mod process;

pub use binaries::{Binaries, INSTALL_HINT};
pub use cluster::{Address, Cluster, PostgresConfig};
pub use error::PostgresError;
