//! Webhooks: reading and registering them. What they are sent is in [`super::deliveries`].

mod register;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, entity::prelude::DeriveEntityModel};
use secrecy::SecretString;
use uuid::Uuid;

pub use self::register::{API_VERSION, NewWebhook, register};
use crate::{
    database::Database,
    error::StoreError,
    ids::{WebhookId, WorkspaceId},
    model::webhook::{LegacySignature, RetryPreset, WebhookStatus},
    scope::Scope,
    secrets::{Place, Sealer},
};

/// A receiver of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// The tenant.
    pub workspace: WorkspaceId,
    /// For people.
    pub name: String,
    /// Where to post.
    pub url: String,
    /// Whether it is sent to.
    pub status: WebhookStatus,
    /// Exact names or `<entity>.*`; none means all.
    pub event_types: Vec<String>,
    /// Whether notes and activities are sent too.
    pub include_notes: bool,
    /// The shape of its bodies.
    pub api_version: String,
    /// Over connect and the whole exchange, in seconds.
    pub timeout_seconds: i32,
    /// After so many a delivery is exhausted.
    pub max_attempts: i32,
    /// How long to wait between attempts.
    pub retry_preset: RetryPreset,
    /// How many requests to it may be under way at once.
    pub max_concurrency: i32,
    /// Whether a legacy signature is sent too.
    pub has_legacy_signature: bool,
    /// It gets the events after this number of the log.
    pub start_seq: i64,
    /// Counts its changes.
    pub revision: i64,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// Why it is disabled, where it is.
    pub disabled_reason: Option<String>,
}

mod row {
    //! The table, as sea-orm sees it.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, super::DeriveEntityModel, sqlx::FromRow)]
    #[sea_orm(table_name = "webhook")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub workspace_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub name: String,
        pub url: String,
        pub status: String,
        pub event_types: Vec<String>,
        pub include_notes: bool,
        pub api_version: String,
        pub sealed_secrets: Vec<u8>,
        pub sealed_legacy_signature: Option<Vec<u8>>,
        pub timeout_seconds: i32,
        pub max_attempts: i32,
        pub retry_preset: String,
        pub max_concurrency: i32,
        pub start_seq: i64,
        pub revision: i64,
        pub created_at: DateTimeUtc,
        pub disabled_reason: Option<String>,
        pub deleted_at: Option<DateTimeUtc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl TryFrom<row::Model> for Webhook {
    type Error = StoreError;

    fn try_from(row: row::Model) -> Result<Self, StoreError> {
        let id = WebhookId(row.id);
        let invalid = |column, problem: crate::model::UnknownWord| StoreError::InvalidRow {
            table: "webhook",
            column,
            row: id.to_string(),
            problem: problem.to_string(),
        };
        Ok(Self {
            id,
            workspace: WorkspaceId(row.workspace_id),
            name: row.name,
            url: row.url,
            status: row.status.parse().map_err(|problem| invalid("status", problem))?,
            event_types: row.event_types,
            include_notes: row.include_notes,
            api_version: row.api_version,
            timeout_seconds: row.timeout_seconds,
            max_attempts: row.max_attempts,
            retry_preset: row.retry_preset.parse().map_err(|problem| invalid("retry_preset", problem))?,
            max_concurrency: row.max_concurrency,
            has_legacy_signature: row.sealed_legacy_signature.is_some(),
            start_seq: row.start_seq,
            revision: row.revision,
            created_at: row.created_at,
            disabled_reason: row.disabled_reason,
        })
    }
}

impl Webhook {
    /// From a row of the table that was read by plain SQL.
    pub(super) fn from_row(row: &sqlx::postgres::PgRow) -> Result<Self, StoreError> {
        <row::Model as sqlx::FromRow<_>>::from_row(row)?.try_into()
    }
}

/// Where the secrets of a webhook are sealed.
pub(super) fn secrets_place(workspace: WorkspaceId, id: WebhookId) -> Place {
    Place { workspace, table: "webhook", id: id.0, column: "sealed_secrets" }
}

/// Where the legacy signature of a webhook is sealed.
pub(super) fn legacy_place(workspace: WorkspaceId, id: WebhookId) -> Place {
    Place { workspace, table: "webhook", id: id.0, column: "sealed_legacy_signature" }
}

/// The webhooks of the workspace, oldest first.
///
/// # Errors
/// Where the database fails.
pub async fn list(database: &Database, scope: Scope) -> Result<Vec<Webhook>, StoreError> {
    let rows = row::Entity::find()
        .filter(row::Column::WorkspaceId.eq(scope.workspace().0))
        .filter(row::Column::DeletedAt.is_null())
        .order_by_asc(row::Column::Id)
        .all(&database.orm)
        .await?;
    rows.into_iter().map(Webhook::try_from).collect()
}

/// One webhook; `None` where the workspace has none of that id.
///
/// # Errors
/// Where the database fails.
pub async fn by_id(database: &Database, scope: Scope, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
    let row = row::Entity::find_by_id((scope.workspace().0, id.0))
        .filter(row::Column::DeletedAt.is_null())
        .one(&database.orm)
        .await?;
    row.map(Webhook::try_from).transpose()
}

/// Of sealed secrets, newest first.
pub(super) fn open_secrets(
    sealer: &Sealer,
    workspace: WorkspaceId,
    id: WebhookId,
    sealed: &[u8],
) -> Result<Vec<SecretString>, StoreError> {
    let plain = sealer.open(&secrets_place(workspace, id), sealed)?;
    let secrets: Vec<String> = serde_json::from_slice(&plain).map_err(|error| damaged(id, "sealed_secrets", &error))?;
    Ok(secrets.into_iter().map(SecretString::from).collect())
}

/// Of a sealed legacy signature.
pub(super) fn open_legacy(
    sealer: &Sealer,
    workspace: WorkspaceId,
    id: WebhookId,
    sealed: &[u8],
) -> Result<LegacySignature, StoreError> {
    let plain = sealer.open(&legacy_place(workspace, id), sealed)?;
    serde_json::from_slice(&plain).map_err(|error| damaged(id, "sealed_legacy_signature", &error))
}

/// Says where, not what: the value is a secret.
fn damaged(id: WebhookId, column: &'static str, error: &serde_json::Error) -> StoreError {
    StoreError::InvalidRow {
        table: "webhook",
        column,
        row: Uuid::to_string(&id.0),
        problem: format!("unreadable at column {}", error.column()),
    }
}
