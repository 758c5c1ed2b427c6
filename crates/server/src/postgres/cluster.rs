//! A cluster from its owner's side: start, supervision, stop.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::{task::JoinHandle, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    account::Place,
    binaries::Binaries,
    error::PostgresError,
    initdb,
    process::{self, Running},
};
use crate::files;

/// The settings of a cluster.
#[derive(Debug, Clone)]
pub struct PostgresConfig {
    /// The folder of all its data.
    pub home: PathBuf,
    /// The folder of an unpacked copy of the server, see `scripts/postgres.sh`.
    pub unpacked: PathBuf,
    /// Whether a commit reaches the disk before Postgres acknowledges it. Off only in tests that do not test
    /// durability.
    pub durable: bool,
    /// The most connections.
    pub max_connections: u32,
    /// Shared buffers, in MiB.
    pub shared_buffers_mb: u32,
}

impl PostgresConfig {
    /// A durable cluster of modest size under `data_dir`.
    #[must_use]
    pub fn under(data_dir: &Path) -> Self {
        Self {
            home: data_dir.join("postgres"),
            unpacked: data_dir.join("postgres-unpacked"),
            durable: true,
            max_connections: 100,
            shared_buffers_mb: 128,
        }
    }
}

/// The address of a cluster.
#[derive(Debug, Clone)]
pub struct Address {
    /// The port on 127.0.0.1.
    pub port: u16,
    /// The folder of its socket, if it has one.
    pub socket: Option<PathBuf>,
    password: SecretString,
}

impl Address {
    /// The URL of a database over TCP, for any program on this machine. The URL contains the password.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{}:{}@127.0.0.1:{}/{database}", initdb::USER, self.password.expose_secret(), self.port)
    }

    /// The URL over the socket, which is a little faster; over TCP if there is no socket.
    #[must_use]
    pub fn socket_url(&self, database: &str) -> String {
        let Some(folder) = &self.socket else { return self.url(database) };
        let host: String = url::form_urlencoded::byte_serialize(folder.as_os_str().as_encoded_bytes()).collect();
        format!(
            "postgres://{}:{}@localhost:{}/{database}?host={host}",
            initdb::USER,
            self.password.expose_secret(),
            self.port
        )
    }

    /// Creates the database unless it exists.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn create_database(&self, name: &str) -> Result<(), PostgresError> {
        let mut conn = PgConnection::connect(&self.url("postgres")).await?;
        let stands: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(name)
            .fetch_one(&mut conn)
            .await?;
        if !stands {
            let create = format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\""));
            sqlx::query(AssertSqlSafe(create)).execute(&mut conn).await?;
        }
        Ok(conn.close().await?)
    }
}

/// A running cluster that this process owns. The supervisor restarts it when it dies. Without [`Cluster::stop`] the
/// cluster goes on running after a drop, and the next start adopts it.
#[derive(Debug)]
pub struct Cluster {
    address: Address,
    stop: CancellationToken,
    supervisor: JoinHandle<Result<(), PostgresError>>,
    _owner: File,
}

impl Cluster {
    /// Creates the cluster if it does not exist, starts it if it does not run, adopts it if it runs.
    ///
    /// # Errors
    /// No server is usable, another process owns the folder, or the server does not start.
    pub async fn start(config: PostgresConfig) -> Result<Self, PostgresError> {
        let owner = own(&config.home, Duration::ZERO).await?;
        let (prepared, running) = Prepared::run(config).await?;
        let address = prepared.address(&running);
        let stop = CancellationToken::new();
        let supervisor = tokio::spawn(supervise(prepared, running, stop.clone()));
        Ok(Self { address, stop, supervisor, _owner: owner })
    }

    /// As [`Cluster::start`], but leaves the cluster running and without an owner, for test processes that share one
    /// cluster.
    ///
    /// # Errors
    /// As for [`Cluster::start`].
    pub async fn share(config: PostgresConfig) -> Result<Address, PostgresError> {
        let _owner = own(&config.home, Duration::from_secs(60)).await?;
        let (prepared, running) = Prepared::run(config).await?;
        Ok(prepared.address(&running))
    }

