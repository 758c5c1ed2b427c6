//! A durable primary and a standby that follows it: two Postgres of the same supervisor. A commit of the primary waits for
//! the standby.

use std::{
    ffi::OsString,
    fs,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use inlet_server::postgres::{Cluster, PostgresConfig};
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, User, geteuid},
};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::time::timeout;
use url::Url;

use crate::{cluster, process::DataDir};

/// The database of the pair.
const DATABASE: &str = "inlet";

/// How long a server may take to do what it was told.
const PATIENCE: Duration = Duration::from_secs(60);

/// The two of them.
pub struct Pair {
    primary: Option<Cluster>,
    /// The primary's URL.
    pub primary_url: String,
    /// The standby's URL.
    pub standby_url: String,
    standby: Cluster,
    folder: DataDir,
    _leftovers: Leftovers,
}

/// Ends what a test that failed left running.
struct Leftovers(PathBuf);

impl Drop for Leftovers {
    fn drop(&mut self) {
        for name in ["primary", "standby"] {
            let path = self.0.join(name).join("postgres/data/postmaster.pid");
            let pid = fs::read_to_string(path).ok().and_then(|text| text.lines().next()?.trim().parse().ok());
            if let Some(pid) = pid {
                let _ = kill(Pid::from_raw(pid), Signal::SIGQUIT);
            }
        }
    }
}

impl Pair {
    /// Starts both; from the end of this on, each commit waits for the standby.
    pub async fn start() -> Self {
        let folder = DataDir::new();
        let parent = folder.path().parent().unwrap().to_owned();
        let config = |name: &str| PostgresConfig {
            unpacked: cluster::unpacked(),
            max_connections: 60,
            shared_buffers_mb: 32,
            ..PostgresConfig::under(&parent.join(name))
        };
        let (first, second) = (config("primary"), config("standby"));
        let leftovers = Leftovers(parent);
        let primary = Cluster::start(first).await.unwrap();
        primary.address().create_database(DATABASE).await.unwrap();
        let primary_url = primary.address().url(DATABASE);
        copy(&primary_url, &second.home);
        let standby = Cluster::start(second).await.unwrap();
        let standby_url = standby.address().url(DATABASE);
        let pair = Self { primary: Some(primary), primary_url, standby_url, standby, folder, _leftovers: leftovers };
        set(&pair.primary_url, "synchronous_standby_names", "*").await;
        let mut conn = PgConnection::connect(&pair.primary_url).await.unwrap();
        pair.until(&mut conn, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'").await;
        pair
    }

    async fn until(&self, conn: &mut PgConnection, count: &'static str) {
        let waiting = async { while sqlx::query_scalar::<_, i64>(count).fetch_one(&mut *conn).await.unwrap() == 0 {} };
        timeout(PATIENCE, waiting).await.expect("the pair gets there in time");
    }

    /// Stops what the standby receives by, so that no commit is through; or lets it go on.
    pub async fn receive(&self, does: bool) {
        let mut conn = PgConnection::connect(&self.standby_url).await.unwrap();
        let receiver = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walreceiver'";
        let pid: i32 = sqlx::query_scalar(receiver).fetch_one(&mut conn).await.unwrap();
        kill(Pid::from_raw(pid), if does { Signal::SIGCONT } else { Signal::SIGSTOP }).unwrap();
        conn.close().await.unwrap();
    }

    /// No commit waits for the standby from now on.
    pub async fn wait_no_more(&self) {
        set(&self.primary_url, "synchronous_standby_names", "").await;
        let mut conn = PgConnection::connect(&self.primary_url).await.unwrap();
        self.until(&mut conn, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'async'").await;
        conn.close().await.unwrap();
    }

    /// Waits until the standby has all that was written, and cuts it off for good.
    pub async fn part(&self) {
        let mut conn = PgConnection::connect(&self.primary_url).await.unwrap();
        let abreast = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()";
        self.until(&mut conn, abreast).await;
        set(&self.standby_url, "primary_conninfo", "").await;
        let parted = "SELECT count(*) FROM (SELECT) one WHERE NOT EXISTS (SELECT FROM pg_stat_replication)";
        self.until(&mut conn, parted).await;
        conn.close().await.unwrap();
    }

    /// Ends the backends of commits that wait for the standby, until what one of them wrote can be read: until this
    /// statement counts something.
    pub async fn end_who_waits(&self, count: &'static str) {
        let mut conn = PgConnection::connect(&self.primary_url).await.unwrap();
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        let ending = async {
            while sqlx::query_scalar::<_, i64>(count).fetch_one(&mut conn).await.unwrap() == 0 {
                sqlx::query(end).execute(&mut conn).await.unwrap();
            }
        };
        timeout(PATIENCE, ending).await.expect("it can be read in time");
        conn.close().await.unwrap();
    }

    /// Stops the primary for good and makes the standby a primary.
    pub async fn fail_over(&mut self) {
        self.primary.take().unwrap().stop().await.unwrap();
        let mut conn = PgConnection::connect(&self.standby_url).await.unwrap();
        assert!(sqlx::query_scalar::<_, bool>("SELECT pg_promote()").fetch_one(&mut conn).await.unwrap());
        conn.close().await.unwrap();
    }

    /// A URL that names both, the primary last.
    #[must_use]
    pub fn url(&self) -> String {
        let port = |url: &str| Url::parse(url).unwrap().port().unwrap();
        let (first, last) = (port(&self.standby_url), port(&self.primary_url));
        self.primary_url.replace(&format!(":{last}/"), &format!(":{first},127.0.0.1:{last}/"))
    }

    /// Where the server's data folder may be.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path()
    }

    /// Stops what runs.
    pub async fn stop(mut self) {
        self.standby.stop().await.unwrap();
        if let Some(primary) = self.primary.take() {
            primary.stop().await.unwrap();
        }
    }
}

/// Sets a setting of a server.
async fn set(url: &str, name: &str, value: &str) {
    let mut conn = PgConnection::connect(url).await.unwrap();
    let statement = format!("ALTER SYSTEM SET {name} = '{value}'");
    for statement in [statement.as_str(), "SELECT pg_reload_conf()"] {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut conn).await.unwrap();
    }
    conn.close().await.unwrap();
}

