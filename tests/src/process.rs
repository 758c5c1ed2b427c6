//! The real binary as a process of the operating system, with a durable Postgres of its own: for tests that kill.

use std::{
    fs,
    io::ErrorKind,
    net::TcpListener,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use inlet_server::dev_file::DevFile;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::{client, cluster, sign, workspace};

/// How long a start or a stop may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// `inlet serve` over the database of a running `inlet dev`, with its key for secrets.
pub struct Beside {
    /// Where it listens, without a slash at the end.
    pub url: String,
    child: Child,
    log: PathBuf,
    client: reqwest::Client,
}

impl Beside {
    /// Starts it on a free port and waits until it is ready.
    pub async fn start(data_dir: &Path, dev: &DevFile) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self::start_at(data_dir, dev, &address.to_string()).await
    }

    /// Ends it with kill -9 and starts another in its place.
    pub async fn replace(mut self, data_dir: &Path, dev: &DevFile) -> Self {
        self.child.kill().await.unwrap();
        let address = self.url.trim_start_matches("http://").to_owned();
        Self::start_at(data_dir, dev, &address).await
    }

    async fn start_at(data_dir: &Path, dev: &DevFile, address: &str) -> Self {
        let log = data_dir.join(format!("beside-{}.log", address.rsplit(':').next().unwrap_or_default()));
        let child = Command::new(workspace::inlet())
            .args(["serve", "--allow-loopback-targets", "--listen", address, "--secrets-key-file"])
            .arg(data_dir.join("secrets.key"))
            .env("DATABASE_URL", &dev.database_url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary runs");
        let url = format!("http://{address}");
        let ready = async {
            while !client().get(format!("{url}/readyz")).send().await.is_ok_and(|it| it.status().is_success()) {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, ready).await.expect("inlet serve is ready in time");
        Self { url, child, log, client: client() }
    }

    /// Its number.
    #[must_use]
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id().expect("it runs")).unwrap()
    }

    /// Freezes it with SIGSTOP: it does nothing more, and its connections stand.
    pub fn freeze(&self) {
        kill(Pid::from_raw(self.pid()), Signal::SIGSTOP).unwrap();
    }

    /// Lets it go on after [`Self::freeze`].
    pub fn thaw(&self) {
        kill(Pid::from_raw(self.pid()), Signal::SIGCONT).unwrap();
    }

    /// Posts a body of `provider`, signed by its source's secret; the status, and the answer's body.
    pub async fn post(&self, dev: &DevFile, provider: &str, body: &str) -> (u16, Value) {
        let source = &dev.sources[provider];
        let url = source.url.replace(&dev.url, &self.url);
        // Like a provider: a connection that breaks off under many is made anew.
        loop {
            if let Ok(answer) = post(&self.client, &url, provider, &source.secret, body).await {
                return answer;
            }
        }
    }

    /// All that it wrote to its log so far.
    #[must_use]
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

async fn post(
    client: &reqwest::Client,
    url: &str,
    provider: &str,
    secret: &str,
    body: &str,
) -> reqwest::Result<(u16, Value)> {
    let (header, signature) = sign::header(provider, secret, body.as_bytes());
    let request = client.post(url).header("content-type", "application/json").header(header, signature);
    let answer = request.body(body.to_owned()).send().await?;
    Ok((answer.status().as_u16(), answer.json().await?))
}

/// A data folder that goes away with all that runs in it.
pub struct DataDir {
    folder: TempDir,
}

impl DataDir {
    /// A new one, which every account of the machine may pass through.
    #[must_use]
    pub fn new() -> Self {
        Self::with_mode(0o755)
    }

    /// A new one of that mode; it stands for a home that others may not enter where that is 0700.
    #[must_use]
    pub fn with_mode(mode: u32) -> Self {
        let folder = tempfile::Builder::new().prefix("inlet-test-").tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        Self { folder }
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where the cluster stands: in it, or where the account that runs Postgres can enter.
    #[must_use]
    pub fn cluster(&self) -> PathBuf {
        let home = self.path().join("postgres");
        match fs::read_to_string(home.join("elsewhere")) {
            Ok(elsewhere) => PathBuf::from(elsewhere.trim()),
            Err(_) => home,
        }
    }

    /// The number of the postmaster, while its pid file stands.
    #[must_use]
    pub fn postmaster(&self) -> Option<i32> {
        let text = fs::read_to_string(self.cluster().join("data/postmaster.pid")).ok()?;
        text.lines().next()?.trim().parse().ok()
    }
}

impl Default for DataDir {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        if let Some(pid) = self.postmaster() {
            let of_postgres =
                fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|it| it.contains("postgres"));
            if of_postgres {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
        let cluster = self.cluster();
        if !cluster.starts_with(self.folder.path()) {
            let _ = fs::remove_dir_all(cluster);
        }
    }
}

/// `inlet dev`, up.
pub struct Process {
    /// What it wrote to dev.json.
    pub dev: DevFile,
    /// All that it printed until it was up.
    pub said: String,
    child: Child,
}

impl Process {
    /// Starts it on a data folder and waits until it is up.
    pub async fn start(data_dir: &Path) -> Self {
        Self::start_with(data_dir, &[]).await
    }

    /// The same with more environment variables.
    pub async fn start_with(data_dir: &Path, environment: &[(&str, &str)]) -> Self {
        Self::try_start(data_dir, environment).await.unwrap_or_else(|said| panic!("inlet dev did not start: {said}"))
    }

    /// The same; where it ends instead, what it said.
    pub async fn try_start(data_dir: &Path, environment: &[(&str, &str)]) -> Result<Self, String> {
        let mut child = Command::new(workspace::inlet())
            .args(["dev", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir)
            .env_remove("DATABASE_URL")
            .env_remove("INLET_DATA_DIR")
            .envs(unpacked_binaries())
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary runs");
        let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut err = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let up = timeout(PATIENCE, async {
            let (mut out_open, mut err_open) = (true, true);
            while out_open || err_open {
                let line = tokio::select! {
                    line = out.next_line(), if out_open => { let line = line.unwrap(); out_open = line.is_some(); line }
                    line = err.next_line(), if err_open => { let line = line.unwrap(); err_open = line.is_some(); line }
                };
                let Some(line) = line else { continue };
                said.push_str(&line);
                said.push('\n');
                if line.contains("Ctrl-C stops") {
                    return true;
                }
            }
            false
        })
        .await
        .expect("inlet dev starts in time");
        if !up {
            return Err(said);
        }
        // Nobody reads on, but the pipes must not fill up or break.
        tokio::spawn(async move { while let Ok(Some(_)) = out.next_line().await {} });
        tokio::spawn(async move { while let Ok(Some(_)) = err.next_line().await {} });
        let dev = DevFile::read(data_dir).unwrap().expect("dev.json stands");
        Ok(Self { dev, said, child })
    }

    /// Its number.
    #[must_use]
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id().expect("it runs")).unwrap()
    }

    /// Posts a body of `provider`, signed by its source's secret; the status, and the answer's body.
    pub async fn post(&self, provider: &str, body: &str) -> (u16, Value) {
        let source = &self.dev.sources[provider];
        post(&client(), &source.url, provider, &source.secret, body).await.unwrap()
    }

    /// The data of a GraphQL operation under the owner's key.
    ///
    /// # Panics
    /// Where there are errors.
    pub async fn graphql(&self, query: &str, variables: Value) -> Value {
        let request = client().post(&self.dev.graphql_url).bearer_auth(&self.dev.api_key);
        let answer = request.json(&json!({"query": query, "variables": variables})).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert!(answer["errors"].is_null(), "{answer}");
        answer["data"].clone()
    }

    /// Ends it with kill -9. Its Postgres goes on.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Waits until it has killed itself at the place that `INLET_FAILPOINT` names.
    ///
    /// # Panics
    /// Where it does not.
    pub async fn killed_itself(mut self) {
        let status = timeout(PATIENCE, self.child.wait()).await;
        let status = status.expect("it passes the place, and was built with `--features inlet-server/failpoints`");
        assert_eq!(status.unwrap().signal(), Some(Signal::SIGKILL as i32));
    }

    /// Ends it with SIGTERM, and waits.
    pub async fn stop(mut self) -> ExitStatus {
        kill(Pid::from_raw(self.pid()), Signal::SIGTERM).unwrap();
        timeout(PATIENCE, self.child.wait()).await.expect("it stops in time").unwrap()
    }
}

/// Where the source tree has an unpacked server, the binary is told of it, for its data folder has none.
fn unpacked_binaries() -> Option<(&'static str, PathBuf)> {
    if std::env::var_os("INLET_PG_BINDIR").is_some() {
        return None;
    }
    let versions = match fs::read_dir(cluster::unpacked().join("usr/lib/postgresql")) {
        Ok(versions) => versions,
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => panic!("cannot read the unpacked server: {error}"),
    };
    let newest = versions.flatten().map(|version| version.path().join("bin")).max()?;
    Some(("INLET_PG_BINDIR", newest))
}
