//! The jobs that fetch the reports of campaigns. The transaction that ends a campaign writes its job (OR-12), so no
//! report is forgotten, whatever happens to the process.

use std::{collections::BTreeMap, sync::LazyLock};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::rows::columns::{arrays, columns, given, names};

/// (workspace, campaign, URL). Each report of a campaign is fetched once.
pub(crate) type ReportKey = (Uuid, Uuid, String);

/// A report to fetch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WantedReport {
    pub id: Uuid,
    pub source: Uuid,
    pub at: DateTime<Utc>,
}

columns! {
    ReportKey as key {
        workspace_id: "uuid" = key.0,
        campaign_id: "uuid" = key.1,
        url: "text" = key.2.as_str(),
        url_hash: "bytea" = Sha256::digest(key.2.as_bytes()).to_vec(),
    }
}

columns! {
    WantedReport as report {
        id: "uuid" = report.id,
        source_id: "uuid" = report.source,
        created_at: "timestamptz" = report.at,
    }
}

static INSERT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO report_job AS job ({}, status, due_at) SELECT given.*, 'pending', inlet_now() FROM {} \
         ON CONFLICT (workspace_id, campaign_id, url_hash) \
         DO UPDATE SET status = 'pending', source_id = excluded.source_id, due_at = excluded.due_at, attempts = 0, \
           error = NULL, finished_at = NULL \
         WHERE job.status = 'failed'",
        names::<(ReportKey, WantedReport)>(),
        given::<(ReportKey, WantedReport)>()
    )
});

/// Writes the new jobs. A job that stands stays as it is, unless it has failed: then it is tried again.
pub(crate) async fn save(
    connection: &mut PgConnection,
    wanted: &BTreeMap<ReportKey, WantedReport>,
) -> Result<(), sqlx::Error> {
    let wanted: Vec<(&ReportKey, &WantedReport)> = wanted.iter().collect();
    if !wanted.is_empty() {
        sqlx::query_with(AssertSqlSafe(INSERT.as_str()), arrays(&wanted)?).execute(connection).await?;
    }
    Ok(())
}
