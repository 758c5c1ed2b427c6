//! The clients that front ends use, as their npm packages, against the real server: `tests/clients`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up can only fail"
)]

use std::{path::PathBuf, process::Stdio, time::Duration};

use inlet_api::{ApiConfig, SocketConfig};
use inlet_tests::{Options, TestServer, spawn, spawn_with, workspace};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    process::{Child, Command},
    time::timeout,
};

/// How long the tests of one file may take.
const PATIENCE: Duration = Duration::from_secs(240);

fn clients() -> PathBuf {
    workspace::root().join("tests/clients")
}

/// Starts the tests of one file against `server`.
fn start(server: &TestServer, file: &str, control: &str) -> Child {
    let folder = clients();
    assert!(folder.join("node_modules").is_dir(), "the npm packages are not here: scripts/node.sh installs them");
    let mobtexting = &server.sources["mobtexting"];
    let told = json!({
        "url": server.url,
        "graphqlUrl": server.graphql_url,
        "apiKey": server.api_key,
        "mobtexting": {"url": mobtexting.url, "secret": mobtexting.secret},
        "control": control,
    });
    Command::new(workspace::root().join("scripts/node.sh"))
        .args(["node", "--test", "--test-reporter=spec"])
        .arg(folder.join("tests").join(file))
        .current_dir(folder)
        .env("INLET_UNDER_TEST", told.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("scripts/node.sh runs")
}

async fn finish(node: Child) {
    let output = timeout(PATIENCE, node.wait_with_output()).await.expect("the clients come to an end").unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    // Shown by --nocapture: the audits and the codes of the closes.
    #[expect(clippy::print_stdout, reason = "it is what the clients saw")]
    for line in told.lines().filter(|line| line.contains(" audits") || line.trim_start().starts_with("close ")) {
        println!("{}", line.trim());
    }
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
    let control = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let node = start(&server, "drain.test.js", &format!("http://{}/", control.local_addr().unwrap()));
    // They say when both of their connections stand.
    let (mut asked, _) = timeout(PATIENCE, control.accept()).await.expect("the clients connect").unwrap();
    asked.read_buf(&mut Vec::with_capacity(4096)).await.unwrap();
    asked.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await.unwrap();
    server.stop().await;
    finish(node).await;
}
