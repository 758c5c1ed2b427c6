//! Sources: the URLs that providers post to, with the secrets that prove who posts.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{PgConnection, Row};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    ambient::Ambient,
    database::Database,
    error::StoreError,
    ids::{ChannelId, ProviderAccountId, SourceId, WorkspaceId},
    model::{
        channel::Medium,
        provider::{Provider, Verification},
    },
    scope::Scope,
    secrets::{Place, Sealer, new_token, token_hash},
};

/// A URL of one provider account, `{public_url}/in/{token}`, and how what comes to it is read.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its id.
    pub id: SourceId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The account whose ids its events speak of; sources may share one (OR-16).
    pub account: ProviderAccountId,
    /// Which adapter reads it.
    pub provider: Provider,
    /// A name for people.
    pub name: String,
    /// How a request proves itself.
    pub verification: Verification,
    /// The secrets, newest first: more than one while they rotate.
    pub secrets: Vec<SecretString>,
    /// Networks in CIDR notation that may post; none means any.
    pub allowed_networks: Vec<String>,
    /// The IANA zone of times without one; none means the provider's default.
    pub time_zone: Option<String>,
    /// The ISO 3166 region of phone numbers without a country code.
    pub phone_region: Option<String>,
    /// The source's own channel, where events name none.
    pub channel_id: Option<ChannelId>,
    /// The medium of its own channel, where events name none.
    pub medium: Option<Medium>,
    /// Hosts that a campaign report may be fetched from (OR-13); none means the provider's own.
    pub report_hosts: Vec<String>,
    /// Whether it is gone: its URL answers no more.
    pub deleted: bool,
    /// Since when it is.
    pub created_at: DateTime<Utc>,
}

/// What a new source is made of.
#[derive(Debug, Clone)]
pub struct NewSource {
    /// A name for people.
    pub name: String,
    /// Which adapter reads it.
    pub provider: Provider,
    /// The account to share; none makes a new one.
    pub account: Option<ProviderAccountId>,
    /// How a request proves itself.
    pub verification: Verification,
    /// The secret; needed with [`Verification::Hmac`].
    pub secret: Option<SecretString>,
    /// The IANA zone of times without one.
    pub time_zone: Option<String>,
    /// The ISO 3166 region of phone numbers without a country code.
    pub phone_region: Option<String>,
    /// The medium of its own channel.
    pub medium: Option<Medium>,
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
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
        let secrets: Vec<SecretString> = serde_json::from_slice::<Vec<String>>(&plain)
            .map_err(|_| self.invalid("sealed_secrets", "not a JSON array of texts"))?
            .into_iter()
            .map(SecretString::from)
            .collect();
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
            secrets,
            name: self.name,
            allowed_networks: self.allowed_networks,
            time_zone: self.time_zone,
            phone_region: self.phone_region,
            channel_id: self.channel_id.map(ChannelId),
            report_hosts: self.report_hosts,
            deleted: self.deleted_at.is_some(),
            created_at: self.created_at,
        })
    }

    fn token(&self, sealer: &Sealer) -> Result<String, StoreError> {
        let place = place(WorkspaceId(self.workspace_id), self.id, "sealed_token");
        let plain = sealer.open(&place, &self.sealed_token)?;
        String::from_utf8(plain.to_vec()).map_err(|_| self.invalid("sealed_token", "not text"))
    }
}

