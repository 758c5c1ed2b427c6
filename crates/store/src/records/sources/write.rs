//! Writes of sources and of their accounts.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use inlet_domain::{
    ambient::Ambient,
    ids::{ChannelId, ProviderAccountId, SourceId},
    model::{
        channel::Medium,
        provider::{Provider, Verification},
        source::{CallLeg, SignatureSettings, SourceSecret},
    },
    scope::Scope,
    secrets::{Sealer, new_token, token_hash},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sqlx::{FromRow, PgConnection, types::Json};

use super::{Row, check, place, seal_secrets, select_source};
use crate::error::StoreError;

/// The most valid secrets of a source. A further rotation within one overlap ends the oldest.
const MOST_SECRETS: usize = 5;

/// The longest overlap of two secrets.
const LONGEST_OVERLAP: Duration = Duration::from_secs(30 * 86_400);

/// The settings of a source: who may post, and how the server reads what they post.
#[derive(Debug, Clone, Default, FromRow)]
pub struct SourceSettings {
    /// How requests are signed, where that differs from the provider's default.
    #[sqlx(json)]
    pub signature: SignatureSettings,
    /// The networks that may post. Empty: any network.
    pub allowed_networks: Vec<String>,
    /// The IANA time zone of times that name none.
    pub time_zone: Option<String>,
    /// The ISO 3166 region of phone numbers without a country code.
    pub phone_region: Option<String>,
    /// The source's own channel. It belongs to the source's account.
    pub channel_id: Option<ChannelId>,
    /// The medium of events that name none. With a `channel_id`, the medium of that channel.
    pub medium: Option<Medium>,
    /// The hosts from which a campaign report may be fetched. Empty: the provider's own.
    pub report_hosts: Vec<String>,
    /// The provider's ids of our users.
    pub own_user_ids: Vec<String>,
    /// The leg of a call that belongs to the customer. None: [`CallLeg::To`].
    pub call_customer_leg: Option<CallLeg>,
    /// The mapping of a custom source, as its author wrote it.
    pub mapping: Option<Value>,
}

/// A new source.
#[derive(Debug, Clone)]
pub struct NewSource {
    /// A name for people.
    pub name: String,
    /// The provider, whose adapter reads the requests.
    pub provider: Provider,
    /// The account to share. None: create one.
    pub account: Option<ProviderAccountId>,
    /// How a request proves itself.
    pub verification: Verification,
    /// The secret; needed with [`Verification::Hmac`].
    pub secret: Option<SecretString>,
    /// The other settings.
    pub settings: SourceSettings,
}

/// A function that changes the name, the verification and the settings of a source in place.
pub type Change<'a> = &'a (dyn Fn(&mut String, &mut Verification, &mut SourceSettings) + Sync);

/// An update of a source, and its condition.
#[derive(Clone, Copy)]
pub struct Update<'a> {
    /// The revision that the caller read. Another revision in the database is a conflict.
    pub if_revision: Option<i64>,
    /// End the rotation: only the newest secret stays valid.
    pub finish_rotation: bool,
    /// The change of the settings.
    pub change: Change<'a>,
}

fn refuse<T>(path: &'static str, message: impl Into<String>) -> Result<T, StoreError> {
    Err(StoreError::Invalid { path, message: message.into() })
}

/// Creates an account with a provider.
///
/// # Errors
/// [`StoreError::Invalid`] where the name is not valid.
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

/// Creates a source, and an account where `new` names none. Returns the source's id and the token, which is the last part
/// of its URL.
///
/// # Errors
/// [`StoreError::Invalid`] where the secret is missing or a setting is not valid; [`StoreError::Missing`] where the
/// account or the channel is not in this workspace.
pub async fn create(
    conn: &mut PgConnection,
    scope: Scope,
    sealer: &Sealer,
    ambient: &Ambient,
    mut new: NewSource,
) -> Result<(SourceId, String), StoreError> {
    new.name = check::name(&new.name)?;
    let secret = new.secret.take().filter(|secret| !secret.expose_secret().is_empty());
    if new.verification == Verification::Hmac && secret.is_none() {
        let message = "`verification: HMAC` needs a secret: give one, or set `verification: NONE`";
        return refuse("input.secret", message);
    }
    check::settings(&mut new.settings)?;
    check::mapping(new.provider, new.settings.mapping.as_ref())?;
    let account = match new.account {
        Some(account) => {
            account_of_provider(&mut *conn, scope, account, new.provider).await?;
            account
        }
        None => create_account(&mut *conn, scope, ambient, new.provider, &new.name).await?,
    };
    channel_of_account(&mut *conn, scope, account, &mut new.settings).await?;

    let workspace = scope.workspace();
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
    .bind(sealer.seal(&place(workspace, id, "sealed_token"), token.as_bytes()))
    .bind(new.verification.as_str())
    .bind(seal_secrets(sealer, workspace, id, &secrets))
    .bind(ambient.now())
    .execute(&mut *conn)
    .await?;
    write_settings(conn, scope, id, &new.settings).await?;

    Ok((id, token))
}

