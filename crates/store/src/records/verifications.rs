//! OTP checks.

use chrono::{DateTime, Utc};
use inlet_domain::{
    ids::{ProviderAccountId, VerificationId},
    scope::Scope,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    entity,
    page::{Keyset, Page, Position, Slice, Sort},
};
use crate::{database::Database, error::StoreError};

/// An OTP check at the provider. The code itself is kept nowhere.
#[derive(Debug, Clone)]
pub struct Verification {
    /// Its id.
    pub id: VerificationId,
    /// The account.
    pub provider_account_id: ProviderAccountId,
    /// The provider's id.
    pub external_id: String,
    /// Who was checked.
    pub identifier: Option<String>,
    /// Whether they passed.
    pub verified: bool,
    /// Until when the code was good.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
}

impl TryFrom<entity::verification::Model> for Verification {
    type Error = StoreError;

    fn try_from(row: entity::verification::Model) -> Result<Self, StoreError> {
        let id = VerificationId(row.id);
        Ok(Self {
            id,
            provider_account_id: ProviderAccountId(row.provider_account_id),
            external_id: row.external_id,
            identifier: row.identifier,
            verified: row.verified,
            expires_at: row.expires_at,
            created_at: row.created_at,
        })
    }
}

/// Verifications, newest first.
///
/// # Errors
/// Where the database fails, a row is invalid or a position is of another list.
pub async fn list(database: &Database, scope: Scope, slice: &Slice) -> Result<Page<Verification>, StoreError> {
    let select =
        entity::verification::Entity::find().filter(entity::verification::Column::WorkspaceId.eq(scope.workspace().0));

    let keyset = Keyset { sort: Sort::Id, at: None, id: entity::verification::Column::Id, descending: true };
    let page = super::page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await?;
    page.try_map(Verification::try_from)
}

/// The verifications with these ids, in no order; what is not in the workspace is left out.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn by_ids(
    database: &Database,
    scope: Scope,
    ids: &[VerificationId],
) -> Result<Vec<Verification>, StoreError> {
    let rows = entity::verification::Entity::find()
        .filter(entity::verification::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(entity::verification::Column::Id.eq_any(ids.iter().map(|id| id.0)))
        .all(&database.orm)
        .await?;
    rows.into_iter().map(Verification::try_from).collect()
}
