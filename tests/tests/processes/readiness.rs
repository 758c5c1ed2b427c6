//! `/healthz`, `/readyz`, `/metrics`, and what is answered where there is nothing.

use inlet_tests::{client, spawn};
use serde_json::Value;
use sqlx::{Connection, PgConnection};

async fn get(url: &str) -> (u16, Value) {
    let answer = client().get(url).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_started_server_is_ready_and_counts() {
    let server = spawn().await;
    assert_eq!(get(&format!("{}/healthz", server.url)).await.0, 200);
    let (status, ready) = get(&format!("{}/readyz", server.url)).await;
    assert_eq!((status, &ready["status"]), (200, &Value::from("ready")), "{ready}");
    assert_eq!(ready["checks"]["dispatch"]["lag"], 0);
    let metrics = client().get(format!("{}/metrics", server.url)).send().await.unwrap();
    assert_eq!(metrics.status(), 200);
    let (status, nothing) = get(&format!("{}/nothing", server.url)).await;
    assert_eq!((status, &nothing["error"]["code"]), (404, &Value::from("NOT_FOUND")));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_its_migrations_is_told() {
    let server = spawn().await;
    sqlx::query("DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)")
        .execute(&server.database)
        .await
        .unwrap();
    let (status, ready) = get(&format!("{}/readyz", server.url)).await;
    assert_eq!((status, &ready["error"]["code"]), (503, &Value::from("NOT_READY")));
    assert!(ready["error"]["message"].as_str().unwrap().contains("the database lacks migrations (1)"), "{ready}");
    assert_eq!(get(&format!("{}/healthz", server.url)).await.0, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_gone_is_told() {
    let server = spawn().await;
    let name = server.database_url.rsplit('/').next().unwrap().to_owned();
    server.database.close().await;
    let mut admin = PgConnection::connect(&inlet_tests::cluster::url().await).await.unwrap();
    let drop = format!("DROP DATABASE {name} WITH (FORCE)");
    sqlx::query(sqlx::AssertSqlSafe(drop)).execute(&mut admin).await.unwrap();
    let (status, ready) = get(&format!("{}/readyz", server.url)).await;
    assert_eq!(status, 503, "{ready}");
    assert_eq!(ready["checks"]["database"]["ok"], false);
    assert_eq!(get(&format!("{}/healthz", server.url)).await.0, 200);
    server.halt().await;
}
