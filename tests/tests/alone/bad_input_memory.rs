//! P11: memory stays bounded whatever is asked. Large and deep requests, many at once, to the real binary; the most that
//! it ever held is what Linux says of it.

use std::fs;

use futures::{StreamExt, stream};
use inlet_tests::{Process, client, process::DataDir};
use serde_json::{Value, json};

/// How many are sent, in all.
const REQUESTS: usize = 240;

/// The most that the process may hold beyond what it began with, in MiB. Thirty bodies of a megabyte are in hand at once,
/// and one of small values takes some twenty times its size as values and as variables. (543 when this was written.)
const MOST: u64 = 800;

/// The most memory that the process has had resident, in MiB.
fn high_water(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() / 1024
}

/// What is asked, and whether it is granted.
fn bodies() -> Vec<(String, bool)> {
    let with = |query: &str, x: Value| json!({"query": query, "variables": {"x": x}}).to_string();
    let mapping = "mutation Q($x: JSON) { previewMapping(input: {mapping: $x}) { outcome } }";
    let nodes = "query Q($x: [ID!]!) { nodes(ids: $x) { id } }";
    let deep = |open: &str, close: &str, times: usize| {
        let value = format!("{}1{}", open.repeat(times), close.repeat(times));
        format!("{{\"query\": \"{mapping}\", \"variables\": {{\"x\": {value}}}}}")
    };
    let nopes = format!("{{ {} }}", "nope ".repeat(9_000));
    let directives = format!("{{ head {} }}", "@a".repeat(30_000));
    vec![
        (with(mapping, json!("x".repeat(1_000_000))), false),
        (with(mapping, json!("x".repeat(5 << 20))), false),
        (with(mapping, json!(vec![json!({}); 300_000])), false),
        (with(mapping, json!(vec![0; 400_000])), false),
        (with(nodes, json!(vec!["a"; 200_000])), false),
        (with(nodes, json!(vec![json!([]); 200_000])), false),
        (deep("[", "]", 100_000), false),
        (deep("{\"a\":", "}", 100_000), false),
        (json!({"query": nopes}).to_string(), false),
        (json!({"query": directives}).to_string(), false),
        (json!({"query": "[".repeat(900_000)}).to_string(), false),
        (json!({"query": "{ head }"}).to_string(), true),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_memory_stays_bounded_whatever_is_asked() {
    let folder = DataDir::new();
    let process = Process::start(&folder.path()).await;
    let client = client();
    process.graphql("{ head }", json!({})).await;
    let begun = high_water(process.pid());
    let asked: Vec<(String, bool)> = bodies().into_iter().cycle().take(REQUESTS).collect();
    let answers = stream::iter(asked).map(|(body, is_granted)| {
        let request = client.post(&process.dev.graphql_url).bearer_auth(&process.dev.api_key);
        let request = request.header("content-type", "application/json").body(body);
        async move {
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            // Thirty bodies of a megabyte at once may be too much for a build without optimisation, or for its database.
            if [408, 503].contains(&status) {
                return false;
            }
            assert!([200, 400, 413].contains(&status), "{status}");
            let text = answer.text().await.unwrap();
            assert!(text.len() < 64 * 1024, "an answer of {} bytes", text.len());
            let answer: Value = serde_json::from_str(&text).unwrap();
            if answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE" {
                return false;
            }
            let is_refused = answer.get("errors").is_some() || answer.get("error").is_some();
            assert_eq!(is_refused, !is_granted, "{text}");
            true
        }
    });
    let answered: Vec<bool> = answers.buffer_unordered(30).collect().await;
    assert!(answered.len() == REQUESTS && answered.iter().filter(|it| **it).count() > REQUESTS / 4);
    let most = high_water(process.pid());
    println!("{begun} MiB at the start, {most} MiB at most");
    assert!(most - begun < MOST, "{begun} MiB at the start, {most} MiB at most");
    assert!(process.stop().await.success());
}
