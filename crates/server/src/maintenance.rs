//! Periodic maintenance: makes partitions ahead, and removes data past its retention. It keeps no state, so any number
//! of processes may run it at any time.

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

/// The pause between two runs.
const EVERY: Duration = Duration::from_secs(600);

/// Runs [`once`] again and again until `stop`.
pub async fn run(database: Database, ambient: Ambient, retention: Retention, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        if let Err(error) = once(&database, &ambient, &retention, &stop).await {
            metrics::counter!("inlet_maintenance_failures_total").increment(1);
            tracing::warn!(error = &error as &dyn std::error::Error, "maintenance failed; trying again later");
        }
    }
}

/// The pause between two searches for snoozed conversations that are due.
const WAKES_EVERY: Duration = Duration::from_secs(2);

/// Wakes snoozed conversations that are due, and unassigns conversations of members who can no longer answer. Repeats
/// until `stop`.
pub async fn wake(database: Database, heads: Heads, ambient: Ambient, stop: CancellationToken) {
    let writer = InboxWriter { database: &database, heads: &heads, ambient: &ambient };
    while stop.run_until_cancelled(tokio::time::sleep(WAKES_EVERY)).await.is_some() {
        if let Err(error) = inbox::wake_due(writer).await {
            metrics::counter!("inlet_maintenance_failures_total").increment(1);
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not wake snoozed conversations; trying again later"
            );
        }
        if let Err(error) = inbox::give_back_due(writer).await {
            metrics::counter!("inlet_maintenance_failures_total").increment(1);
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not unassign conversations of members who can no longer answer; trying again later"
            );
        }
    }
}

/// The pause between two searches for tables that have grown.
const ANALYSES_EVERY: Duration = Duration::from_secs(2);

/// Keeps the planner's statistics of young tables fresh until `stop`.
pub async fn analyse(database: Database, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(ANALYSES_EVERY)).await.is_some() {
        if let Err(error) = statistics::refresh(&database).await {
            metrics::counter!("inlet_maintenance_failures_total").increment(1);
            tracing::warn!(error = &error as &dyn std::error::Error, "could not analyse tables; trying again later");
        }
    }
}

/// Runs every task that is due now.
///
/// # Errors
/// The database fails; finished tasks stay done.
pub async fn once(
    database: &Database,
    ambient: &Ambient,
    retention: &Retention,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let now = ambient.now();
    partitions::ensure(database, now).await?;
    // Each day is a transaction of its own. The next run repeats a day that a stop interrupts.
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
