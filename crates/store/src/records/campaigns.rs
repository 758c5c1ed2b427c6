//! Mass sendings at the providers.

use chrono::{DateTime, Utc};
use inlet_domain::{
    ids::{CampaignId, ProviderAccountId},
    scope::Scope,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    entity,
    page::{Keyset, Page, Position, Slice, Sort},
    words::word,
};
use crate::{database::Database, error::StoreError};

inlet_domain::text_enum! {
    /// How far a mass sending has come.
    CampaignStatus {
        /// Under way.
        Running = "running",
        /// Done.
        Completed = "completed",
    }
}

/// A mass sending at the provider.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// Its id.
    pub id: CampaignId,
    /// The account.
    pub provider_account_id: ProviderAccountId,
    /// The provider's id.
    pub external_id: String,
    /// `running` or `completed`.
    pub status: CampaignStatus,
    /// The provider's report.
    pub report_url: Option<String>,
    /// Counts its changes.
    pub revision: i64,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
}

impl TryFrom<entity::campaign::Model> for Campaign {
    type Error = StoreError;

    fn try_from(row: entity::campaign::Model) -> Result<Self, StoreError> {
        let id = CampaignId(row.id);
        Ok(Self {
            id,
            provider_account_id: ProviderAccountId(row.provider_account_id),
            external_id: row.external_id,
            status: word("campaign", "status", id, &row.status)?,
            report_url: row.report_url,
            revision: row.revision,
            created_at: row.created_at,
            completed_at: row.completed_at,
        })
    }
}

/// Campaigns, newest first.
///
/// # Errors
/// Where the database fails, a row is invalid or a position is of another list.
pub async fn list(database: &Database, scope: Scope, slice: &Slice) -> Result<Page<Campaign>, StoreError> {
    let select = entity::campaign::Entity::find().filter(entity::campaign::Column::WorkspaceId.eq(scope.workspace().0));

    let keyset = Keyset { sort: Sort::Id, at: None, id: entity::campaign::Column::Id, descending: true };
    let page = super::page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await?;
    page.try_map(Campaign::try_from)
}

/// The campaigns with these ids, in no order; what is not in the workspace is left out.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn by_ids(database: &Database, scope: Scope, ids: &[CampaignId]) -> Result<Vec<Campaign>, StoreError> {
    let rows = entity::campaign::Entity::find()
        .filter(entity::campaign::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(entity::campaign::Column::Id.eq_any(ids.iter().map(|id| id.0)))
        .all(&database.orm)
        .await?;
    rows.into_iter().map(Campaign::try_from).collect()
}
