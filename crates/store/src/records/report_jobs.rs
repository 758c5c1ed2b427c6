//! Jobs that fetch the reports of campaigns page by page (OR-12). `apply` writes the jobs. A process claims a job under a
//! lease, by the database's clock. Its writes count only while the lease stands.

use std::time::Duration;

use inlet_domain::{
    ids::{CampaignId, ReportJobId, SourceId, WorkspaceId},
    scope::Scope,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use sqlx::FromRow;
use uuid::Uuid;

use super::entity::report_job::{Column, Entity};
use crate::{database::Database, error::StoreError};

pub use super::entity::report_job::{Model as ReportJob, ReportStatus};

/// The jobs of these campaigns, oldest first.
pub async fn of_campaigns(
    database: &Database,
    scope: Scope,
    campaigns: &[CampaignId],
) -> Result<Vec<ReportJob>, StoreError> {
    let select = Entity::find()
        .filter(Column::WorkspaceId.eq(scope.workspace()))
        .filter(Column::CampaignId.eq_any(campaigns.iter().copied()))
        .order_by_asc(Column::Id);
    Ok(select.all(&database.orm).await?)
}

/// A job that this process holds.
#[derive(Debug, Clone, FromRow)]
pub struct HeldJob {
    /// The tenant.
    #[sqlx(rename = "workspace_id")]
    pub workspace: WorkspaceId,
    /// The job.
    pub id: ReportJobId,
    /// The owner's mark in the row.
    #[sqlx(rename = "lease_owner")]
    pub lease: Uuid,
    /// The source that received the URL of the report.
    #[sqlx(rename = "source_id")]
    pub source: SourceId,
    /// The URL of the report.
    pub url: String,
    /// The page to fetch next: 1, 2, 3 ...
    pub next_page: i32,
    /// The number of failed attempts at `next_page`.
    pub attempts: i32,
    /// The digest of the rows on the previous page.
    pub last_page: Option<String>,
}

impl HeldJob {
    /// The job's workspace.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope::of(self.workspace)
    }
}

/// An applied page.
#[derive(Debug, Clone)]
pub struct PageDone {
    /// The number of pages in the report, as the page tells.
    pub total_pages: Option<i32>,
    /// The number of rows on the page.
    pub rows: i64,
    /// A digest of the rows.
    pub digest: String,
    /// This was the last page.
    pub last: bool,
}

/// Claims one due job under a new `lease` for `lease_for`. Workspaces without a running job come first, then the job that
/// is due the longest. Two jobs of one campaign never run at once. The function takes no scope: the job tells its own.
pub async fn claim(database: &Database, lease: Uuid, lease_for: Duration) -> Result<Option<HeldJob>, StoreError> {
    let claimed = sqlx::query_as(
        "WITH found AS ( \
           SELECT d.workspace_id, d.id FROM report_job d \
           WHERE d.due_at <= (SELECT inlet_now()) \
             AND (d.status = 'running' OR NOT EXISTS (SELECT FROM report_job r WHERE r.status = 'running' \
               AND r.workspace_id = d.workspace_id AND r.campaign_id = d.campaign_id)) \
           ORDER BY EXISTS (SELECT FROM report_job r WHERE r.status = 'running' AND r.workspace_id = d.workspace_id \
               AND r.id <> d.id), d.due_at \
           LIMIT 1 FOR UPDATE OF d SKIP LOCKED) \
         UPDATE report_job j SET status = 'running', lease_owner = $1, \
           due_at = inlet_now() + make_interval(secs => $2) \
         FROM found WHERE j.workspace_id = found.workspace_id AND j.id = found.id \
         RETURNING j.workspace_id, j.id, j.source_id, j.url, j.next_page, j.attempts, j.last_page, \
           j.lease_owner",
    )
    .bind(lease)
    .bind(lease_for.as_secs_f64())
    .fetch_optional(&database.pool)
    .await;
    match claimed {
        Ok(job) => Ok(job),
        // Another process has just claimed another report of the campaign.
        Err(sqlx::Error::Database(refusal)) if refusal.is_unique_violation() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Records an applied page. Renews the lease for `lease_for`, or ends the job after the last page. False where this
/// process no longer holds the job.
pub async fn advance(
    database: &Database,
    held: &HeldJob,
    page: &PageDone,
    lease_for: Duration,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE report_job SET next_page = next_page + 1, pages_done = pages_done + 1, rows_done = rows_done + $4, \
           total_pages = $5, last_page = $6, attempts = 0, error = NULL, \
           status = CASE WHEN $7 THEN 'done' ELSE 'running' END, \
           lease_owner = CASE WHEN $7 THEN NULL ELSE lease_owner END, \
           due_at = CASE WHEN $7 THEN NULL ELSE inlet_now() + make_interval(secs => $8) END, \
           finished_at = CASE WHEN $7 THEN inlet_now() END \
         WHERE workspace_id = $1 AND id = $2 AND lease_owner = $3 AND next_page = $9",
    )
    .bind(held.workspace)
    .bind(held.id)
    .bind(held.lease)
    .bind(page.rows)
    .bind(page.total_pages)
    .bind(&page.digest)
    .bind(page.last)
    .bind(lease_for.as_secs_f64())
    .bind(held.next_page)
    .execute(&database.pool)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Renews the lease for `lease_for`. False where this process no longer holds the job.
pub async fn renew(database: &Database, held: &HeldJob, lease_for: Duration) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE report_job SET due_at = inlet_now() + make_interval(secs => $4) \
         WHERE workspace_id = $1 AND id = $2 AND lease_owner = $3",
    )
    .bind(held.workspace)
    .bind(held.id)
    .bind(held.lease)
    .bind(lease_for.as_secs_f64())
    .execute(&database.pool)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Releases the job: any process may claim it again `after` a while. With an `error`, the attempt counts as failed.
pub async fn put_off(
    database: &Database,
    held: &HeldJob,
    after: Duration,
    error: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE report_job SET status = 'pending', lease_owner = NULL, \
           due_at = inlet_now() + make_interval(secs => $4), error = coalesce($5, error), \
           attempts = attempts + CASE WHEN $5 IS NULL THEN 0 ELSE 1 END \
         WHERE workspace_id = $1 AND id = $2 AND lease_owner = $3",
    )
    .bind(held.workspace)
    .bind(held.id)
    .bind(held.lease)
    .bind(after.as_secs_f64())
    .bind(error)
    .execute(&database.pool)
    .await?;
    Ok(())
}

/// Ends the job as failed.
pub async fn fail(database: &Database, held: &HeldJob, error: &str) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE report_job SET status = 'failed', lease_owner = NULL, due_at = NULL, error = $4, \
           attempts = attempts + 1, finished_at = inlet_now() \
         WHERE workspace_id = $1 AND id = $2 AND lease_owner = $3",
    )
    .bind(held.workspace)
    .bind(held.id)
    .bind(held.lease)
    .bind(error)
    .execute(&database.pool)
    .await?;
    Ok(())
}
