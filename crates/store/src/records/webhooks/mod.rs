//! Webhooks: reads, registration and changes. [`super::deliveries`] holds what is sent to them.

mod change;
mod check;
mod register;
mod secrets;

use chrono::{DateTime, Utc};
use inlet_domain::{
    event::webhook_filter::Wants,
    ids::{WebhookId, WorkspaceId},
    model::webhook::WebhookStatus,
    scope::Scope,
};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, Row, postgres::PgRow, types::Json};

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
    /// The name in lower case.
    pub name: String,
    /// `None` where the value is secret.
    pub value: Option<String>,
    /// The value is sealed and never shown.
    pub secret: bool,
}

/// A receiver of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The primary key, with the workspace.
    pub id: WebhookId,
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The settings that are no secret. A stored webhook has a timeout and a number of attempts.
    pub settings: Settings,
    /// The lifecycle status.
    pub status: WebhookStatus,
    /// The version of the bodies.
    pub api_version: String,
    /// The headers of its own.
    pub headers: Vec<OwnHeader>,
    /// Each request carries a legacy signature too.
    pub has_legacy_signature: bool,
    /// The webhook receives the events after this number of the log.
    pub start_seq: i64,
    /// Grows by one with each change.
    pub revision: i64,
    /// The time of registration.
    pub created_at: DateTime<Utc>,
    /// Why the webhook is disabled.
    pub disabled_reason: Option<String>,
    /// When the earlier secrets end.
    pub rotation_ends_at: Option<DateTime<Utc>>,
    /// The webhook was resumed after it was disabled, and no delivery has succeeded since.
    pub recovering: bool,
}

/// By hand: `has_legacy_signature` tells of the sealed signature only whether there is one.
impl<'r> FromRow<'r, PgRow> for Webhook {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            workspace: row.try_get("workspace_id")?,
            settings: Settings::from_row(row)?,
            status: row.try_get("status")?,
            api_version: row.try_get("api_version")?,
            headers: row.try_get::<Json<_>, _>("headers")?.0,
            has_legacy_signature: row.try_get::<Option<&[u8]>, _>("sealed_legacy_signature")?.is_some(),
            start_seq: row.try_get("start_seq")?,
            revision: row.try_get("revision")?,
            created_at: row.try_get("created_at")?,
            disabled_reason: row.try_get("disabled_reason")?,
            rotation_ends_at: row.try_get("rotation_ends_at")?,
            recovering: row.try_get("recovering")?,
        })
    }
}

/// Selects the columns of [`Webhook`], then what follows `FROM webhook`.
macro_rules! select_webhook {
    ($rest:literal) => {
        concat!(
            "SELECT id, workspace_id, name, url, event_types, include_notes, filter, channel_id, timeout_seconds, \
               max_attempts, retry_preset, retry_delays, max_concurrency, rate_limit, composition, status, api_version, \
               headers, sealed_legacy_signature, start_seq, revision, created_at, disabled_reason, rotation_ends_at, \
               recovering FROM webhook ",
            $rest
        )
    };
}

impl Webhook {
    /// The condition that an event must meet.
    #[must_use]
    pub fn wants(&self) -> Wants {
        Wants {
            patterns: self.settings.event_types.clone(),
            notes: self.settings.include_notes,
            channel: self.settings.channel,
            filter: self.settings.filter.clone(),
        }
    }
}

/// The webhooks of the workspace, oldest first.
pub async fn list(database: &Database, scope: Scope) -> Result<Vec<Webhook>, StoreError> {
    let webhooks = sqlx::query_as(select_webhook!("WHERE workspace_id = $1 AND deleted_at IS NULL ORDER BY id"))
        .bind(scope.workspace())
        .fetch_all(&database.pool)
        .await?;
    Ok(webhooks)
}

/// One webhook. `None` where the workspace has no such webhook.
pub async fn by_id(database: &Database, scope: Scope, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
    let webhook = sqlx::query_as(select_webhook!("WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL"))
        .bind(scope.workspace())
        .bind(id)
        .fetch_optional(&database.pool)
        .await?;
    Ok(webhook)
}
