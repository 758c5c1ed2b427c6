//! `inlet replay` and `inlet listen` against a running server.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use inlet_tests::{TestServer, spawn, workspace};
use serde_json::{Value, json};

fn inlet(server: &TestServer, arguments: &[&str]) -> Command {
    let mut command = Command::new(workspace::inlet());
    command.args(arguments).env("INLET_GRAPHQL_URL", &server.graphql_url).env("INLET_API_KEY", &server.api_key);
    command
}

async fn run(mut command: Command) -> String {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn replay_goes_through_all_pages_and_listen_follows() {
    let server = spawn().await;
    for n in 0..3 {
        let body = json!({"event": "lowUnitBalance", "firm": format!("firm-{n}"), "unit": n}).to_string();
        assert_eq!(server.post("oneroute", None, &body).await.0, 200);
    }
    // As if their adapter had not known them.
    sqlx::query("UPDATE inbound_event SET outcome = 'unrecognised', event_ids = '{}'")
        .execute(&server.database)
        .await
        .unwrap();
    sqlx::raw_sql("DELETE FROM balance_alert; DELETE FROM external_ref; DELETE FROM idempotency_key")
        .execute(&server.database)
        .await
        .unwrap();

    let listen = inlet(&server, &["listen", "--json", "--types", "balance.*"]);
    let told = run(inlet(&server, &["replay", "--outcome", "unrecognised", "--page", "2", "--dry-run"])).await;
    assert!(told.contains("       3  unrecognised -> accepted"), "{told}");
    assert!(told.contains("balance.low"), "{told}");
    let head = server.graphql("{ head }", json!({})).await["head"].as_str().unwrap().to_owned();
    let done = run(inlet(&server, &["replay", "--outcome", "unrecognised", "--page", "2"])).await;
    assert!(done.contains("       3  unrecognised -> accepted"), "{done}");
    let idle = run(inlet(&server, &["replay", "--outcome", "unrecognised"])).await;
    assert!(!idle.contains("->"), "{idle}");

    let mut listen = listen;
    let mut child = listen.args(["--after", &head]).stdout(Stdio::piped()).spawn().unwrap();
    let out = child.stdout.take().unwrap();
    let lines = tokio::task::spawn_blocking(move || {
        BufReader::new(out).lines().take(3).map(|line| line.unwrap()).collect::<Vec<_>>()
    });
    let lines = lines.await.unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    // Two lanes replay what has nothing in common.
    let firms: BTreeSet<String> = lines
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["payload"]["firm"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(firms, ["firm-0", "firm-1", "firm-2"].map(str::to_owned).into());
    server.stop().await;
}