    /// The address, which is constant while this process owns the cluster.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Ends its sessions and stops it.
    ///
    /// # Errors
    /// The server does not stop.
    pub async fn stop(self) -> Result<(), PostgresError> {
        self.stop.cancel();
        // The supervisor ends only when it is told to, and does not panic.
        self.supervisor.await.unwrap_or(Ok(()))
    }
}

/// Settings that outlive a restart.
#[derive(Serialize, Deserialize)]
struct Settings {
    password: String,
    port: u16,
}

struct Prepared {
    config: PostgresConfig,
    place: Place,
    binaries: Binaries,
    password: SecretString,
}

impl Prepared {
    async fn run(config: PostgresConfig) -> Result<(Self, Running), PostgresError> {
        let place = Place::find(&config.home)?;
        let binaries = Binaries::find(&config.unpacked, place.data_version()?.as_deref(), &place.data)?;
        let path = place.folder.join("cluster.json");
        let mut settings = match files::read_optional(&path).map_err(PostgresError::io("could not read", &path))? {
            Some(bytes) => serde_json::from_slice(&bytes)
                .map_err(|source| PostgresError::DamagedSettings { path: path.clone(), source })?,
            None => Settings {
                password: hex::encode(inlet_domain::ambient::Ambient::system().random_256()),
                port: process::free_port()?,
            },
        };
        // Written before the data is made, so that the password cannot be lost.
        write(&path, &settings)?;
        initdb::make(&place, &binaries, &settings.password, config.durable).await?;
        let running = process::start_or_adopt(&place, &binaries, &config, settings.port, false).await?;
        if running.port != settings.port {
            settings.port = running.port;
            write(&path, &settings)?;
        }
        Ok((Self { config, place, binaries, password: settings.password.into() }, running))
    }

    fn address(&self, running: &Running) -> Address {
        Address { port: running.port, socket: running.socket.clone(), password: self.password.clone() }
    }
}

fn write(path: &Path, settings: &Settings) -> Result<(), PostgresError> {
    let bytes = serde_json::to_vec_pretty(settings)
        .map_err(|source| PostgresError::DamagedSettings { path: path.to_owned(), source })?;
    files::write_private(path, &bytes).map_err(PostgresError::io("could not write", path))
}

/// Locks the folder for this process. The lock ends with the process, however it ends.
async fn own(home: &Path, patience: Duration) -> Result<File, PostgresError> {
    files::create_folder(home).map_err(PostgresError::io("could not make", home))?;
    let path = home.join("owner");
    let opened = || PostgresError::io("could not open", &path);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(opened())?;
    let begun = std::time::Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if begun.elapsed() < patience => sleep(Duration::from_millis(20)).await,
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                return Err(PostgresError::InUse { folder: home.to_owned(), holder: holder.trim().parse().ok() });
            }
            Err(TryLockError::Error(error)) => return Err(opened()(error)),
        }
    }
    let mut note = || -> io::Result<()> {
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(std::process::id().to_string().as_bytes())
    };
    note().map_err(PostgresError::io("could not write", &path))?;
    Ok(file)
}

async fn supervise(prepared: Prepared, mut running: Running, stop: CancellationToken) -> Result<(), PostgresError> {
    let Prepared { config, place, binaries, .. } = &prepared;
    loop {
        if stop.run_until_cancelled(running.ended()).await.is_none() {
            return running.stop().await;
        }
        tracing::error!(pid = running.pid, "PostgreSQL ended unexpectedly; restarting it");
        let port = running.port;
        loop {
            match process::start_or_adopt(place, binaries, config, port, true).await {
                Ok(again) => {
                    running = again;
                    break;
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "PostgreSQL could not be restarted");
                    if stop.run_until_cancelled(sleep(Duration::from_secs(1))).await.is_none() {
                        return Ok(());
                    }
                }
            }
        }
    }
}
