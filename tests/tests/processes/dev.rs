//! `inlet dev` and its Postgres, as a user meets them (CONTRACT, section 5).

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use inlet_tests::{
    client,
    process::{DataDir, Process},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, geteuid},
};
use serde_json::Value;
use sqlx::{Connection, PgConnection};

fn dev_json(data_dir: &Path) -> Value {
    serde_json::from_slice(&fs::read(data_dir.join("dev.json")).unwrap()).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// What a start must find again; the address may differ.
fn lasting(dev: &Value) -> Value {
    let mut dev = dev.clone();
    for member in ["url", "graphql_url", "database_url"] {
        dev[member] = Value::Null;
    }
    for (_, source) in dev["sources"].as_object_mut().unwrap() {
        let url = source["url"].as_str().unwrap();
        source["url"] = url.rsplit('/').next().unwrap().into();
    }
    dev
}

#[tokio::test]
async fn dev_json_is_as_documented_and_lasts() {
    let folder = DataDir::new();
    let process = Process::start(&folder.path()).await;
    let dev = dev_json(&folder.path());
    let members: Vec<&str> = dev.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        members,
        ["url", "graphql_url", "database_url", "workspace_id", "email", "password", "api_key", "sources"]
    );
    let url = dev["url"].as_str().unwrap();
    assert_eq!(dev["graphql_url"], format!("{url}/graphql"));
    assert!(dev["workspace_id"].as_str().unwrap().starts_with("ws_"));
    assert!(dev["api_key"].as_str().unwrap().starts_with("ik_"));
    for provider in ["oneroute", "mobtexting", "oblic"] {
        let source = &dev["sources"][provider];
        assert!(source["url"].as_str().unwrap().starts_with(&format!("{url}/in/")), "{source}");
        assert!(source["secret"].as_str().unwrap().len() >= 32, "{source}");
        assert!(process.said.contains(source["url"].as_str().unwrap()));
    }
    for file in ["dev.json", "secrets.key"] {
        assert_eq!(mode(&folder.path().join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(&folder.path().join("postgres/cluster.json")), 0o600);
    assert_eq!(client().get(format!("{url}/readyz")).send().await.unwrap().status(), 200);

    let mut conn = PgConnection::connect(dev["database_url"].as_str().unwrap()).await.unwrap();
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        let value: String =
            sqlx::query_scalar("SELECT current_setting($1)").bind(setting).fetch_one(&mut conn).await.unwrap();
        assert_eq!(value, "on", "{setting}");
    }
    conn.close().await.unwrap();

    assert!(process.stop().await.success());
    assert_eq!(folder.postmaster(), None, "Postgres was stopped too");
    let again = Process::start(&folder.path()).await;
    assert_eq!(lasting(&dev_json(&folder.path())), lasting(&dev));
    assert!(again.stop().await.success());
}

async fn write(dev: &Value, value: i32) {
    let mut conn = PgConnection::connect(dev["database_url"].as_str().unwrap()).await.unwrap();
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS mark (value integer)").execute(&mut conn).await.unwrap();
    sqlx::query("INSERT INTO mark VALUES ($1)").bind(value).execute(&mut conn).await.unwrap();
}

async fn marks(dev: &Value) -> Vec<i32> {
    let mut conn = PgConnection::connect(dev["database_url"].as_str().unwrap()).await.unwrap();
    sqlx::query_scalar("SELECT value FROM mark ORDER BY value").fetch_all(&mut conn).await.unwrap()
}

#[tokio::test]
async fn killed_and_started_again_it_comes_back_with_its_data() {
    let folder = DataDir::new();
    let process = Process::start(&folder.path()).await;
    write(&dev_json(&folder.path()), 1).await;

    let postmaster = folder.postmaster().unwrap();
    process.kill().await;
    let process = Process::start(&folder.path()).await;
    assert!(process.said.contains("adopted"), "{}", process.said);
    assert_eq!(folder.postmaster(), Some(postmaster), "the same Postgres goes on");
    write(&dev_json(&folder.path()), 2).await;

    kill(Pid::from_raw(postmaster), Signal::SIGKILL).unwrap();
    process.kill().await;
    let process = Process::start(&folder.path()).await;
    assert_ne!(folder.postmaster(), Some(postmaster));
    assert_eq!(marks(&dev_json(&folder.path())).await, [1, 2]);
    assert!(process.stop().await.success());
}

#[tokio::test]
async fn a_second_start_on_the_same_folder_is_refused() {
    let folder = DataDir::new();
    let process = Process::start(&folder.path()).await;
    let said = Process::try_start(&folder.path(), &[]).await.err().expect("it is refused");
    assert!(said.contains("in use by another process") && said.contains(&process.pid().to_string()), "{said}");
    assert!(process.stop().await.success());
}

#[tokio::test]
async fn a_live_foreign_number_in_the_pid_file_does_not_hold_a_start_up() {
    let folder = DataDir::new();
    let process = Process::start(&folder.path()).await;
    let pid_file = folder.cluster().join("data/postmaster.pid");
    kill(Pid::from_raw(folder.postmaster().unwrap()), Signal::SIGSTOP).unwrap();
    let left = fs::read_to_string(&pid_file).unwrap();
    kill(Pid::from_raw(folder.postmaster().unwrap()), Signal::SIGKILL).unwrap();
    process.kill().await;
    let (_, rest) = left.split_once('\n').unwrap();
    fs::write(&pid_file, format!("{}\n{rest}", std::process::id())).unwrap();
    let process = Process::start(&folder.path()).await;
    assert!(process.stop().await.success());
}

#[tokio::test]
async fn data_of_another_version_is_refused_with_what_to_do() {
    let folder = DataDir::new();
    let process = Process::start(&folder.path()).await;
    assert!(process.stop().await.success());
    let version = folder.cluster().join("data/PG_VERSION");
    let right = fs::read(&version).unwrap();
    fs::write(&version, "9.6\n").unwrap();
    let said = Process::try_start(&folder.path(), &[]).await.err().expect("it is refused");
    assert!(said.contains("was made by PostgreSQL 9.6") && said.contains("install postgresql-9.6"), "{said}");
    fs::write(&version, right).unwrap();
    let process = Process::start(&folder.path()).await;
    assert!(process.stop().await.success());
}

#[tokio::test]
async fn without_a_server_it_says_what_to_install() {
    let folder = DataDir::new();
    let said = Process::try_start(&folder.path(), &[("INLET_PG_BINDIR", "/no/such/folder")]).await.err().unwrap();
    assert!(said.contains("INLET_PG_BINDIR is /no/such/folder"), "{said}");
}

#[tokio::test]
async fn the_wrong_key_refuses_a_start() {
    let folder = DataDir::new();
    let process = Process::start(&folder.path()).await;
    assert!(process.stop().await.success());
    let key = folder.path().join("secrets.key");
    let right = fs::read(&key).unwrap();
    fs::write(&key, format!("1:{}\n", "00".repeat(32))).unwrap();
    let said = Process::try_start(&folder.path(), &[]).await.err().expect("it is refused");
    assert!(said.contains("the keys for secrets cannot read"), "{said}");
    fs::write(&key, right).unwrap();
    let process = Process::start(&folder.path()).await;
    assert!(process.stop().await.success());
}

/// As root under a folder like root's own home, Postgres's account cannot come in.
#[tokio::test]
async fn as_root_under_a_closed_home_the_database_stands_elsewhere() {
    if !geteuid().is_root() {
        return;
    }
    let folder = DataDir::with_mode(0o700);
    let process = Process::start(&folder.path()).await;
    assert!(process.said.contains("the database is in"), "{}", process.said);
    assert!(!folder.cluster().starts_with(folder.path()));
    write(&dev_json(&folder.path()), 7).await;
    assert!(process.stop().await.success());
    let process = Process::start(&folder.path()).await;
    assert_eq!(marks(&dev_json(&folder.path())).await, [7]);
    assert!(process.stop().await.success());
}
