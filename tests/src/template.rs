//! The templates that the databases of tests are cloned from: one with every migration, and one for each thing that
//! many tests begin with.

use std::{env, fs, time::UNIX_EPOCH};

use inlet_domain::ambient::Ambient;
use inlet_store::{
    database::{Database, MIGRATOR},
    records::partitions,
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::database::{copy, named, run};

/// Databases of tests that ended longer ago than this are dropped.
const SWEEP_AFTER: &str = "1 hour";

/// How many seconds a seeded template serves. Sessions in it last a day.
const SERVES: i64 = 6 * 3600;

/// The template with every migration. Its name tells which, so that a changed one makes a new template.
pub(crate) async fn migrated(conn: &mut PgConnection, admin: &str) -> String {
    let name = format!("inlet_template_{}", digest(MIGRATOR.iter().map(|migration| &migration.checksum[..])));
    if stands(conn, &name).await {
        return name;
    }
    lock(conn, "migrated").await;
    if !stands(conn, &name).await {
        sweep(conn).await;
        let unfinished = begin(conn, &name, "template1").await;
        let database = Database::connect(&named(admin, &unfinished), 2, 1).await.unwrap();
        database.migrate().await.unwrap();
        partitions::ensure(&database, Ambient::system().now()).await.unwrap();
        database.close().await;
        finish(conn, &name).await;
    }
    unlock(conn, "migrated").await;
    name
}

/// The template that `seed` fills, and what `seed` told of it. Each build of a test binary makes its own, so that no
/// template holds what another build's code wrote.
pub(crate) async fn seeded(
    conn: &mut PgConnection,
    admin: &str,
    purpose: &str,
    seed: impl AsyncFnOnce(&str) -> Value,
) -> (String, Value) {
    let binary = env::current_exe().expect("the system tells where the test binary is");
    let built = fs::metadata(&binary).and_then(|it| it.modified()).expect("the system tells when it was built");
    let built = built.duration_since(UNIX_EPOCH).expect("it was built after 1970").as_nanos();
    let stem = format!("inlet_seeded_{purpose}_{}", digest([binary.as_os_str().as_encoded_bytes()]));
    let now: i64 = sqlx::query_scalar("SELECT extract(epoch FROM now())::bigint").fetch_one(&mut *conn).await.unwrap();
    let of_window = |window: i64| format!("{stem}_{}", digest([built.to_le_bytes(), i128::from(window).to_le_bytes()]));
    let name = of_window(now / SERVES);
    if let Some(told) = told(conn, &name).await {
        return (name, told);
    }
    lock(conn, purpose).await;
    let found = told(conn, &name).await;
    let told = match found {
        Some(told) => told,
        None => {
            sweep_seeded(conn, &stem, &of_window(now / SERVES - 1)).await;
            let template = migrated(conn, admin).await;
            let unfinished = begin(conn, &name, &template).await;
            let told = Box::pin(seed(&named(admin, &unfinished))).await;
            let comment = told.to_string().replace('\'', "''");
            run(conn, &format!("COMMENT ON DATABASE {unfinished} IS '{comment}'")).await;
            finish(conn, &name).await;
            told
        }
    };
    unlock(conn, purpose).await;
    (name, told)
}

fn digest<T: AsRef<[u8]>>(parts: impl IntoIterator<Item = T>) -> String {
    let mut hash = Sha256::new();
    parts.into_iter().for_each(|part| hash.update(part));
    hex::encode(&hash.finalize()[..6])
}

/// One maker of a template at a time.
async fn lock(conn: &mut PgConnection, purpose: &str) {
    run(conn, &format!("SELECT pg_advisory_lock(hashtext('inlet template {purpose}'))")).await;
}

async fn unlock(conn: &mut PgConnection, purpose: &str) {
    run(conn, &format!("SELECT pg_advisory_unlock(hashtext('inlet template {purpose}'))")).await;
}

/// A database to be filled; it has its name when it is whole.
async fn begin(conn: &mut PgConnection, name: &str, template: &str) -> String {
    let unfinished = format!("{name}_x");
    run(conn, &format!("DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)")).await;
    copy(conn, template, &unfinished).await;
    unfinished
}

async fn finish(conn: &mut PgConnection, name: &str) {
    run(conn, &format!("ALTER DATABASE {name}_x RENAME TO {name}")).await;
}

async fn stands(conn: &mut PgConnection, name: &str) -> bool {
    let sql = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)";
    sqlx::query_scalar(sql).bind(name).fetch_one(conn).await.unwrap()
}

/// What was told of a seeded template, where it stands.
async fn told(conn: &mut PgConnection, name: &str) -> Option<Value> {
    let sql = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1";
    let comment: Option<String> = sqlx::query_scalar(sql).bind(name).fetch_optional(conn).await.unwrap();
    comment.map(|comment| serde_json::from_str(&comment).expect("the comment of a seeded template is JSON"))
}

/// Drops what earlier runs left.
async fn sweep(conn: &mut PgConnection) {
    let old: Vec<String> = sqlx::query_scalar(
        "SELECT datname FROM pg_database
         WHERE (datname ~ '^inlet_test_[0-9]+_'
                AND to_timestamp(split_part(datname, '_', 3)::bigint) < now() - $1::interval)
            OR datname ~ '^inlet_(template|seeded)_'",
    )
    .bind(SWEEP_AFTER)
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    drop_unused(conn, old).await;
}

/// Drops the templates of earlier builds and times, but for the one that another test may be about to clone.
async fn sweep_seeded(conn: &mut PgConnection, stem: &str, former: &str) {
    let sql = "SELECT datname FROM pg_database WHERE starts_with(datname, $1) AND NOT starts_with(datname, $2)";
    let old: Vec<String> = sqlx::query_scalar(sql).bind(stem).bind(former).fetch_all(&mut *conn).await.unwrap();
    drop_unused(conn, old).await;
}

async fn drop_unused(conn: &mut PgConnection, names: Vec<String>) {
    for name in names {
        // One that is in use stays.
        let _ = sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name}"))).execute(&mut *conn).await;
    }
}
