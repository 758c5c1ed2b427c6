//! Making, changing, rotating and deleting sources and the accounts that they are of.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use inlet_domain::{
    ambient::Ambient,
    ids::{ChannelId, ProviderAccountId, SourceId},
    model::{
        channel::Medium,
        provider::{Provider, Verification},
        source::{CallLeg, SignatureSettings, Source, SourceSecret},
    },
    scope::Scope,
    secrets::{Sealer, new_token, token_hash},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sqlx::{PgConnection, Row, types::Json};

use super::{check, place, seal_secrets};
use crate::error::StoreError;

/// How many secrets count at once: more rotations than that within one overlap end the oldest.
const MOST_SECRETS: usize = 5;

/// How long two secrets may count.
const LONGEST_OVERLAP: Duration = Duration::from_secs(30 * 86_400);

/// How what comes to a source is understood, and from where it may come.
#[derive(Debug, Clone, Default)]
pub struct SourceSettings {
    /// How requests are signed, where that is not the provider's default.
    pub signature: SignatureSettings,
    /// Networks that may post; none means any.
    pub allowed_networks: Vec<String>,
    /// The IANA zone of times without one.
    pub time_zone: Option<String>,
    /// The ISO 3166 region of phone numbers without a country code.
    pub phone_region: Option<String>,
    /// Its own channel, one of its account.
    pub channel_id: Option<ChannelId>,
    /// The medium of its own channel, where that is not named: a channel has its own.
    pub medium: Option<Medium>,
    /// Hosts that a campaign report may be fetched from; none means the provider's own.
    pub report_hosts: Vec<String>,
    /// The provider's ids of users that are ours.
    pub own_user_ids: Vec<String>,
    /// Which leg of a call is the customer's.
    pub call_customer_leg: Option<CallLeg>,
    /// The mapping of a custom source, as it is written.
    pub mapping: Option<Value>,
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
    /// All else.
    pub settings: SourceSettings,
}

/// A change of a source: it gets what is there and what it is to be. Only the secrets are not its matter.
pub type Change<'a> = &'a (dyn Fn(&mut String, &mut Verification, &mut SourceSettings) + Sync);

/// What is to change of a source, and on what condition.
#[derive(Clone, Copy)]
pub struct Update<'a> {
    /// How it stood when the asker read it.
    pub if_revision: Option<i64>,
    /// Whether only the newest secret counts from now on.
    pub finish_rotation: bool,
    /// All else.
    pub change: Change<'a>,
}

fn refuse<T>(path: &'static str, message: impl Into<String>) -> Result<T, StoreError> {
    Err(StoreError::Invalid { path, message: message.into() })
}

