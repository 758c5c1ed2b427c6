//! One run of the server: started or adopted, watched, stopped.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, Read, Seek, SeekFrom},
    net::TcpListener,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{process::Child, time::sleep};

use super::{
    account::Place,
    binaries::Binaries,
    cluster::PostgresConfig,
    error::PostgresError,
    initdb,
    pid_file::{self, PidFile, Process},
};

/// The longest wait for processes of a dead server to release its shared memory.
const SHARED_MEMORY_PATIENCE: Duration = Duration::from_secs(30);
const STOP_PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(10);
const LOG_LIMIT: u64 = 16 << 20;
/// The longest socket path of operating systems, less the length of `/.s.PGSQL.65535`.
const SOCKET_FOLDER_LIMIT: usize = 85;

/// A server that is ready.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) pid: i32,
    pub(super) port: u16,
    pub(super) socket: Option<PathBuf>,
    /// `None` for an adopted server: its parent was another process, which has ended.
    child: Option<Child>,
    data: PathBuf,
}

/// Starts the server, or adopts a running one. It listens on `port`, or on another port if `port` is taken and not
/// `fixed`.
pub(super) async fn start_or_adopt(
    place: &Place,
    binaries: &Binaries,
    config: &PostgresConfig,
    mut port: u16,
    fixed: bool,
) -> Result<Running, PostgresError> {
    let begun = Instant::now();
    loop {
        if let Some(running) = adopt(place).await? {
            return Ok(running);
        }
        if !fixed && TcpListener::bind(("127.0.0.1", port)).is_err() {
            port = free_port()?;
        }
        pid_file::remove_sockets(&place.socket).map_err(PostgresError::io("could not clear", &place.socket))?;
        match start(place, binaries, config, port).await? {
            Ok(running) => return Ok(running),
            Err(output) => {
                let waits_for_the_dead = output.contains("pre-existing shared memory block")
                    || output.contains("lock file \"postmaster.pid\" already exists");
                let port_was_taken = output.contains("could not bind") || output.contains("Address already in use");
                if !(waits_for_the_dead || port_was_taken) || begun.elapsed() > SHARED_MEMORY_PATIENCE {
                    return Err(PostgresError::DidNotStart { output, log: log_path(place) });
                }
                sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

/// A port without a listener at the moment.
pub(super) fn free_port() -> Result<u16, PostgresError> {
    let bound = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    Ok(bound.map_err(PostgresError::io("could not find a free port on", "127.0.0.1"))?.port())
}

/// The server that the pid file names, once it is ready; `None` if there is none.
async fn adopt(place: &Place) -> Result<Option<Running>, PostgresError> {
    let unreadable = || PostgresError::io("could not read", PidFile::path(&place.data));
    let mut told = Instant::now();
    while let Some(file) = PidFile::read(&place.data).map_err(unreadable())? {
        match pid_file::process(file.pid, &place.data) {
            Process::Gone => return Ok(None),
            Process::Foreign => {
                pid_file::disown(&place.data)
                    .map_err(PostgresError::io("could not write", PidFile::path(&place.data)))?;
                return Ok(None);
            }
            Process::Ours => {}
        }
        if let (true, Some(port)) = (file.is_ready(), file.port) {
            tracing::info!(pid = file.pid, "adopted a running PostgreSQL");
            return Ok(Some(Running {
                pid: file.pid,
                port,
                socket: file.socket,
                child: None,
                data: place.data.clone(),
            }));
        }
        if told.elapsed() > Duration::from_secs(5) {
            tracing::info!(pid = file.pid, status = file.status, "waiting for a running PostgreSQL to become ready");
            told = Instant::now();
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(None)
}

/// One try to start: a ready server, or the log of a server that ended.
async fn start(
    place: &Place,
    binaries: &Binaries,
    config: &PostgresConfig,
    port: u16,
) -> Result<Result<Running, String>, PostgresError> {
    let log = log_path(place);
    let logged = || PostgresError::io("could not open", &log);
    let too_long = fs::metadata(&log).is_ok_and(|metadata| metadata.len() > LOG_LIMIT);
    let mut options = OpenOptions::new();
    options.create(true).append(!too_long).write(true).truncate(too_long).mode(0o600);
    let file = options.open(&log).map_err(logged())?;
    // `options.mode` applies to a new file only.
    file.set_permissions(Permissions::from_mode(0o600)).map_err(logged())?;
    let begins = file.metadata().map_err(logged())?.len();
    let socket = (place.socket.as_os_str().len() <= SOCKET_FOLDER_LIMIT).then(|| place.socket.clone());
    let mut command = initdb::command(place, binaries, "postgres");
    command.arg("-D").arg(&place.data);
    for (name, value) in settings(config, binaries.major, port, socket.as_deref()) {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    let mut child = command
        .stdout(Stdio::from(file.try_clone().map_err(logged())?))
        .stderr(Stdio::from(file))
        // Ctrl-C reaches only the supervisor's process group. The supervisor stops Postgres last.
        .process_group(0)
        .spawn()
        .map_err(PostgresError::io("could not run", binaries.bindir.join("postgres")))?;
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
    let mut told = Instant::now();
    loop {
        if child
            .try_wait()
            .map_err(PostgresError::io("could not wait for", binaries.bindir.join("postgres")))?
            .is_some()
        {
            return Ok(Err(tail(&log, begins)));
        }
        // A torn read of a file that is being written means "not yet".
        if let Ok(Some(file)) = PidFile::read(&place.data)
            && file.pid == pid
            && file.is_ready()
        {
            return Ok(Ok(Running { pid, port, socket, child: Some(child), data: place.data.clone() }));
        }
        if told.elapsed() > Duration::from_secs(5) {
            tracing::info!(pid, "waiting for PostgreSQL to recover after a crash");
            told = Instant::now();
        }
        sleep(LOOK_EVERY).await;
    }
}

fn settings(config: &PostgresConfig, major: u32, port: u16, socket: Option<&Path>) -> Vec<(&'static str, String)> {
    let on = |yes: bool| if yes { "on" } else { "off" }.to_owned();
    let mut settings = vec![
        ("cluster_name", "inlet".to_owned()),
        ("listen_addresses", "127.0.0.1".to_owned()),
        ("port", port.to_string()),
        ("unix_socket_directories", socket.map(|folder| folder.display().to_string()).unwrap_or_default()),
        ("unix_socket_permissions", "0700".to_owned()),
        ("max_connections", config.max_connections.to_string()),
        ("shared_buffers", format!("{}MB", config.shared_buffers_mb)),
        ("fsync", on(config.durable)),
        ("synchronous_commit", on(config.durable)),
        ("full_page_writes", on(config.durable)),
        // Few, long checkpoints: after each checkpoint the first change of a page logs the whole page.
        ("max_wal_size", "2GB".to_owned()),
        ("checkpoint_timeout", "15min".to_owned()),
        ("random_page_cost", "1.1".to_owned()),
        ("jit", "off".to_owned()),
        ("timezone", "UTC".to_owned()),
        ("log_timezone", "UTC".to_owned()),
    ];
    settings.extend(quiet(major));
    if !config.durable {
        // The databases of tests live for seconds, and a test's own ANALYZE must not wait for autovacuum.
        settings.push(("autovacuum", "off".to_owned()));
    }
    if major >= 14 && cfg!(target_os = "linux") {
        // One call for each file system. The default opens every file after a crash.
        settings.push(("recovery_init_sync_method", "syncfs".to_owned()));
    }
    settings
}

/// No text of a row may reach the log. A statement holds such texts, and so do its parameters, the message of an error
/// (`invalid input syntax for type integer: "..."`) and its DETAIL (`Key (email)=(...) already exists`). So Postgres
/// logs no errors of statements: Inlet receives each error and logs it itself. Postgres logs the ends of sessions and
/// messages about itself without DETAIL and CONTEXT.
fn quiet(major: u32) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        // For this setting, LOG ranks above ERROR.
        ("log_min_messages", "log"),
        ("log_min_error_statement", "panic"),
        ("log_error_verbosity", "terse"),
        ("log_statement", "none"),
        ("log_duration", "off"),
        ("log_min_duration_statement", "-1"),
        ("log_lock_waits", "off"),
        ("log_temp_files", "-1"),
        ("log_checkpoints", "off"),
        ("debug_print_parse", "off"),
        ("debug_print_rewritten", "off"),
        ("debug_print_plan", "off"),
        // Some distributions log into a separate file by default.
        ("log_destination", "stderr"),
        ("logging_collector", "off"),
    ];
    if major >= 12 {
        settings.push(("log_transaction_sample_rate", "0"));
    }
    if major >= 13 {
        settings.extend([
            ("log_min_duration_sample", "-1"),
            ("log_parameter_max_length", "0"),
            ("log_parameter_max_length_on_error", "0"),
        ]);
    }
    settings.into_iter().map(|(name, value)| (name, value.to_owned())).collect()
}

impl Running {
    /// Resolves when the server has ended.
    pub(super) async fn ended(&mut self) {
        match &mut self.child {
            Some(child) => {
                let _ = child.wait().await;
            }
            None => {
                while pid_file::process(self.pid, &self.data) == Process::Ours {
                    sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }

    /// Asks the server to end its sessions and stop; after the timeout, to stop at once.
    pub(super) async fn stop(&mut self) -> Result<(), PostgresError> {
        for signal in [Signal::SIGINT, Signal::SIGQUIT] {
            // Fails if the server has ended by itself.
            let _ = kill(Pid::from_raw(self.pid), signal);
            if tokio::time::timeout(STOP_PATIENCE, self.ended()).await.is_ok() {
                return Ok(());
            }
        }
        Err(PostgresError::DidNotStop { pid: self.pid })
    }
}

pub(super) fn log_path(place: &Place) -> PathBuf {
    place.folder.join("postgres.log")
}

/// The log from byte `begins` on, at most its last 2 KiB.
fn tail(log: &Path, begins: u64) -> String {
    let read = || -> io::Result<String> {
        let mut file = fs::File::open(log)?;
        let end = file.metadata()?.len();
        file.seek(SeekFrom::Start(begins.max(end.saturating_sub(2048))))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    read().unwrap_or_default()
}