/// Changes a source.
///
/// # Errors
/// [`StoreError::Missing`] where there is no such source, [`StoreError::Conflict`] where it has another revision,
/// [`StoreError::Invalid`] where a new setting is not valid.
pub async fn update(
    conn: &mut PgConnection,
    scope: Scope,
    sealer: &Sealer,
    now: DateTime<Utc>,
    id: SourceId,
    update: Update<'_>,
) -> Result<(), StoreError> {
    let (standing, mut secrets) = lock(&mut *conn, scope, sealer, id, now).await?;
    if update.if_revision.is_some_and(|read| read != standing.revision) {
        return Err(StoreError::Conflict { kind: "source", revision: standing.revision });
    }
    let Row { provider, provider_account_id: account, mut name, mut verification, mut settings, .. } = standing;
    (update.change)(&mut name, &mut verification, &mut settings);
    let name = check::name(&name)?;
    check::settings(&mut settings)?;
    check::mapping(provider, settings.mapping.as_ref())?;
    channel_of_account(&mut *conn, scope, account, &mut settings).await?;
    if verification == Verification::Hmac && secrets.is_empty() {
        let message =
            "the source has no secret: set one with `rotateSourceSecret` first, or leave `verification: NONE`";
        return refuse("input.verification", message);
    }
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

/// Gives a source a new secret. The earlier secrets stay valid for `overlap`, or until their own end if that comes first.
///
/// # Errors
/// [`StoreError::Missing`] where there is no such source; [`StoreError::Invalid`] where the secret is empty or already
/// valid, or the overlap is longer than 30 days.
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
        return refuse("input.secret", "the secret is empty: give one, or leave it out for a random one");
    }
    let until = match TimeDelta::from_std(overlap) {
        Ok(length) if overlap <= LONGEST_OVERLAP => now + length,
        _ => return refuse("input.overlapSeconds", "an overlap must have 0 to 2,592,000 seconds (30 days)"),
    };
    let (_, standing) = lock(&mut *conn, scope, sealer, id, now).await?;
    if standing.iter().any(|it| it.secret.expose_secret() == secret.expose_secret()) {
        return refuse("input.secret", "the source already has this secret: give another one");
    }
    let before = standing
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

/// Deletes a source: its URL no longer works. The requests that it received stay.
///
/// # Errors
/// [`StoreError::Missing`] where there is no such source.
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

/// The row, locked until the end of the transaction, and the secrets that have not expired.
async fn lock(
    conn: &mut PgConnection,
    scope: Scope,
    sealer: &Sealer,
    id: SourceId,
    now: DateTime<Utc>,
) -> Result<(Row, Vec<SourceSecret>), StoreError> {
    let row: Row =
        sqlx::query_as(select_source!("WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL FOR NO KEY UPDATE"))
            .bind(scope.workspace())
            .bind(id)
            .fetch_optional(conn)
            .await?
            .ok_or(StoreError::missing("source", "input.id"))?;
    let mut secrets = row.secrets(sealer)?;
    secrets.retain(|secret| secret.counts(now));
    Ok((row, secrets))
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
    let theirs: Provider =
        sqlx::query_scalar("SELECT provider FROM provider_account WHERE workspace_id = $1 AND id = $2")
            .bind(scope.workspace())
            .bind(account)
            .fetch_optional(conn)
            .await?
            .ok_or(StoreError::missing("provider account", "input.providerAccountId"))?;
    if theirs == provider {
        return Ok(());
    }
    let message = format!("the account belongs to {theirs}, the source to {provider}: the provider must be the same");
    refuse("input.providerAccountId", message)
}

/// Checks that the channel belongs to the account, and sets the medium to that of the channel.
async fn channel_of_account(
    conn: &mut PgConnection,
    scope: Scope,
    account: ProviderAccountId,
    settings: &mut SourceSettings,
) -> Result<(), StoreError> {
    let Some(channel) = settings.channel_id else { return Ok(()) };
    let found = sqlx::query_as("SELECT provider_account_id, medium FROM channel WHERE workspace_id = $1 AND id = $2")
        .bind(scope.workspace())
        .bind(channel)
        .fetch_optional(conn)
        .await?;
    let (theirs, medium): (ProviderAccountId, Medium) =
        found.ok_or(StoreError::missing("channel", "input.channelId"))?;
    if theirs != account {
        return refuse(
            "input.channelId",
            "the channel belongs to another provider account than the source: choose one of the source's account",
        );
    }
    settings.medium = Some(medium);
    Ok(())
}
