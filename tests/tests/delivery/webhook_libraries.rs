//! What Inlet signs is verified by the `standardwebhooks` libraries of npm, Python and Rust as it came; with one byte of
//! the body changed, an old timestamp or another id it is not.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use inlet_tests::{SeededWorkspace, Sink, database, operation::Operation, sink::Received, spawn, workspace};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::process::Command;

/// What a library is given, and whether it is to take it.
struct Try {
    what: &'static str,
    body: String,
    headers: Value,
    taken: bool,
}

/// A request as it came, and what must not pass for it.
fn tries(one: &Received, secret: &str) -> Vec<Try> {
    let body = String::from_utf8(one.body.clone()).unwrap();
    let headers = |id: &str, timestamp: &str, signature: &str| json!({"webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature});
    let (id, timestamp, signature) =
        (one.header("webhook-id"), one.header("webhook-timestamp"), one.header("webhook-signature"));
    let mut tries =
        vec![Try { what: "as it came", body: body.clone(), headers: headers(id, timestamp, signature), taken: true }];
    // A letter of a name or a value, so that the body stays JSON.
    for at in [2, body.len() / 2, body.len() - 3] {
        let at = (at..body.len()).find(|at| body.as_bytes()[*at].is_ascii_lowercase()).unwrap_or(2);
        let mut changed = body.clone().into_bytes();
        changed[at] = if changed[at] == b'z' { b'y' } else { changed[at] + 1 };
        tries.push(Try {
            what: "one byte changed",
            body: String::from_utf8(changed).unwrap(),
            headers: headers(id, timestamp, signature),
            taken: false,
        });
    }
    tries.push(Try {
        what: "another id",
        body: body.clone(),
        headers: headers("evt_01jd4rk0v8fh2s9m3q7w5x6y1z", timestamp, signature),
        taken: false,
    });
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    for (what, offset, taken) in [("signed a minute ago", -60, true), ("signed too long ago", -301, false)] {
        let then = (timestamp.parse::<i64>().unwrap() + offset).to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{id}.{then}.{body}").as_bytes());
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        tries.push(Try { what, body: body.clone(), headers: headers(id, &then, &signature), taken });
    }
    tries
}

fn by_rust(secret: &str, tries: &[Try]) -> Vec<bool> {
    let webhook = standardwebhooks::Webhook::new(secret).unwrap();
    let taken = |one: &Try| {
        let mut headers = reqwest::header::HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            headers.insert(name, one.headers[name].as_str().unwrap().parse().unwrap());
        }
        webhook.verify(one.body.as_bytes(), &headers).is_ok()
    };
    tries.iter().map(taken).collect()
}

/// What a script of `tests/clients` prints of them; `None` where the machine has no such language.
async fn by_script(script: &str, file: &str, given: &std::path::Path) -> Option<Vec<bool>> {
    let mut command = Command::new(workspace::root().join("scripts").join(script));
    if script == "node.sh" {
        command.arg("node");
    }
    command.arg(workspace::root().join("tests/clients").join(file)).arg(given);
    let output = command.output().await.unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.code() == Some(3) {
        #[expect(clippy::print_stdout, reason = "what is left out is said")]
        {
            println!("{file} was left out: {told}");
        }
        return None;
    }
    assert!(output.status.success(), "{file}: {told}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_libraries_verify_what_came_and_nothing_that_was_changed() {
    let server = spawn().await;
    let party = SeededWorkspace::of(&server).await;
    let sink = Sink::start().await;
    let query = "mutation ($u: String!, $k: String!) { registerWebhook(input: {name: \"receiver\", url: $u, \
                 idempotencyKey: $k}) { secret } }";
    let variables = json!({"u": sink.url(), "k": database::unique()});
    let answer = party.ask(&Operation { query: query.to_owned(), variables }).await;
    let secret = answer["data"]["registerWebhook"]["secret"].as_str().unwrap();
    party.hear_marked().await;
    let got = sink.wait(|got| got.len() >= 3).await;
    server.stop().await;

    let tries: Vec<Try> = got.iter().flat_map(|one| tries(one, secret)).collect();
    let requests: Vec<Value> = tries.iter().map(|one| json!({"body": one.body, "headers": one.headers})).collect();
    let folder = tempfile::tempdir().unwrap();
    let given = folder.path().join("given.json");
    std::fs::write(&given, json!({"secret": secret, "requests": requests}).to_string()).unwrap();
    let told = [
        ("Rust", Some(by_rust(secret, &tries))),
        ("npm", by_script("node.sh", "verify.js", &given).await),
        ("Python", by_script("python.sh", "verify.py", &given).await),
    ];
    for (language, taken) in told.iter().filter_map(|(language, taken)| Some((language, taken.as_ref()?))) {
        assert_eq!(taken.len(), tries.len());
        for (one, taken) in tries.iter().zip(taken) {
            assert_eq!(*taken, one.taken, "{language}: {}: {}", one.what, one.body);
        }
    }
}