/// Copies a primary into the home of a cluster, which is its standby then.
fn copy(primary: &str, home: &Path) {
    let url = Url::parse(primary).unwrap();
    let data = home.join("data");
    fs::create_dir_all(&data).unwrap();
    // As the supervisor makes them: whoever runs Postgres may pass through, and has the data.
    for folder in [home.parent().unwrap(), home] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o711)).unwrap();
    }
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = json!({"password": url.password().unwrap(), "port": port});
    fs::write(home.join("cluster.json"), settings.to_string()).unwrap();
    let mut command = Command::new(binaries().join("pg_basebackup"));
    command.current_dir("/").args(["--write-recovery-conf", "--checkpoint=fast", "--wal-method=stream"]);
    command.arg(option("--pgdata=", &data)).arg(format!("--dbname={primary}"));
    if geteuid().is_root() {
        let names = ["postgres", "nobody"];
        let user = names.into_iter().find_map(|name| User::from_name(name).ok().flatten()).unwrap();
        chown(&data, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn option(name: &str, path: &Path) -> OsString {
    let mut option = OsString::from(name);
    option.push(path);
    option
}

/// The programs of the newest server on this machine.
fn binaries() -> PathBuf {
    if let Some(folder) = std::env::var_os("INLET_PG_BINDIR") {
        return folder.into();
    }
    let folders = [cluster::unpacked().join("usr/lib/postgresql"), PathBuf::from("/usr/lib/postgresql")];
    let versions = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let bins = versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("pg_basebackup").exists());
    bins.max().expect("a Postgres with pg_basebackup")
}
