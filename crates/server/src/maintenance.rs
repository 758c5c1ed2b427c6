//! Keeps the database in order: partitions ahead, what is past retention gone. It remembers nothing, so that any number of processes
//! may do it at any time.

use std::time::Duration;

use inlet_domain::ambient::Ambient;
use inlet_store::{
    database::Database,
    error::StoreError,
    log::Heads,
    records::{
        expiry,
        inbox::{self, InboxWriter},
        partitions,
        retention::{self, Retention},
        statistics,
    },
};
use tokio_util::sync::CancellationToken;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(600);

/// Looks again and again until `stop`.
pub async fn run(database: Database, ambient: Ambient, retention: Retention, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        if let Err(error) = once(&database, &ambient, &retention, &stop).await {
            metrics::counter!("inlet_maintenance_failures_total").increment(1);
            tracing::warn!(error = &error as &dyn std::error::Error, "maintenance failed; it comes again");
        }
    }
}

/// How often it looks for conversations whose time to be put off is over.
const WAKES_EVERY: Duration = Duration::from_secs(2);

/// Wakes conversations that were put off until now, and takes back what members have who can answer no more, again and
/// again until `stop`.
pub async fn wake(database: Database, heads: Heads, ambient: Ambient, stop: CancellationToken) {
    let writer = InboxWriter { database: &database, heads: &heads, ambient: &ambient };
    while stop.run_until_cancelled(tokio::time::sleep(WAKES_EVERY)).await.is_some() {
        if let Err(error) = inbox::wake_due(writer).await {
            metrics::counter!("inlet_maintenance_failures_total").increment(1);
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "conversations could not be woken; it comes again"
            );
        }
        if let Err(error) = inbox::give_back_due(writer).await {
            metrics::counter!("inlet_maintenance_failures_total").increment(1);
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "conversations could not be taken from members who can answer no more; it comes again"
            );
        }
    }
}

/// How often it looks for tables that have grown.
const ANALYSES_EVERY: Duration = Duration::from_secs(2);

/// Keeps the planner's statistics of young tables fresh, again and again until `stop`.
pub async fn analyse(database: Database, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(ANALYSES_EVERY)).await.is_some() {
        if let Err(error) = statistics::refresh(&database).await {
            metrics::counter!("inlet_maintenance_failures_total").increment(1);
            tracing::warn!(error = &error as &dyn std::error::Error, "tables could not be analysed; it comes again");
        }
    }
}

/// Does what is due now.
///
/// # Errors
/// Where the database refuses; what was done until then stays done.
pub async fn once(
    database: &Database,
    ambient: &Ambient,
    retention: &Retention,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let now = ambient.now();
    partitions::ensure(database, now).await?;
    // Each day is a transaction of its own: one that is broken off by a stop is begun anew.
    if let Some(expired) = stop.run_until_cancelled(expiry::expire(database, now, retention)).await {
        expired?;
    }
    let chunk = u64::try_from(retention::CHUNK).unwrap_or(u64::MAX);
    while !stop.is_cancelled() && retention::delete_expired_idempotency_keys(database, now).await? == chunk {}
    while !stop.is_cancelled() && retention::delete_old_mutation_keys(database, now).await? == chunk {}
    while !stop.is_cancelled() && retention::delete_old_login_attempts(database, now).await? == chunk {}
    while !stop.is_cancelled() && retention::delete_old_password_resets(database, now).await? == chunk {}
    while !stop.is_cancelled() && retention::delete_old_test_events(database, now, retention).await? == chunk {}
    Ok(())
}
