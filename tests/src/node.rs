//! Tests that run in Node, against a server that is told to them: `tests/clients/tests`.

use std::{path::PathBuf, process::Stdio, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    process::{Child, Command},
    time::timeout,
};

use crate::workspace;

/// How long the tests of one file may take.
const PATIENCE: Duration = Duration::from_secs(240);

fn clients() -> PathBuf {
    workspace::root().join("tests/clients")
}

/// Starts the tests of one file; `told` is what they know.
#[must_use]
pub fn start(file: &str, told: &Value) -> Child {
    let folder = clients();
    assert!(folder.join("node_modules").is_dir(), "the npm packages are not here: scripts/node.sh installs them");
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

/// Waits for their end, which must be a good one.
pub async fn finish(node: Child) {
    let output = timeout(PATIENCE, node.wait_with_output()).await.expect("the clients come to an end").unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    // Shown by --nocapture: audits, the codes of closes, and what was compared.
    let is_told = |line: &&str| [" audits", "close ", "compared "].iter().any(|word| line.contains(word));
    #[expect(clippy::print_stdout, reason = "it is what the clients saw")]
    for line in told.lines().filter(is_told) {
        println!("{}", line.trim());
    }
}

/// Where the tests of a file say that they are ready, and wait for what is done to them meanwhile.
pub struct Control(TcpListener);

impl Control {
    /// A free port.
    pub async fn open() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    /// To be asked for by the tests.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.0.local_addr().unwrap())
    }

    /// Waits until they ask, does it, and answers.
    pub async fn once_asked(&self, deed: impl Future<Output = ()>) {
        let (mut asked, _) = timeout(PATIENCE, self.0.accept()).await.expect("the clients ask").unwrap();
        asked.read_buf(&mut Vec::with_capacity(4096)).await.unwrap();
        deed.await;
        asked.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await.unwrap();
    }
}
