//! Our channels, and the provider accounts that they are on.

use chrono::{DateTime, Utc};
use inlet_domain::{
    ids::{ChannelId, ProviderAccountId},
    model::{channel::Medium, provider::Provider},
    scope::Scope,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{
    entity,
    page::{Keyset, Page, Position, Slice, Sort},
    words::word,
};
use crate::{database::Database, error::StoreError};

/// One of our numbers, names or inboxes on a medium.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Its id.
    pub id: ChannelId,
    /// The account that it is on.
    pub provider_account_id: ProviderAccountId,
    /// What it carries.
    pub medium: Medium,
    /// As the provider calls it.
    pub identifier: Option<String>,
    /// In E.164.
    pub phone: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Where it is.
    pub country: Option<String>,
    /// The provider's environment.
    pub env: Option<String>,
    /// The provider's word for its status.
    pub status: Option<String>,
    /// The provider's id.
    pub external_id: Option<String>,
    /// How long after its end a conversation is taken up again by a new message.
    pub reopen_window_seconds: i64,
    /// Counts its changes.
    pub revision: i64,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
}

impl TryFrom<entity::channel::Model> for Channel {
    type Error = StoreError;

    fn try_from(row: entity::channel::Model) -> Result<Self, StoreError> {
        let id = ChannelId(row.id);
        Ok(Self {
            id,
            provider_account_id: ProviderAccountId(row.provider_account_id),
            medium: word("channel", "medium", id, &row.medium)?,
            identifier: row.identifier,
            phone: row.phone,
            name: row.name,
            description: row.description,
            country: row.country,
            env: row.env,
            status: row.status,
            external_id: row.external_id,
            reopen_window_seconds: row.reopen_window_seconds,
            revision: row.revision,
            created_at: row.created_at,
        })
    }
}
/// An account with a messaging provider.
#[derive(Debug, Clone)]
pub struct ProviderAccount {
    /// Its id.
    pub id: ProviderAccountId,
    /// The provider.
    pub provider: Provider,
    /// What people call it.
    pub name: String,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
}

impl TryFrom<entity::provider_account::Model> for ProviderAccount {
    type Error = StoreError;

    fn try_from(row: entity::provider_account::Model) -> Result<Self, StoreError> {
        let id = ProviderAccountId(row.id);
        Ok(Self {
            id,
            provider: word("provider_account", "provider", id, &row.provider)?,
            name: row.name,
            created_at: row.created_at,
        })
    }
}

/// Channels, oldest first.
///
/// # Errors
/// Where the database fails, a row is invalid or a position is of another list.
pub async fn list(database: &Database, scope: Scope, slice: &Slice) -> Result<Page<Channel>, StoreError> {
    let select = entity::channel::Entity::find().filter(entity::channel::Column::WorkspaceId.eq(scope.workspace().0));

    let keyset = Keyset { sort: Sort::Id, at: None, id: entity::channel::Column::Id, descending: false };
    let page = super::page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await?;
    page.try_map(Channel::try_from)
}

/// The channels with these ids, in no order; what is not in the workspace is left out.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn by_ids(database: &Database, scope: Scope, ids: &[ChannelId]) -> Result<Vec<Channel>, StoreError> {
    let rows = entity::channel::Entity::find()
        .filter(entity::channel::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(entity::channel::Column::Id.eq_any(ids.iter().map(|id| id.0)))
        .all(&database.orm)
        .await?;
    rows.into_iter().map(Channel::try_from).collect()
}

/// Provider accounts, oldest first.
///
/// # Errors
/// Where the database fails, a row is invalid or a position is of another list.
pub async fn accounts(database: &Database, scope: Scope, slice: &Slice) -> Result<Page<ProviderAccount>, StoreError> {
    let select = entity::provider_account::Entity::find()
        .filter(entity::provider_account::Column::WorkspaceId.eq(scope.workspace().0));

    let keyset = Keyset { sort: Sort::Id, at: None, id: entity::provider_account::Column::Id, descending: false };
    let page = super::page::fetch(database, select, keyset, slice, |row| Position::of_id(row.id)).await?;
    page.try_map(ProviderAccount::try_from)
}

/// The provider accounts with these ids, in no order; what is not in the workspace is left out.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn accounts_by_ids(
    database: &Database,
    scope: Scope,
    ids: &[ProviderAccountId],
) -> Result<Vec<ProviderAccount>, StoreError> {
    let rows = entity::provider_account::Entity::find()
        .filter(entity::provider_account::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(entity::provider_account::Column::Id.eq_any(ids.iter().map(|id| id.0)))
        .all(&database.orm)
        .await?;
    rows.into_iter().map(ProviderAccount::try_from).collect()
}
