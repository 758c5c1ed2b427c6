//! The receivers of docs/webhooks, each in its own language: they take what Inlet sends and nothing that was changed.

use std::{net::TcpListener, path::PathBuf, process::Stdio};

use inlet_domain::ambient::Ambient;
use inlet_tests::{SeededWorkspace, TestServer, database, operation::Operation, spawn, workspace};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// A receiver that runs.
struct Receiver {
    url: String,
    lines: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

fn examples() -> PathBuf {
    PathBuf::from(std::env::var_os("INLET_TEST_BINARY").unwrap()).parent().unwrap().join("examples")
}

fn is_there(program: &str) -> bool {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).any(|folder| folder.join(program).is_file())
}

/// How a language's receiver is started on a port; `None` where the language is not here.
fn command(language: &str, port: u16) -> Option<Command> {
    let root = workspace::root();
    let file = |name: &str| root.join("docs/webhooks").join(name);
    let mut command = match language {
        "node" => {
            // A package is looked for beside the file that asks for it.
            let copy = root.join("tests/clients").join(format!("receiver-{port}.mjs"));
            let program = format!("import('{}')", copy.display());
            std::fs::copy(file("receiver.mjs"), &copy).unwrap();
            let mut command = Command::new(root.join("scripts/node.sh"));
            let remove = format!("{program}.finally(() => require('node:fs').unlinkSync('{}'))", copy.display());
            command.args(["node", "--eval", &remove]);
            command
        }
        "python" => {
            let mut command = Command::new(root.join("scripts/python.sh"));
            command.arg(file("receiver.py"));
            is_there("python3").then_some(command)?
        }
        "php" => {
            let mut command = Command::new("php");
            command.args(["-S", &format!("127.0.0.1:{port}")]).arg(file("receiver.php"));
            is_there("php").then_some(command)?
        }
        "go" => {
            let mut command = Command::new("go");
            command.arg("run").arg(file("receiver.go"));
            is_there("go").then_some(command)?
        }
        "rust" => Command::new(examples().join("receiver")),
        other => panic!("{other}"),
    };
    command.env("PORT", port.to_string()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    // What a script starts goes with it.
    command.process_group(0);
    Some(command)
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(id) = self._process.id().and_then(|id| i32::try_from(id).ok()) {
            let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGKILL);
        }
    }
}

/// Registers the receiver, starts it, and waits until it answers.
async fn start(language: &str, party: &SeededWorkspace) -> Option<Receiver> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = command(language, port)?;
    let url = format!("http://127.0.0.1:{port}/");
    let query = "mutation ($input: RegisterWebhookInput!) { registerWebhook(input: $input) { secret } }";
    let input = json!({"name": language, "url": url, "eventTypes": ["message.created"],
                       "idempotencyKey": database::unique()});
    let answer = party.ask(&Operation { query: query.to_owned(), variables: json!({ "input": input }) }).await;
    let secret = answer["data"]["registerWebhook"]["secret"].as_str().unwrap();
    let mut process = command.env("WEBHOOK_SECRET", secret).spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    loop {
        if reqwest::Client::new().post(&url).body("{}").send().await.is_ok() {
            return Some(Receiver { url, lines, _process: process });
        }
        assert!(process.try_wait().unwrap().is_none(), "the receiver in {language} has ended");
        tokio::task::yield_now().await;
    }
}

async fn sent(server: &TestServer, party: &SeededWorkspace, receiver: &mut Receiver, language: &str) {
    party.hear_marked().await;
    let line = receiver.lines.next_line().await.unwrap().unwrap();
    assert!(line.starts_with("evt_") && line.ends_with(" message.created"), "{language}: {line}");
    let id = line.split(' ').next().unwrap();

    // The same as it came is in no one's hands but the receiver's: so what was changed is made of a request of our own.
    let client = reqwest::Client::new();
    let forged = client
        .post(&receiver.url)
        .header("webhook-id", id)
        .header("webhook-timestamp", Ambient::system().now().timestamp().to_string())
        .header("webhook-signature", "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
        .body(json!({"id": id, "type": "message.created"}).to_string());
    assert_eq!(forged.send().await.unwrap().status(), 401, "{language}");
    let unsigned = client.post(&receiver.url).body("{}").send().await.unwrap();
    assert_eq!(unsigned.status(), 401, "{language}");

    let query = "query { deliveries(first: 100) { nodes { eventId status webhook { name } } } }";
    loop {
        let answer = party.ask(&Operation { query: query.to_owned(), variables: Value::Null }).await;
        let nodes = answer["data"]["deliveries"]["nodes"].as_array().unwrap().clone();
        let mine = |node: &&Value| node["eventId"] == id && node["webhook"]["name"] == language;
        match nodes.iter().find(mine).map(|node| node["status"].clone()) {
            Some(status) if status == "PENDING" => tokio::task::yield_now().await,
            status => {
                assert_eq!(status, Some(json!("SUCCEEDED")), "{language} on {}", server.url);
                return;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_receivers_take_what_inlet_sends_and_nothing_else() {
    let server = spawn().await;
    let party = SeededWorkspace::of(&server).await;
    for language in ["node", "python", "php", "go", "rust"] {
        let Some(mut receiver) = start(language, &party).await else {
            println!("{language} is not on this machine: its receiver is not tried");
            continue;
        };
        sent(&server, &party, &mut receiver, language).await;
    }
    server.stop().await;
}
