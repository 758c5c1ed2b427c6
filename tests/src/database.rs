//! A database for each test, cloned from a template that holds the migrations.

use std::path::{Path, PathBuf};

use inlet_domain::{ambient::Ambient, database::Database, database::MIGRATOR};
use inlet_server::postgres::{Cluster, PostgresConfig};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// An empty database with the schema in place.
pub struct TestDatabase {
    url: String,
}

impl TestDatabase {
    /// On the cluster of the tests, which trades durability for speed, or on the server of `DATABASE_URL`.
    pub async fn create() -> Self {
        Self::clone_on(&Self::server("fast", false).await).await
    }

    /// On a cluster with fsync on: for tests that kill.
    pub async fn durable() -> Self {
        Self::clone_on(&Self::server("durable", true).await).await
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL of the server's own database `postgres`.
    async fn server(name: &str, durable: bool) -> String {
        if let Ok(url) = std::env::var("DATABASE_URL") {
            return url;
        }
        let folder = target_folder();
        let config = PostgresConfig {
            home: folder.join("test-postgres").join(name),
            unpacked: unpacked(),
            durable,
            max_connections: 400,
            shared_buffers_mb: 256,
        };
        Cluster::share(config).await.unwrap().url("postgres")
    }

    async fn clone_on(server: &str) -> Self {
        let mut admin = PgConnection::connect(server).await.unwrap();
        let template = format!("inlet_template_{}", &schema_hash()[..16]);
        let run = |sql: String| AssertSqlSafe(sql);
        // Clones of one template, and its making, go one after another.
        sqlx::query("SELECT pg_advisory_lock(7205759403792794)").execute(&mut admin).await.unwrap();
        let stands: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(&template)
            .fetch_one(&mut admin)
            .await
            .unwrap();
        if !stands {
            sweep(&mut admin).await;
            let making = format!("{template}_making");
            sqlx::query(run(format!("DROP DATABASE IF EXISTS {making} WITH (FORCE)")))
                .execute(&mut admin)
                .await
                .unwrap();
            sqlx::query(run(format!("CREATE DATABASE {making}"))).execute(&mut admin).await.unwrap();
            let database = Database::connect(&on(server, &making), 2, 1).await.unwrap();
            database.migrate().await.unwrap();
            database.close().await;
            sqlx::query(run(format!("ALTER DATABASE {making} RENAME TO {template}")))
                .execute(&mut admin)
                .await
                .unwrap();
        }
        let name = format!("inlet_test_{}", Ambient::system().uuid().simple());
        sqlx::query(run(format!("CREATE DATABASE {name} TEMPLATE {template}"))).execute(&mut admin).await.unwrap();
        admin.close().await.unwrap();
        Self { url: on(server, &name) }
    }
}

/// Drops what earlier runs, with another schema, left behind.
async fn sweep(admin: &mut PgConnection) {
    let old: Vec<String> = sqlx::query_scalar(
        "SELECT datname FROM pg_database d WHERE (datname LIKE 'inlet\\_test\\_%' OR datname LIKE 'inlet\\_template\\_%') \
         AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = d.datname)",
    )
    .fetch_all(&mut *admin)
    .await
    .unwrap();
    for name in old {
        sqlx::query(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name}"))).execute(&mut *admin).await.unwrap();
    }
}

/// The same server, another database.
fn on(server: &str, name: &str) -> String {
    let mut url: reqwest::Url = server.parse().unwrap();
    url.set_path(name);
    url.into()
}

fn schema_hash() -> String {
    let mut hash = Sha256::new();
    for migration in MIGRATOR.iter() {
        hash.update(&*migration.checksum);
    }
    hex::encode(hash.finalize())
}

/// Where cargo puts what it builds.
pub fn target_folder() -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    exe.ancestors().find(|folder| folder.join("debug").is_dir() || folder.join("release").is_dir()).unwrap().to_owned()
}

/// Where `scripts/postgres.sh` unpacks a server when it may not install one.
pub fn unpacked() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../.inlet/postgres-unpacked")
}
