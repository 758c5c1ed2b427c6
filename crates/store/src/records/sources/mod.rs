//! Sources: the URLs that providers post to, with the secrets that prove who posts.

mod check;
mod write;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use inlet_domain::{
    ids::{ChannelId, ProviderAccountId, SourceId, WorkspaceId},
    model::source::Source,
    model::{mapping::Mapping, source::SourceSecret},
    scope::Scope,
    secrets::{Place, Sealer, token_hash},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{database::Database, error::StoreError};

pub use write::{Change, NewSource, SourceSettings, Update, create, create_account, delete, rotate, update};

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, sqlx::FromRow)]
    #[sea_orm(table_name = "source")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub workspace_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub provider_account_id: Uuid,
        pub provider: String,
        pub name: String,
        pub token_hash: Vec<u8>,
        pub sealed_token: Vec<u8>,
        pub verification: String,
        pub sealed_secrets: Vec<u8>,
        pub allowed_networks: Vec<String>,
        pub time_zone: Option<String>,
        pub phone_region: Option<String>,
        pub channel_id: Option<Uuid>,
        pub medium: Option<String>,
        pub report_hosts: Vec<String>,
        pub signature: Json,
        pub own_user_ids: Vec<String>,
        pub call_customer_leg: String,
        pub mapping: Option<Json>,
        pub revision: i64,
        pub created_at: ChronoDateTimeUtc,
        pub deleted_at: Option<ChronoDateTimeUtc>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use entity::{Column, Entity, Model};

fn place(workspace: WorkspaceId, id: Uuid, column: &'static str) -> Place {
    Place { workspace, table: "source", id, column }
}

impl Model {
    fn invalid(&self, column: &'static str, problem: impl ToString) -> StoreError {
        StoreError::InvalidRow { table: "source", column, row: self.id.to_string(), problem: problem.to_string() }
    }

    fn read(self, sealer: &Sealer) -> Result<Source, StoreError> {
        let workspace = WorkspaceId(self.workspace_id);
        let plain = sealer.open(&place(workspace, self.id, "sealed_secrets"), &self.sealed_secrets)?;
        let secrets = open_secrets(&plain).map_err(|problem| self.invalid("sealed_secrets", problem))?;
        let mapping = match &self.mapping {
            None => None,
            Some(document) => {
                Some(Arc::new(Mapping::stored(document).map_err(|problem| self.invalid("mapping", problem))?))
            }
        };
        Ok(Source {
            id: SourceId(self.id),
            workspace,
            account: ProviderAccountId(self.provider_account_id),
            provider: self.provider.parse().map_err(|problem| self.invalid("provider", problem))?,
            verification: self.verification.parse().map_err(|problem| self.invalid("verification", problem))?,
            medium: match &self.medium {
                None => None,
                Some(word) => Some(word.parse().map_err(|problem| self.invalid("medium", problem))?),
            },
            signature: serde_json::from_value(self.signature.clone())
                .map_err(|problem| self.invalid("signature", problem))?,
            call_customer_leg: self
                .call_customer_leg
                .parse()
                .map_err(|problem| self.invalid("call_customer_leg", problem))?,
            mapping,
            secrets,
            name: self.name,
            allowed_networks: self.allowed_networks,
            time_zone: self.time_zone,
            phone_region: self.phone_region,
            channel_id: self.channel_id.map(ChannelId),
            report_hosts: self.report_hosts,
            own_user_ids: self.own_user_ids,
            deleted: self.deleted_at.is_some(),
            revision: self.revision,
            created_at: self.created_at,
        })
    }

    fn token(&self, sealer: &Sealer) -> Result<String, StoreError> {
        let place = place(WorkspaceId(self.workspace_id), self.id, "sealed_token");
        let plain = sealer.open(&place, &self.sealed_token)?;
        String::from_utf8(plain.to_vec()).map_err(|_| self.invalid("sealed_token", "not text"))
    }
}

/// A secret as it stands within the sealed array.
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
    sealer.seal(&place(workspace, id.0, "sealed_secrets"), &plain)
}

/// The source whose URL ends in this token, unless it is deleted. One of the look-ups that find the scope.
///
/// # Errors
/// Where the database or the sealer refuses.
pub async fn by_token(database: &Database, sealer: &Sealer, token: &str) -> Result<Option<Source>, StoreError> {
    let row = Entity::find()
        .filter(Column::TokenHash.eq(token_hash(token).to_vec()))
        .filter(Column::DeletedAt.is_null())
        .one(&database.orm)
        .await?;
    row.map(|row| row.read(sealer)).transpose()
}

/// The source of this id, deleted or not.
///
/// # Errors
/// Where the database or the sealer refuses.
pub async fn by_id(
    database: &Database,
    scope: Scope,
    sealer: &Sealer,
    id: SourceId,
) -> Result<Option<Source>, StoreError> {
    let row = Entity::find_by_id((scope.workspace().0, id.0)).one(&database.orm).await?;
    row.map(|row| row.read(sealer)).transpose()
}

/// Every source that is not deleted with the token of its URL, oldest first.
///
/// # Errors
/// Where the database or the sealer refuses.
pub async fn list(database: &Database, scope: Scope, sealer: &Sealer) -> Result<Vec<(Source, String)>, StoreError> {
    let rows = Entity::find()
        .filter(Column::WorkspaceId.eq(scope.workspace().0))
        .filter(Column::DeletedAt.is_null())
        .order_by_asc(Column::Id)
        .all(&database.orm)
        .await?;
    rows.into_iter()
        .map(|row| {
            let token = row.token(sealer)?;
            Ok((row.read(sealer)?, token))
        })
        .collect()
}

/// The source of this id with the token of its URL, unless it is deleted.
///
/// # Errors
/// Where the database or the sealer refuses.
pub async fn with_token(
    database: &Database,
    scope: Scope,
    sealer: &Sealer,
    id: SourceId,
) -> Result<Option<(Source, String)>, StoreError> {
    let row =
        Entity::find_by_id((scope.workspace().0, id.0)).filter(Column::DeletedAt.is_null()).one(&database.orm).await?;
    let Some(row) = row else { return Ok(None) };
    let token = row.token(sealer)?;
    Ok(Some((row.read(sealer)?, token)))
}
