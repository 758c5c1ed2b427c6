//! Sources: the URLs that providers post to, with the secrets that prove who posts.

mod check;
mod write;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use inlet_domain::{
    ids::{ProviderAccountId, SourceId, WorkspaceId},
    model::{
        mapping::Mapping,
        provider::{Provider, Verification},
        source::{CallLeg, Source, SourceSecret},
    },
    scope::Scope,
    secrets::{Place, Sealer, token_hash},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use zeroize::Zeroizing;

use crate::{database::Database, error::StoreError};

pub use write::{Change, NewSource, SourceSettings, Update, create, create_account, delete, rotate, update};

/// A row of the table. Its secrets are sealed, so [`Source`] is another struct.
#[derive(FromRow)]
struct Row {
    id: SourceId,
    workspace_id: WorkspaceId,
    provider_account_id: ProviderAccountId,
    provider: Provider,
    name: String,
    sealed_token: Vec<u8>,
    verification: Verification,
    sealed_secrets: Vec<u8>,
    #[sqlx(flatten)]
    settings: SourceSettings,
    revision: i64,
    created_at: DateTime<Utc>,
    deleted_at: Option<DateTime<Utc>>,
}

/// Selects the columns of [`Row`], then what follows `FROM source`.
macro_rules! select_source {
    ($rest:literal) => {
        concat!(
            "SELECT id, workspace_id, provider_account_id, provider, name, sealed_token, verification, sealed_secrets, \
               signature, allowed_networks, time_zone, phone_region, channel_id, medium, report_hosts, own_user_ids, \
               call_customer_leg, mapping, revision, created_at, deleted_at FROM source ",
            $rest
        )
    };
}
use select_source;

fn place(workspace: WorkspaceId, id: SourceId, column: &'static str) -> Place {
    Place { workspace, table: "source", id: id.0, column }
}

impl Row {
    fn invalid(&self, column: &'static str, problem: &impl std::fmt::Display) -> StoreError {
        StoreError::invalid_row("source", column, self.id, problem)
    }

    fn secrets(&self, sealer: &Sealer) -> Result<Vec<SourceSecret>, StoreError> {
        let plain = sealer.open(&place(self.workspace_id, self.id, "sealed_secrets"), &self.sealed_secrets)?;
        open_secrets(&plain).map_err(|problem| self.invalid("sealed_secrets", &problem))
    }

    fn token(&self, sealer: &Sealer) -> Result<String, StoreError> {
        let plain = sealer.open(&place(self.workspace_id, self.id, "sealed_token"), &self.sealed_token)?;
        String::from_utf8(plain.to_vec()).map_err(|_| self.invalid("sealed_token", &"not text"))
    }

    fn open(self, sealer: &Sealer) -> Result<Source, StoreError> {
        let secrets = self.secrets(sealer)?;
        let mapping = self.settings.mapping.as_ref().map(Mapping::stored).transpose();
        let mapping = mapping.map_err(|problem| self.invalid("mapping", &problem))?.map(Arc::new);
        let settings = self.settings;
        Ok(Source {
            id: self.id,
            workspace: self.workspace_id,
            account: self.provider_account_id,
            provider: self.provider,
            name: self.name,
            verification: self.verification,
            secrets,
            signature: settings.signature,
            allowed_networks: settings.allowed_networks,
            time_zone: settings.time_zone,
            phone_region: settings.phone_region,
            channel_id: settings.channel_id,
            medium: settings.medium,
            report_hosts: settings.report_hosts,
            own_user_ids: settings.own_user_ids,
            call_customer_leg: settings.call_customer_leg.unwrap_or(CallLeg::To),
            mapping,
            deleted: self.deleted_at.is_some(),
            revision: self.revision,
            created_at: self.created_at,
        })
    }
}

/// A secret, as an element of the sealed JSON array.
#[derive(Serialize, Deserialize)]
struct KeptSecret {
    secret: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<DateTime<Utc>>,
}

fn open_secrets(plain: &[u8]) -> Result<Vec<SourceSecret>, &'static str> {
    let kept: Vec<KeptSecret> = serde_json::from_slice(plain).map_err(|_| "not a JSON array of secrets")?;
    let secret = |kept: KeptSecret| SourceSecret { secret: SecretString::from(kept.secret), until: kept.until };
    Ok(kept.into_iter().map(secret).collect())
}

fn seal_secrets(sealer: &Sealer, workspace: WorkspaceId, id: SourceId, secrets: &[SourceSecret]) -> Vec<u8> {
    let kept: Vec<KeptSecret> =
        secrets.iter().map(|it| KeptSecret { secret: it.secret.expose_secret().to_owned(), until: it.until }).collect();
    let plain = Zeroizing::new(serde_json::to_vec(&kept).unwrap_or_default());
    sealer.seal(&place(workspace, id, "sealed_secrets"), &plain)
}

/// The source with this token in its URL, unless it is deleted. The function takes no scope: the source tells its own.
///
/// # Errors
/// [`StoreError::Open`] where the secrets do not open.
pub async fn by_token(database: &Database, sealer: &Sealer, token: &str) -> Result<Option<Source>, StoreError> {
    let row: Option<Row> = sqlx::query_as(select_source!("WHERE token_hash = $1 AND deleted_at IS NULL"))
        .bind(token_hash(token).to_vec())
        .fetch_optional(&database.pool)
        .await?;
    row.map(|row| row.open(sealer)).transpose()
}

/// The source with this id, deleted or not.
///
/// # Errors
/// [`StoreError::Open`] where the secrets do not open.
pub async fn by_id(
    database: &Database,
    scope: Scope,
    sealer: &Sealer,
    id: SourceId,
) -> Result<Option<Source>, StoreError> {
    let row: Option<Row> = sqlx::query_as(select_source!("WHERE workspace_id = $1 AND id = $2"))
        .bind(scope.workspace())
        .bind(id)
        .fetch_optional(&database.pool)
        .await?;
    row.map(|row| row.open(sealer)).transpose()
}

fn with_its_token(row: Row, sealer: &Sealer) -> Result<(Source, String), StoreError> {
    let token = row.token(sealer)?;
    Ok((row.open(sealer)?, token))
}

/// Every source that is not deleted, with the token of its URL, oldest first.
///
/// # Errors
/// [`StoreError::Open`] where the secrets do not open.
pub async fn list(database: &Database, scope: Scope, sealer: &Sealer) -> Result<Vec<(Source, String)>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(select_source!("WHERE workspace_id = $1 AND deleted_at IS NULL ORDER BY id"))
        .bind(scope.workspace())
        .fetch_all(&database.pool)
        .await?;
    rows.into_iter().map(|row| with_its_token(row, sealer)).collect()
}

/// The source with this id and the token of its URL, unless it is deleted.
///
/// # Errors
/// [`StoreError::Open`] where the secrets do not open.
pub async fn with_token(
    database: &Database,
    scope: Scope,
    sealer: &Sealer,
    id: SourceId,
) -> Result<Option<(Source, String)>, StoreError> {
    let row: Option<Row> = sqlx::query_as(select_source!("WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL"))
        .bind(scope.workspace())
        .bind(id)
        .fetch_optional(&database.pool)
        .await?;
    row.map(|row| with_its_token(row, sealer)).transpose()
}