/// Makes a source, and an account for it where none is given. The token is the last part of its URL.
///
/// # Errors
/// [`StoreError::Invalid`] where the secret is missing, or a zone, region or provider does not fit;
/// [`StoreError::NotFound`] where the account is not in this workspace.
pub async fn create(
    conn: &mut PgConnection,
    scope: Scope,
    sealer: &Sealer,
    ambient: &Ambient,
    new: NewSource,
) -> Result<(Source, String), StoreError> {
    check(&new)?;
    let workspace = scope.workspace();
    let created_at = ambient.now();
    let account = match new.account {
        Some(account) => {
            account_of_provider(conn, scope, account, new.provider).await?;
            account
        }
        None => {
            let account = ProviderAccountId(ambient.uuid());
            sqlx::query(
                "INSERT INTO provider_account (workspace_id, id, provider, name, created_at) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(workspace)
            .bind(account)
            .bind(new.provider.as_str())
            .bind(&new.name)
            .bind(created_at)
            .execute(&mut *conn)
            .await?;
            account
        }
    };

    let id = SourceId(ambient.uuid());
    let token = new_token("", ambient);
    let secrets: Vec<SecretString> = new.secret.into_iter().collect();
    let plain = Zeroizing::new(
        serde_json::Value::from(secrets.iter().map(|secret| secret.expose_secret()).collect::<Vec<_>>()).to_string(),
    );
    sqlx::query(
        "INSERT INTO source (workspace_id, id, provider_account_id, provider, name, token_hash, sealed_token, \
         verification, sealed_secrets, time_zone, phone_region, medium, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(workspace)
    .bind(id)
    .bind(account)
    .bind(new.provider.as_str())
    .bind(&new.name)
    .bind(token_hash(&token).as_slice())
    .bind(sealer.seal(&place(workspace, id.0, "sealed_token"), token.as_bytes()))
    .bind(new.verification.as_str())
    .bind(sealer.seal(&place(workspace, id.0, "sealed_secrets"), plain.as_bytes()))
    .bind(&new.time_zone)
    .bind(&new.phone_region)
    .bind(new.medium.map(Medium::as_str))
    .bind(created_at)
    .execute(&mut *conn)
    .await?;

    let source = Source {
        id,
        workspace,
        account,
        provider: new.provider,
        name: new.name,
        verification: new.verification,
        secrets,
        allowed_networks: Vec::new(),
        time_zone: new.time_zone,
        phone_region: new.phone_region,
        channel_id: None,
        medium: new.medium,
        report_hosts: Vec::new(),
        deleted: false,
        created_at,
    };
    Ok((source, token))
}

fn check(new: &NewSource) -> Result<(), StoreError> {
    let refuse = |path, message: String| Err(StoreError::Invalid { path, message });
    if new.name.trim().is_empty() {
        return refuse("input.name", "a source needs a name".to_owned());
    }
    let secret_given = new.secret.as_ref().is_some_and(|secret| !secret.expose_secret().is_empty());
    if new.verification == Verification::Hmac && !secret_given {
        let message = "with `verification: HMAC` a secret is needed: give one, or set `verification: NONE`";
        return refuse("input.secret", message.to_owned());
    }
    if let Some(zone) = &new.time_zone
        && zone.parse::<Tz>().is_err()
    {
        return refuse("input.timeZone", format!("`{zone}` is not an IANA time zone such as `Asia/Kolkata`"));
    }
    if let Some(region) = &new.phone_region
        && !(region.len() == 2 && region.bytes().all(|b| b.is_ascii_uppercase()))
    {
        return refuse("input.phoneRegion", format!("`{region}` is not an ISO 3166 region such as `IN`"));
    }
    Ok(())
}

async fn account_of_provider(
    conn: &mut PgConnection,
    scope: Scope,
    account: ProviderAccountId,
    provider: Provider,
) -> Result<(), StoreError> {
    let row = sqlx::query("SELECT provider FROM provider_account WHERE workspace_id = $1 AND id = $2")
        .bind(scope.workspace())
        .bind(account)
        .fetch_optional(conn)
        .await?
        .ok_or(StoreError::NotFound { kind: "provider account" })?;
    let theirs: String = row.try_get(0)?;
    if theirs == provider.as_str() {
        Ok(())
    } else {
        let message = format!("the account is one of {theirs}, the source of {provider}: they must be the same");
        Err(StoreError::Invalid { path: "input.providerAccountId", message })
    }
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
