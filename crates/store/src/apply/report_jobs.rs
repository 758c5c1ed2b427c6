//! Asking for a campaign's report in the transaction that says that the campaign is over (OR-12): no report is
//! forgotten, whatever happens to the process.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

/// (workspace, campaign, URL): each report of a campaign is fetched once.
pub(crate) type ReportKey = (Uuid, Uuid, String);

/// A report that is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WantedReport {
    pub id: Uuid,
    pub source: Uuid,
    pub at: DateTime<Utc>,
}

/// Writes the jobs that are new. One that stands is left as it is, unless it has failed: then it is tried again.
pub(crate) async fn save(
    connection: &mut PgConnection,
    wanted: &BTreeMap<ReportKey, WantedReport>,
) -> Result<(), sqlx::Error> {
    if wanted.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO report_job AS job \
           (workspace_id, id, campaign_id, source_id, url, url_hash, status, due_at, created_at) \
         SELECT w, i, c, s, u, h, 'pending', inlet_now(), t \
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::bytea[], $7::timestamptz[]) \
           k(w, i, c, s, u, h, t) \
         ON CONFLICT (workspace_id, campaign_id, url_hash) \
         DO UPDATE SET status = 'pending', source_id = excluded.source_id, due_at = excluded.due_at, attempts = 0, \
           error = NULL, finished_at = NULL \
         WHERE job.status = 'failed'",
    )
    .bind(wanted.keys().map(|key| key.0).collect::<Vec<_>>())
    .bind(wanted.values().map(|report| report.id).collect::<Vec<_>>())
    .bind(wanted.keys().map(|key| key.1).collect::<Vec<_>>())
    .bind(wanted.values().map(|report| report.source).collect::<Vec<_>>())
    .bind(wanted.keys().map(|key| key.2.clone()).collect::<Vec<_>>())
    .bind(wanted.keys().map(|key| Sha256::digest(key.2.as_bytes()).to_vec()).collect::<Vec<_>>())
    .bind(wanted.values().map(|report| report.at).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}
