//! The real binary as a process of its own, for tests that kill it.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::database::{target_folder, unpacked};

/// A running `inlet dev`.
pub struct Process {
    child: Child,
    data_dir: PathBuf,
}

impl Process {
    /// Starts `inlet dev` on a data folder, at `listen`, and waits until it is ready.
    pub async fn dev(data_dir: &Path, listen: &str) -> Self {
        let binary = target_folder().join("debug/inlet");
        let child = Command::new(binary)
            .args(["dev", "--listen", listen, "--data-dir"])
            .arg(data_dir)
            .env("INLET_PG_UNPACKED", unpacked())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let process = Self { child, data_dir: data_dir.to_owned() };
        process.ready().await;
        process
    }

    /// What dev.json says.
    pub fn dev_file(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.data_dir.join("dev.json")).unwrap()).unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    async fn ready(&self) {
        let client = reqwest::Client::new();
        for _ in 0..600 {
            let file = std::fs::read(self.data_dir.join("dev.json")).unwrap_or_default();
            if let Ok(dev) = serde_json::from_slice::<Value>(&file)
                && let Some(url) = dev["url"].as_str()
                && let Ok(answer) = client.get(format!("{url}/readyz")).send().await
                && answer.status().is_success()
            {
                return;
            }
            // Polled, because another process has no signal to await; the test goes on as soon as it is ready.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("inlet dev did not become ready");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
