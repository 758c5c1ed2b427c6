//! A database for each test: a clone of a template.

use inlet_domain::ambient::Ambient;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use url::Url;
use uuid::Uuid;

use crate::{cluster, template};

/// Makes a database with every migration and nothing in it; returns its URL.
pub async fn create() -> String {
    let admin = cluster::url().await;
    let mut conn = connect(&admin).await;
    let template = template::migrated(&mut conn, &admin).await;
    clone(conn, &admin, &template).await
}

/// Makes a database with every migration and with what `seed` put into the database of the URL that it was given. That
/// happens once for all tests of a binary that give the same `purpose`, a word. Returns the URL, and what `seed` told.
pub async fn create_seeded(purpose: &str, seed: impl AsyncFnOnce(&str) -> Value) -> (String, Value) {
    let admin = cluster::url().await;
    let mut conn = connect(&admin).await;
    let (template, told) = template::seeded(&mut conn, &admin, purpose, seed).await;
    (clone(conn, &admin, &template).await, told)
}

/// Drops a database that [`create`] or [`create_seeded`] made.
pub async fn drop(url: &str) {
    let name = Url::parse(url).unwrap().path().trim_start_matches('/').to_owned();
    let mut conn = connect(&cluster::url().await).await;
    run(&mut conn, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    conn.close().await.unwrap();
}

async fn connect(admin: &str) -> PgConnection {
    PgConnection::connect(admin).await.expect("the test cluster answers")
}

async fn clone(mut conn: PgConnection, admin: &str, template: &str) -> String {
    let now: i64 = sqlx::query_scalar("SELECT extract(epoch FROM now())::bigint").fetch_one(&mut conn).await.unwrap();
    let name = format!("inlet_test_{now}_{}", &Ambient::system().uuid().simple().to_string()[16..]);
    copy(&mut conn, template, &name).await;
    conn.close().await.unwrap();
    named(admin, &name)
}

/// Copies the files of a template, which takes half as long as to write all of it to the log: the way that is the default
/// since version 15, and that older versions do not know.
pub(crate) async fn copy(conn: &mut PgConnection, template: &str, name: &str) {
    let sql = "SELECT current_setting('server_version_num')::int";
    let version: i32 = sqlx::query_scalar(sql).fetch_one(&mut *conn).await.unwrap();
    let strategy = if version >= 150_000 { "STRATEGY file_copy" } else { "" };
    run(conn, &format!("CREATE DATABASE {name} TEMPLATE {template} {strategy}")).await;
}

pub(crate) async fn run(conn: &mut PgConnection, statement: &str) {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(conn).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
}

pub(crate) fn named(admin: &str, name: &str) -> String {
    let mut url = Url::parse(admin).expect("the cluster's URL is a URL");
    url.set_path(name);
    url.into()
}

/// A name that no other test has, for ids that a test makes up.
#[must_use]
pub fn unique() -> String {
    Uuid::simple(Ambient::system().uuid()).to_string()
}
