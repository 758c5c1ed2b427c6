//! `/healthz` and `/readyz`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_web::{
    HttpResponse,
    http::header,
    web::{self, Data, ServiceConfig},
};
use inlet_store::{database::Database, records::readiness};
use serde_json::{Value, json};

/// The timeout of the check: a slower database means that the process should get no requests.
const PATIENCE: Duration = Duration::from_secs(2);

/// The state that the answers come from.
#[derive(Clone)]
pub struct Health {
    database: Database,
    draining: Arc<AtomicBool>,
}

impl Health {
    /// The health of this process.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database, draining: Arc::default() }
    }

    /// From now on `/readyz` answers 503, so that the load balancer sends requests elsewhere.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}

/// Mounts `/healthz` and `/readyz`.
pub fn configure(health: Health) -> impl FnOnce(&mut ServiceConfig) + Clone {
    move |config| {
        config
            .app_data(Data::new(health))
            .route("/healthz", web::get().to(alive))
            .route("/readyz", web::get().to(ready));
    }
}

async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}

async fn ready(health: Data<Health>) -> HttpResponse {
    let mut problems: Vec<String> = Vec::new();
    let mut checks = json!({"database": {"ok": true}, "migrations": {"ok": true}, "dispatch": {"lag": null}});
    let mut fail = |check: &str, message: String, checks: &mut Value| {
        checks[check] = json!({"ok": false, "message": message});
        problems.push(message);
    };
    if health.draining.load(Ordering::Relaxed) {
        fail("process", "this process is stopping".into(), &mut checks);
    }
    let look = health.database.while_present(readiness::look(&health.database));
    match tokio::time::timeout(PATIENCE, look).await {
        Err(_) => {
            fail("database", format!("the database did not answer within {} s", PATIENCE.as_secs()), &mut checks);
        }
        Ok(Err(error) | Ok(Err(error))) => {
            health.database.complain(&error, "not ready");
            fail("database", error.to_string(), &mut checks);
        }
        Ok(Ok(Ok(found))) => {
            if !found.pending_migrations.is_empty() {
                let count = found.pending_migrations.len();
                fail(
                    "migrations",
                    format!("the database lacks migrations ({count}): run `inlet migrate`"),
                    &mut checks,
                );
            }
            if found.is_upgrade_pending {
                let message = "an upgrade was interrupted: run `inlet migrate` to finish it".to_owned();
                fail("migrations", message, &mut checks);
            }
            checks["dispatch"]["lag"] = found.dispatch_lag.into();
        }
    }
    if problems.is_empty() {
        HttpResponse::Ok().json(json!({"status": "ready", "checks": checks}))
    } else {
        let error = json!({"code": "NOT_READY", "message": problems.join("; ")});
        HttpResponse::ServiceUnavailable()
            .insert_header((header::RETRY_AFTER, "1"))
            .json(json!({"status": "not_ready", "error": error, "checks": checks}))
    }
}