/// Makes an account with a provider.
///
/// # Errors
/// [`StoreError::Invalid`] where the name will not do.
pub async fn create_account(
    conn: &mut PgConnection,
    scope: Scope,
    ambient: &Ambient,
    provider: Provider,
    name: &str,
) -> Result<ProviderAccountId, StoreError> {
    let name = check::name(name)?;
    let account = ProviderAccountId(ambient.uuid());
    sqlx::query(
        "INSERT INTO provider_account (workspace_id, id, provider, name, created_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(scope.workspace())
    .bind(account)
    .bind(provider.as_str())
    .bind(name)
    .bind(ambient.now())
    .execute(conn)
    .await?;
    Ok(account)
}

/// Makes a source, and an account for it where none is given. The token is the last part of its URL.
///
/// # Errors
/// [`StoreError::Invalid`] where the secret is missing, or a setting will not do; [`StoreError::Missing`] where the
/// account or the channel is not in this workspace.
pub async fn create(
    conn: &mut PgConnection,
    scope: Scope,
    sealer: &Sealer,
    ambient: &Ambient,
    mut new: NewSource,
) -> Result<(Source, String), StoreError> {
    new.name = check::name(&new.name)?;
    let secret = new.secret.take().filter(|secret| !secret.expose_secret().is_empty());
    if new.verification == Verification::Hmac && secret.is_none() {
        let message = "with `verification: HMAC` a secret is needed: give one, or set `verification: NONE`";
        return refuse("input.secret", message);
    }
    check::settings(&mut new.settings)?;
    let mapping = check::mapping(new.provider, new.settings.mapping.as_ref())?;
    let account = match new.account {
        Some(account) => {
            account_of_provider(&mut *conn, scope, account, new.provider).await?;
            account
        }
        None => create_account(&mut *conn, scope, ambient, new.provider, &new.name).await?,
    };
    channel_of_account(&mut *conn, scope, account, &mut new.settings).await?;

    let workspace = scope.workspace();
    let created_at = ambient.now();
    let id = SourceId(ambient.uuid());
    let token = new_token("", ambient);
    let secrets: Vec<SourceSecret> = secret.into_iter().map(SourceSecret::from).collect();
    sqlx::query(
        "INSERT INTO source (workspace_id, id, provider_account_id, provider, name, token_hash, sealed_token, \
         verification, sealed_secrets, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(workspace)
    .bind(id)
    .bind(account)
    .bind(new.provider.as_str())
    .bind(&new.name)
    .bind(token_hash(&token).as_slice())
    .bind(sealer.seal(&place(workspace, id.0, "sealed_token"), token.as_bytes()))
    .bind(new.verification.as_str())
    .bind(seal_secrets(sealer, workspace, id, &secrets))
    .bind(created_at)
    .execute(&mut *conn)
    .await?;
    write_settings(conn, scope, id, &new.settings).await?;

    let settings = new.settings;
    let source = Source {
        id,
        workspace,
        account,
        provider: new.provider,
        name: new.name,
        verification: new.verification,
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
        deleted: false,
        revision: 1,
        created_at,
    };
    Ok((source, token))
}

/// Changes a source.
///
/// # Errors
/// [`StoreError::Missing`] where there is none, [`StoreError::Conflict`] where it has changed since,
/// [`StoreError::Invalid`] where what it would become will not do.
pub async fn update(
    conn: &mut PgConnection,
    scope: Scope,
    sealer: &Sealer,
    now: DateTime<Utc>,
    id: SourceId,
    update: Update<'_>,
) -> Result<(), StoreError> {
    let standing = lock(&mut *conn, scope, sealer, id, now).await?;
    if update.if_revision.is_some_and(|read| read != standing.revision) {
        return Err(StoreError::Conflict { kind: "source", revision: standing.revision });
    }
    let Source { provider, account, mut name, mut verification, .. } = standing;
    let mut settings = SourceSettings {
        signature: standing.signature,
        allowed_networks: standing.allowed_networks,
        time_zone: standing.time_zone,
        phone_region: standing.phone_region,
        channel_id: standing.channel_id,
        medium: standing.medium,
        report_hosts: standing.report_hosts,
        own_user_ids: standing.own_user_ids,
        call_customer_leg: Some(standing.call_customer_leg),
        mapping: standing.mapping.map(|mapping| Arc::unwrap_or_clone(mapping).document),
    };
    (update.change)(&mut name, &mut verification, &mut settings);
    let name = check::name(&name)?;
    check::settings(&mut settings)?;
    check::mapping(provider, settings.mapping.as_ref())?;
    channel_of_account(&mut *conn, scope, account, &mut settings).await?;
    if verification == Verification::Hmac && standing.secrets.is_empty() {
        let message = "it has no secret: give it one with `rotateSourceSecret` first, or leave `verification: NONE`";
        return refuse("input.verification", message);
    }
    let mut secrets = standing.secrets;
    if update.finish_rotation {
        secrets.truncate(1);
    }
    sqlx::query(
        "UPDATE source SET name = $3, verification = $4, sealed_secrets = $5, revision = revision + 1 \
         WHERE workspace_id = $1 AND id = $2",
    )
    .bind(scope.workspace())
    .bind(id)
    .bind(&name)
    .bind(verification.as_str())
    .bind(seal_secrets(sealer, scope.workspace(), id, &secrets))
    .execute(&mut *conn)
    .await?;
    write_settings(conn, scope, id, &settings).await
}

/// Gives a source a new secret. The ones before go on counting for `overlap`, then no more; one that was to end sooner
/// ends then.
///
/// # Errors
/// [`StoreError::Missing`] where there is none, [`StoreError::Invalid`] where the secret is empty or counts already,
/// or the overlap is longer than 30 days.
pub async fn rotate(
    conn: &mut PgConnection,
    scope: Scope,
    sealer: &Sealer,
    now: DateTime<Utc>,
    id: SourceId,
    secret: SecretString,
    overlap: Duration,
) -> Result<(), StoreError> {
    if secret.expose_secret().is_empty() {
        return refuse("input.secret", "a secret is not empty: leave it out for a random one");
    }
    let until = match TimeDelta::from_std(overlap) {
        Ok(length) if overlap <= LONGEST_OVERLAP => now + length,
        _ => return refuse("input.overlapSeconds", "an overlap has 0 to 2,592,000 seconds, which are 30 days"),
    };
    let standing = lock(&mut *conn, scope, sealer, id, now).await?;
    if standing.secrets.iter().any(|it| it.secret.expose_secret() == secret.expose_secret()) {
        return refuse("input.secret", "this is a secret of the source already");
    }
    let before = standing
        .secrets
        .into_iter()
        .map(|it| SourceSecret { until: Some(it.until.map_or(until, |sooner| sooner.min(until))), ..it });
    let mut secrets = vec![SourceSecret::from(secret)];
    secrets.extend(before.filter(|it| it.counts(now)));
    secrets.truncate(MOST_SECRETS);
    sqlx::query("UPDATE source SET sealed_secrets = $3, revision = revision + 1 WHERE workspace_id = $1 AND id = $2")
        .bind(scope.workspace())
        .bind(id)
        .bind(seal_secrets(sealer, scope.workspace(), id, &secrets))
        .execute(conn)
        .await?;
    Ok(())
}

/// Deletes a source: its URL answers no more. What came to it stays.
///
/// # Errors
/// [`StoreError::Missing`] where there is none.
pub async fn delete(conn: &mut PgConnection, scope: Scope, now: DateTime<Utc>, id: SourceId) -> Result<(), StoreError> {
    let gone =
        sqlx::query("UPDATE source SET deleted_at = $3 WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL")
            .bind(scope.workspace())
            .bind(id)
            .bind(now)
            .execute(conn)
            .await?;
    if gone.rows_affected() == 0 { Err(StoreError::missing("source", "input.id")) } else { Ok(()) }
}

/// The source as it stands, locked until the end of the transaction, with the secrets that still count.
async fn lock(
    conn: &mut PgConnection,
    scope: Scope,
    sealer: &Sealer,
    id: SourceId,
    now: DateTime<Utc>,
) -> Result<Source, StoreError> {
    let row = sqlx::query(
        "SELECT * FROM source WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL FOR NO KEY UPDATE",
    )
    .bind(scope.workspace())
    .bind(id)
    .fetch_optional(conn)
    .await?
    .ok_or(StoreError::missing("source", "input.id"))?;
    let mut source = <super::Model as sqlx::FromRow<_>>::from_row(&row)?.read(sealer)?;
    source.secrets.retain(|secret| secret.counts(now));
    Ok(source)
}

async fn write_settings(
    conn: &mut PgConnection,
    scope: Scope,
    id: SourceId,
    settings: &SourceSettings,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE source SET signature = $3, allowed_networks = $4, time_zone = $5, phone_region = $6, channel_id = $7, \
         medium = $8, report_hosts = $9, own_user_ids = $10, call_customer_leg = $11, mapping = $12::json \
         WHERE workspace_id = $1 AND id = $2",
    )
    .bind(scope.workspace())
    .bind(id)
    .bind(Json(&settings.signature))
    .bind(&settings.allowed_networks)
    .bind(&settings.time_zone)
    .bind(&settings.phone_region)
    .bind(settings.channel_id)
    .bind(settings.medium.map(Medium::as_str))
    .bind(&settings.report_hosts)
    .bind(&settings.own_user_ids)
    .bind(settings.call_customer_leg.unwrap_or(CallLeg::To).as_str())
    .bind(settings.mapping.as_ref().map(Value::to_string))
    .execute(conn)
    .await?;
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
        .ok_or(StoreError::missing("provider account", "input.providerAccountId"))?;
    let theirs: String = row.try_get(0)?;
    if theirs == provider.as_str() {
        return Ok(());
    }
    let message = format!("the account is one of {theirs}, the source of {provider}: they must be the same");
    refuse("input.providerAccountId", message)
}

/// A channel has its medium, whatever the settings say.
async fn channel_of_account(
    conn: &mut PgConnection,
    scope: Scope,
    account: ProviderAccountId,
    settings: &mut SourceSettings,
) -> Result<(), StoreError> {
    let Some(channel) = settings.channel_id else { return Ok(()) };
    let row = sqlx::query("SELECT provider_account_id, medium FROM channel WHERE workspace_id = $1 AND id = $2")
        .bind(scope.workspace())
        .bind(channel)
        .fetch_optional(conn)
        .await?
        .ok_or(StoreError::missing("channel", "input.channelId"))?;
    let theirs: ProviderAccountId = row.try_get(0)?;
    if theirs != account {
        return refuse("input.channelId", "the channel is on another provider account than the source");
    }
    settings.medium = Some(row.try_get(1)?);
    Ok(())
}
