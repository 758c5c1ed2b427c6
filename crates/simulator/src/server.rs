//! A server that the simulator starts, kills and restarts.

use std::{
    fs::{File, OpenOptions},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::process::{Child, Command};

use crate::{SimulatorError, programs::output_of, target::Target, wire::Wire};

/// The timeout of a start.
const START: Duration = Duration::from_secs(60);

/// `inlet dev` on a data folder, or `inlet serve` beside one. A drop stops it.
#[derive(Debug)]
pub struct Server {
    binary: PathBuf,
    data_dir: PathBuf,
    /// The name of this process, and the database of the `inlet dev` beside it.
    beside: Option<(&'static str, String)>,
    /// Further environment variables.
    environment: &'static [(&'static str, &'static str)],
    address: String,
    child: Option<Child>,
}

impl Server {
    /// Starts `binary dev` on `data_dir` and a free port, and waits until it is ready. Its output goes to the file
    /// `<folder>.log` beside the folder.
    ///
    /// # Errors
    /// The server cannot be started, or is not ready within a minute.
    pub async fn start(binary: &Path, data_dir: &Path) -> Result<Self, SimulatorError> {
        Self::start_with(binary, data_dir, &[]).await
    }

    /// As [`Server::start`], with further environment variables.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_with(
        binary: &Path,
        data_dir: &Path,
        environment: &'static [(&'static str, &'static str)],
    ) -> Result<Self, SimulatorError> {
        std::fs::create_dir_all(data_dir).map_err(SimulatorError::io(data_dir.display().to_string()))?;
        Self::launch(binary, data_dir, None, environment).await
    }

    /// Starts `binary serve` over the database of a running `inlet dev`, with its key for secrets, on a free port, and
    /// waits until it is ready. Its output goes to `<folder>.<name>.log`.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_beside(
        binary: &Path,
        data_dir: &Path,
        target: &Target,
        name: &'static str,
    ) -> Result<Self, SimulatorError> {
        Self::launch(binary, data_dir, Some((name, target.database_url.clone())), &[]).await
    }

    async fn launch(
        binary: &Path,
        data_dir: &Path,
        beside: Option<(&'static str, String)>,
        environment: &'static [(&'static str, &'static str)],
    ) -> Result<Self, SimulatorError> {
        let probe = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = probe.map_err(SimulatorError::io("no free port"))?.to_string();
        let mut server = Self {
            binary: binary.to_owned(),
            data_dir: data_dir.to_owned(),
            beside,
            environment,
            address,
            child: None,
        };
        server.again().await?;
        Ok(server)
    }

    /// Restarts it on the same folder and port, and waits until it is ready.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn again(&mut self) -> Result<(), SimulatorError> {
        let log = self.log()?;
        let errors = log.try_clone().map_err(SimulatorError::io("the server's log"))?;
        let mut command = Command::new(&self.binary);
        match &self.beside {
            None => command.arg("dev").arg("--data-dir").arg(&self.data_dir),
            Some((_, database)) => command
                .args(["serve", "--allow-loopback-targets", "--secrets-key-file"])
                .arg(self.data_dir.join("secrets.key"))
                .env("DATABASE_URL", database),
        };
        let child = command
            .args(["--listen", &self.address])
            .envs(self.environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .map_err(SimulatorError::io(format!("{} cannot be started", self.binary.display())))?;
        self.child = Some(child);
        self.ready().await
    }

    /// Begins a new epoch of the logs of its database: `inlet admin new-epoch`.
    ///
    /// # Errors
    /// The command fails.
    pub async fn begin_epoch(&self) -> Result<(), SimulatorError> {
        let Some((_, database)) = &self.beside else { return Ok(()) };
        let key_file = self.data_dir.join("secrets.key").display().to_string();
        let arguments = ["admin", "--database-url", database, "--secrets-key-file", &key_file, "new-epoch"];
        output_of(&self.binary, &arguments).await.map(drop)
    }

    /// The file of its output.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        let extension = self.beside.as_ref().map_or_else(|| "log".to_owned(), |(name, _)| format!("{name}.log"));
        self.data_dir.with_extension(extension)
    }

    fn log(&self) -> Result<File, SimulatorError> {
        let path = self.log_path();
        let log = OpenOptions::new().create(true).append(true).open(&path);
        log.map_err(SimulatorError::io(path.display().to_string()))
    }

    async fn ready(&mut self) -> Result<(), SimulatorError> {
        let begun = Instant::now();
        loop {
            if is_ready(&self.address).await && Target::find(&self.data_dir).await.is_ok() {
                return Ok(());
            }
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            if ended.is_some() || begun.elapsed() > START {
                let said = std::fs::read_to_string(self.log_path()).unwrap_or_default();
                let end: Vec<_> = said.lines().rev().take(15).collect();
                let said = end.into_iter().rev().collect::<Vec<_>>().join("\n");
                return Err(SimulatorError::Program { program: self.binary.display().to_string(), said });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Its address: host and port.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its process, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Kills it with -9, and waits until it has ended.
    ///
    /// # Errors
    /// The system refuses.
    pub async fn kill(&mut self) -> Result<(), SimulatorError> {
        match self.child.take() {
            Some(mut child) => child.kill().await.map_err(SimulatorError::io("the server cannot be killed")),
            None => Ok(()),
        }
    }

    /// Ends it with SIGTERM, so that its database stops too, and waits.
    ///
    /// # Errors
    /// The system refuses, or it has not ended after half a minute.
    pub async fn stop(mut self) -> Result<(), SimulatorError> {
        self.terminate().await
    }

    /// As [`Server::stop`], but [`Server::again`] can restart it.
    ///
    /// # Errors
    /// As [`Server::stop`].
    pub async fn terminate(&mut self) -> Result<(), SimulatorError> {
        let (Some(pid), Some(mut child)) = (self.pid(), self.child.take()) else { return Ok(()) };
        output_of(Path::new("kill"), &["-TERM", &pid.to_string()]).await?;
        let ended = tokio::time::timeout(Duration::from_secs(30), child.wait()).await;
        ended
            .map_err(|_| SimulatorError::Program {
                program: self.binary.display().to_string(),
                said: "it did not end within 30 s of SIGTERM".into(),
            })?
            .map_err(SimulatorError::io("the server's end"))
            .map(drop)
    }

    /// Its resident memory in KiB, if the system tells it.
    #[must_use]
    pub fn resident_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse().ok()
    }
}

/// Whether a server at this host and port is ready.
pub async fn is_ready(address: &str) -> bool {
    let request = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    let Ok(mut wire) = Wire::open(address).await else { return false };
    wire.exchange(request.as_bytes()).await.is_ok_and(|answer| answer.status() == 200)
}
