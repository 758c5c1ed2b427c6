//! Webhooks: reading, registering and changing them. What they are sent is in [`super::deliveries`].

mod change;
mod check;
mod register;
mod secrets;

use chrono::{DateTime, Utc};
use inlet_domain::{
    compose::Composition,
    event::webhook_filter::{Wants, WebhookFilter},
    ids::{ChannelId, WebhookId, WorkspaceId},
    model::webhook::{RetryPreset, WebhookStatus},
    scope::Scope,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, entity::prelude::DeriveEntityModel};
use serde::{Deserialize, Serialize};

pub(super) use self::secrets::{open_headers, open_legacy, open_secrets};
pub use self::{
    change::{Change, Update, delete, finish_rotation, pause, resume, rotate, update},
    check::{HeaderChange, MOST_HEADERS, Settings},
    register::{NewWebhook, register},
    secrets::SigningSecret,
};
use crate::{database::Database, error::StoreError};

/// A header that goes with every request to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnHeader {
    /// In lower case.
    pub name: String,
    /// `None` of a secret one.
    pub value: Option<String>,
    /// Whether the value is sealed and never shown.
    pub secret: bool,
}

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
    /// What else an event must be of.
    pub filter: WebhookFilter,
    /// The channel whose own it is.
    pub channel: Option<ChannelId>,
    /// The shape of its bodies.
    pub api_version: String,
    /// Over connect and the whole exchange, in seconds.
    pub timeout_seconds: i32,
    /// After so many a delivery is exhausted.
    pub max_attempts: i32,
    /// How long to wait between attempts.
    pub retry_preset: RetryPreset,
    /// Seconds between attempts, where they are not the preset's.
    pub retry_delays: Option<Vec<i32>>,
    /// How many requests to it may be under way at once.
    pub max_concurrency: i32,
    /// How many requests a second it may get from each process.
    pub rate_limit: Option<i32>,
    /// Headers of its own.
    pub headers: Vec<OwnHeader>,
    /// How its requests are composed; `None` for the event itself.
    pub composition: Option<Composition>,
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
    /// When only the newest secret counts again.
    pub rotation_ends_at: Option<DateTime<Utc>>,
    /// It was disabled, is sent to again, and nothing has succeeded yet.
    pub recovering: bool,
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
        pub filter: Json,
        pub channel_id: Option<Uuid>,
        pub rate_limit: Option<i32>,
        pub retry_delays: Option<Vec<i32>>,
        pub headers: Json,
        pub sealed_headers: Option<Vec<u8>>,
        pub composition: Option<Json>,
        pub rotation_ends_at: Option<DateTimeUtc>,
        pub recovering: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl TryFrom<row::Model> for Webhook {
    type Error = StoreError;

    fn try_from(row: row::Model) -> Result<Self, StoreError> {
        let id = WebhookId(row.id);
        let invalid =
            |column, problem: &dyn std::fmt::Display| StoreError::invalid_row("webhook", column, id, &problem);
        Ok(Self {
            id,
            workspace: WorkspaceId(row.workspace_id),
            name: row.name,
            url: row.url,
            status: row.status.parse().map_err(|problem| invalid("status", &problem))?,
            event_types: row.event_types,
            include_notes: row.include_notes,
            filter: serde_json::from_value(row.filter).map_err(|problem| invalid("filter", &problem))?,
            channel: row.channel_id.map(ChannelId),
            api_version: row.api_version,
            timeout_seconds: row.timeout_seconds,
            max_attempts: row.max_attempts,
            retry_preset: row.retry_preset.parse().map_err(|problem| invalid("retry_preset", &problem))?,
            retry_delays: row.retry_delays,
            max_concurrency: row.max_concurrency,
            rate_limit: row.rate_limit,
            headers: serde_json::from_value(row.headers).map_err(|problem| invalid("headers", &problem))?,
            composition: row
                .composition
                .map(serde_json::from_value)
                .transpose()
                .map_err(|problem| invalid("composition", &problem))?,
            has_legacy_signature: row.sealed_legacy_signature.is_some(),
            start_seq: row.start_seq,
            revision: row.revision,
            created_at: row.created_at,
            disabled_reason: row.disabled_reason,
            rotation_ends_at: row.rotation_ends_at,
            recovering: row.recovering,
        })
    }
}

impl Webhook {
    /// From a row of the table that was read by plain SQL.
    pub(super) fn from_row(row: &sqlx::postgres::PgRow) -> Result<Self, StoreError> {
        <row::Model as sqlx::FromRow<_>>::from_row(row)?.try_into()
    }

    /// Which events it gets.
    #[must_use]
    pub fn wants(&self) -> Wants {
        Wants {
            patterns: self.event_types.clone(),
            notes: self.include_notes,
            channel: self.channel,
            filter: self.filter.clone(),
        }
    }

    /// Seconds between one attempt and the next, before jitter; past the end the last one stays.
    #[must_use]
    pub fn delays(&self) -> Vec<u32> {
        match &self.retry_delays {
            Some(delays) => delays.iter().map(|delay| u32::try_from(*delay).unwrap_or(0)).collect(),
            None => self.retry_preset.delays().to_vec(),
        }
    }
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
