//! F: what the embedded Postgres writes to its log, and who may read that.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use inlet_server::postgres::{Cluster, PostgresConfig};
use inlet_tests::{cluster, process::DataDir};
use nix::sys::stat::{Mode, umask};
use sqlx::{AssertSqlSafe, Connection, Error, PgConnection};

const CANARY: &str = "canary-7f3a91";

fn config(folder: &DataDir) -> PostgresConfig {
    PostgresConfig {
        unpacked: cluster::unpacked(),
        max_connections: 20,
        shared_buffers_mb: 16,
        durable: false,
        ..PostgresConfig::under(&folder.path())
    }
}

fn mode(log: &Path) -> u32 {
    fs::metadata(log).unwrap().permissions().mode() & 0o777
}

/// Runs the statement, with the canary as its parameter where it has one; the code of its error.
async fn code(conn: &mut PgConnection, statement: &str) -> Option<String> {
    let query = sqlx::query(AssertSqlSafe(statement));
    let query = if statement.contains("$1") { query.bind(CANARY) } else { query };
    match query.execute(conn).await {
        Ok(_) => None,
        Err(Error::Database(error)) => Some(error.code().unwrap().into_owned()),
        Err(error) => panic!("{statement}: {error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f_the_log_of_the_embedded_postgres_is_ours_alone_and_holds_no_text_of_a_row() {
    umask(Mode::from_bits_truncate(0o022));
    let folder = DataDir::new();
    let postgres = Cluster::start(config(&folder)).await.unwrap();
    let log = folder.cluster().join("postgres.log");
    assert_eq!(mode(&log), 0o600, "a new log");

    let mut conn = PgConnection::connect(&postgres.address().url("postgres")).await.unwrap();
    let set_up = format!(
        "CREATE TABLE row (text text UNIQUE CHECK (length(text) < 20), number int NOT NULL DEFAULT 1); \
         INSERT INTO row VALUES ('{CANARY}')"
    );
    sqlx::raw_sql(AssertSqlSafe(set_up)).execute(&mut conn).await.unwrap();
    let raise = format!("DO $$ BEGIN RAISE WARNING '{CANARY}'; RAISE EXCEPTION '{CANARY}'; END $$");
    for (statement, expected) in [
        ("INSERT INTO row VALUES ($1)", Some("23505")),
        (&format!("INSERT INTO row VALUES ('{CANARY}')"), Some("23505")),
        ("INSERT INTO row VALUES ($1 || $1)", Some("23514")),
        ("INSERT INTO row VALUES ($1 || 'x', NULL)", Some("23502")),
        (&format!("SELECT '{CANARY}'::int"), Some("22P02")),
        ("SELECT text::int FROM row WHERE text = $1", Some("22P02")),
        ("SELECT $1, pg_sleep(0.3)", None),
        (&format!("SELECT '{CANARY}' FROM nowhere"), Some("42P01")),
        (&raise, Some("P0001")),
    ] {
        assert_eq!(code(&mut conn, statement).await.as_deref(), expected, "{statement}");
    }
    // The end of a session is logged: the log is there and is written.
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut conn).await.unwrap();
    let mut other = PgConnection::connect(&postgres.address().url("postgres")).await.unwrap();
    sqlx::query("SELECT pg_terminate_backend($1)").bind(pid).execute(&mut other).await.unwrap();
    let ended = async {
        while !fs::read_to_string(&log).unwrap().contains("terminating connection due to administrator command") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), ended).await.expect("what ends a session is logged");
    postgres.stop().await.unwrap();
    let logged = fs::read_to_string(&log).unwrap();
    assert!(!logged.contains(CANARY), "{logged}");

    // One that stands and could be read by others is closed to them.
    fs::set_permissions(&log, Permissions::from_mode(0o644)).unwrap();
    let postgres = Cluster::start(config(&folder)).await.unwrap();
    assert_eq!(mode(&log), 0o600, "a log that stood");
    postgres.stop().await.unwrap();
    assert!(fs::read_to_string(&log).unwrap().starts_with(&logged), "it goes on");
}
