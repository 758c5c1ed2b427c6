//! Warnings that credit runs out.

use chrono::{DateTime, Utc};
use inlet_domain::{
    ids::{BalanceAlertId, ProviderAccountId},
    scope::Scope,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    entity,
    page::{Keyset, Page, Position, Slice, Sort},
};
use crate::{database::Database, error::StoreError};

/// A provider's warning that credit runs out.
#[derive(Debug, Clone)]
pub struct BalanceAlert {
    /// Its id.
    pub id: BalanceAlertId,
    /// The account.
    pub provider_account_id: ProviderAccountId,
    /// Whose credit.
    pub firm: Option<String>,
    /// What is left, as a decimal.
    pub units: Option<String>,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
}

impl TryFrom<entity::balance_alert::Model> for BalanceAlert {
    type Error = StoreError;

    fn try_from(row: entity::balance_alert::Model) -> Result<Self, StoreError> {
        let id = BalanceAlertId(row.id);
        Ok(Self {
            id,
            provider_account_id: ProviderAccountId(row.provider_account_id),
            firm: row.firm,
            units: row.units,
            created_at: row.created_at,
        })
    }
}

/// Balance alerts, newest first.
///
/// # Errors
/// Where the database fails, a row is invalid or a position is of another list.
pub async fn list(database: &Database, scope: Scope, slice: &Slice) -> Result<Page<BalanceAlert>, StoreError> {
    let select = entity::balance_alert::Entity::find()
        .filter(entity::balance_alert::Column::WorkspaceId.eq(scope.workspace().0));

    let keyset = Keyset { sort: Sort::Id, at: None, id: entity::balance_alert::Column::Id, descending: true };
    let page = super::page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await?;
    page.try_map(BalanceAlert::try_from)
}

/// The balance alerts with these ids, in no order; what is not in the workspace is left out.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn by_ids(
    database: &Database,
    scope: Scope,
    ids: &[BalanceAlertId],
) -> Result<Vec<BalanceAlert>, StoreError> {
    let rows = entity::balance_alert::Entity::find()
        .filter(entity::balance_alert::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(entity::balance_alert::Column::Id.eq_any(ids.iter().map(|id| id.0)))
        .all(&database.orm)
        .await?;
    rows.into_iter().map(BalanceAlert::try_from).collect()
}
