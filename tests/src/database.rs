//! A database for each test, cloned from a template that holds the migrations.

use inlet_domain::ambient::Ambient;
use inlet_store::{
    database::{Database, MIGRATOR},
    records::partitions,
};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use url::Url;
use uuid::Uuid;

use crate::cluster;

/// One maker of templates at a time.
const TEMPLATE_LOCK: i64 = 0x696e_6c65_7470_0002;

/// Databases of tests that ended longer ago than this are dropped.
const SWEEP_AFTER: &str = "1 hour";

/// Makes a database with every migration and nothing in it; returns its URL.
pub async fn create() -> String {
    let admin = cluster::url().await;
    let mut conn = PgConnection::connect(&admin).await.expect("the test cluster answers");
    let template = template(&mut conn, &admin).await;
    let now: i64 = sqlx::query_scalar("SELECT extract(epoch FROM now())::bigint").fetch_one(&mut conn).await.unwrap();
    let name = format!("inlet_test_{now}_{}", &Ambient::system().uuid().simple().to_string()[16..]);
    run(&mut conn, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    conn.close().await.unwrap();
    named(&admin, &name)
}

/// Drops a database that [`create`] made.
pub async fn drop(url: &str) {
    let name = Url::parse(url).unwrap().path().trim_start_matches('/').to_owned();
    let mut conn = PgConnection::connect(&cluster::url().await).await.unwrap();
    run(&mut conn, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    conn.close().await.unwrap();
}

async fn run(conn: &mut PgConnection, statement: &str) {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(conn).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

fn named(admin: &str, name: &str) -> String {
    let mut url = Url::parse(admin).expect("the cluster's URL is a URL");
    url.set_path(name);
    url.into()
}

/// The template's name tells which migrations it holds, so that a changed one makes a new template.
async fn template(conn: &mut PgConnection, admin: &str) -> String {
    let mut hash = Sha256::new();
    for migration in MIGRATOR.iter() {
        hash.update(&migration.checksum);
    }
    let name = format!("inlet_template_{}", &hex::encode(hash.finalize())[..16]);
    if stands(conn, &name).await {
        return name;
    }
    run(conn, &format!("SELECT pg_advisory_lock({TEMPLATE_LOCK})")).await;
    if !stands(conn, &name).await {
        sweep(conn).await;
        let unfinished = format!("{name}_unfinished");
        run(conn, &format!("DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)")).await;
        run(conn, &format!("CREATE DATABASE {unfinished}")).await;
        let database = Database::connect(&named(admin, &unfinished), 2, 1).await.unwrap();
        database.migrate().await.unwrap();
        partitions::ensure(&database, Ambient::system().now()).await.unwrap();
        database.close().await;
        run(conn, &format!("ALTER DATABASE {unfinished} RENAME TO {name}")).await;
    }
    run(conn, &format!("SELECT pg_advisory_unlock({TEMPLATE_LOCK})")).await;
    name
}

async fn stands(conn: &mut PgConnection, name: &str) -> bool {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(name)
        .fetch_one(conn)
        .await
        .unwrap()
}

/// Drops what earlier runs left.
async fn sweep(conn: &mut PgConnection) {
    let old: Vec<String> = sqlx::query_scalar(
        "SELECT datname FROM pg_database
         WHERE (datname ~ '^inlet_test_[0-9]+_'
                AND to_timestamp(split_part(datname, '_', 3)::bigint) < now() - $1::interval)
            OR datname ~ '^inlet_template_[0-9a-f]{16}$'",
    )
    .bind(SWEEP_AFTER)
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    for name in old {
        // One that is in use stays.
        let _ = sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name}"))).execute(&mut *conn).await;
    }
}

/// A name that no other test has, for ids that a test makes up.
#[must_use]
pub fn unique() -> String {
    Uuid::simple(Ambient::system().uuid()).to_string()
}
