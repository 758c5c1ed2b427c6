//! The Postgres that the tests share: `DATABASE_URL`, or a cluster of our own that need not survive anything.

use std::env;

use inlet_server::postgres::{Cluster, PostgresConfig};

use crate::workspace;

/// Set by `with-postgres`: where the cluster is that it started.
pub const URL_VARIABLE: &str = "INLET_TEST_POSTGRES_URL";

/// The cluster of the tests.
#[must_use]
pub fn config() -> PostgresConfig {
    let target = workspace::target();
    PostgresConfig {
        home: target.join("test-postgres"),
        unpacked: unpacked(),
        durable: false,
        max_connections: 400,
        shared_buffers_mb: 128,
    }
}

/// Where `scripts/postgres.sh` unpacks a server to.
#[must_use]
pub fn unpacked() -> std::path::PathBuf {
    workspace::root().join(".inlet/postgres-unpacked")
}

/// The URL of the database `postgres` of a cluster that may be filled with test databases. Where nobody started one,
/// starts one and leaves it running: the next test adopts it.
pub async fn url() -> String {
    for variable in [URL_VARIABLE, "DATABASE_URL"] {
        if let Some(url) = env::var(variable).ok().filter(|url| !url.is_empty()) {
            return url;
        }
    }
    Cluster::share(config()).await.expect("a Postgres for tests").url("postgres")
}
