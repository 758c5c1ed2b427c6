//! Campaigns' reports that are fetched page by page (OR-12). Apply writes the jobs; who fetches one holds it under a
//! lease by the database's clock, and what it writes counts only while that stands.

use std::time::Duration;

use chrono::{DateTime, Utc};
use inlet_domain::{
    ids::{CampaignId, ReportJobId, SourceId, WorkspaceId},
    scope::Scope,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use sqlx::Row;
use uuid::Uuid;

use super::{entity, words::word};
use crate::{database::Database, error::StoreError};

inlet_domain::text_enum! {
    /// How far the fetching of a report has come.
    ReportStatus {
        /// It waits for its turn, or for the next attempt.
        Pending = "pending",
        /// It is being fetched.
        Running = "running",
        /// Every page was applied.
        Done = "done",
        /// It was given up.
        Failed = "failed",
    }
}

/// The fetching of a report.
#[derive(Debug, Clone)]
pub struct ReportJob {
    /// Its id.
    pub id: ReportJobId,
    /// Whose report.
    pub campaign: CampaignId,
    /// Where the report is.
    pub url: String,
    /// How far it has come.
    pub status: ReportStatus,
    /// Pages that were applied.
    pub pages_done: i32,
    /// How many pages the report has, as the last page told.
    pub total_pages: Option<i32>,
    /// Rows of those pages.
    pub rows_done: i64,
    /// Failed attempts at the next page.
    pub attempts: i32,
    /// What went wrong last; none once a page was applied after it.
    pub error: Option<String>,
    /// When the next page is due, while it waits.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it was done or given up.
    pub finished_at: Option<DateTime<Utc>>,
}

impl TryFrom<entity::report_job::Model> for ReportJob {
    type Error = StoreError;

    fn try_from(row: entity::report_job::Model) -> Result<Self, StoreError> {
        let id = ReportJobId(row.id);
        let status = word("report_job", "status", id, &row.status)?;
        Ok(Self {
            id,
            campaign: CampaignId(row.campaign_id),
            url: row.url,
            status,
            pages_done: row.pages_done,
            total_pages: row.total_pages,
            rows_done: row.rows_done,
            attempts: row.attempts,
            error: row.error,
            next_attempt_at: row.due_at.filter(|_| status == ReportStatus::Pending),
            created_at: row.created_at,
            finished_at: row.finished_at,
        })
    }
}

/// The reports of these campaigns, oldest first.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn of_campaigns(
    database: &Database,
    scope: Scope,
    campaigns: &[CampaignId],
) -> Result<Vec<ReportJob>, StoreError> {
    let rows = entity::report_job::Entity::find()
        .filter(entity::report_job::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(entity::report_job::Column::CampaignId.eq_any(campaigns.iter().map(|id| id.0)))
        .order_by_asc(entity::report_job::Column::Id)
        .all(&database.orm)
        .await?;
    rows.into_iter().map(ReportJob::try_from).collect()
}

/// A job that this process holds.
#[derive(Debug, Clone)]
pub struct HeldJob {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The job.
    pub id: ReportJobId,
    /// What it is held under.
    pub lease: Uuid,
    /// The source that was told of the report.
    pub source: SourceId,
    /// Where the report is.
    pub url: String,
    /// The page to fetch next: 1, 2, 3 ...
    pub next_page: i32,
    /// Failed attempts at that page.
    pub attempts: i32,
    /// Digest of the rows of the page before it.
    pub last_page: Option<String>,
}

impl HeldJob {
    /// The job's workspace.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope::of(self.workspace)
    }
}

/// A page that was applied.
#[derive(Debug, Clone)]
pub struct PageDone {
    /// How many pages it says that there are.
    pub total_pages: Option<i32>,
    /// How many rows it had.
    pub rows: i64,
    /// A digest of them.
    pub digest: String,
    /// Whether it was the last.
    pub last: bool,
}

/// Takes one job that is due under a new `lease` for `lease_for`: of a workspace that has none running, if there is
/// one, and then the longest due. Two jobs of one campaign never run at once. Takes no scope: it finds one.
///
/// # Errors
/// Where the database fails.
pub async fn claim(database: &Database, lease: Uuid, lease_for: Duration) -> Result<Option<HeldJob>, StoreError> {
    let claimed = sqlx::query(
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
         RETURNING j.workspace_id, j.id, j.source_id, j.url, j.next_page, j.attempts, j.last_page",
    )
    .bind(lease)
    .bind(lease_for.as_secs_f64())
    .fetch_optional(&database.pool)
    .await;
    match claimed {
        Ok(None) => Ok(None),
        Ok(Some(row)) => Ok(Some(HeldJob {
            workspace: row.try_get("workspace_id")?,
            id: row.try_get("id")?,
            lease,
            source: row.try_get("source_id")?,
            url: row.try_get("url")?,
            next_page: row.try_get("next_page")?,
            attempts: row.try_get("attempts")?,
            last_page: row.try_get("last_page")?,
        })),
        // Another process has just begun with another report of the same campaign.
        Err(sqlx::Error::Database(refusal)) if refusal.is_unique_violation() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Notes that the held job's next page was applied, and holds it for `lease_for` more, or ends it after the last one.
/// False where it is no longer held.
///
/// # Errors
/// Where the database fails.
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

/// Holds the job for `lease_for` more. False where it is no longer held.
///
/// # Errors
/// Where the database fails.
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

/// Gives the held job back, for any process to take it `after` a while. With an `error` the attempt counts as failed;
/// without, nothing went wrong.
///
/// # Errors
/// Where the database fails.
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

/// Gives the held job up, and says why.
///
/// # Errors
/// Where the database fails.
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
