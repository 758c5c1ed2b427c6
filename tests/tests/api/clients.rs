//! The clients that front ends use, as their npm packages, against the real server: `tests/clients`.
use std::time::Duration;

use inlet_api::{ApiConfig, SocketConfig};
use inlet_tests::{
    Options, TestServer,
    node::{self, Control, finish},
    spawn, spawn_with,
};
use serde_json::json;
use tokio::process::Child;

/// Starts the tests of one file against `server`.
fn start(server: &TestServer, file: &str, control: &str) -> Child {
    let mobtexting = &server.sources["mobtexting"];
    let told = json!({
        "url": server.url,
        "graphqlUrl": server.graphql_url,
        "apiKey": server.api_key,
        "mobtexting": {"url": mobtexting.url, "secret": mobtexting.secret},
        "control": control,
    });
    node::start(file, &told)
}

async fn passes(file: &str) {
    let server = spawn().await;
    finish(start(&server, file, "")).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn graphql_http_audits() {
    passes("graphql-http.test.js").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn graphql_ws() {
    let socket = SocketConfig {
        init_timeout: Duration::from_secs(4),
        stall: Duration::from_secs(4),
        buffer: 8,
        ..SocketConfig::default()
    };
    let api = ApiConfig { socket, ..ApiConfig::default() };
    let server = spawn_with(Options { api, ..Options::default() }).await;
    finish(start(&server, "graphql-ws.test.js", "")).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn graphql_sse() {
    passes("graphql-sse.test.js").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn apollo_client() {
    passes("apollo.test.js").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn graphiql_stays_at_home() {
    passes("graphiql.test.js").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn graphql_codegen() {
    passes("codegen.test.js").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p13_clients_of_a_stopping_server() {
    let server = spawn().await;
    let control = Control::open().await;
    let node = start(&server, "drain.test.js", &control.url());
    // They say when both of their connections stand.
    control.once_asked(async {}).await;
    server.stop().await;
    finish(node).await;
}
