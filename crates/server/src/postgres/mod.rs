//! A Postgres of our own, for `inlet dev` and the tests: made on first use, kept running, adopted when it outlived us.
//!
//! Why by hand: docs/adr/0005-own-postgres-supervisor.md.

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
