//! Changes webhooks. A change applies to all later dispatches, and within one poll to claimed deliveries.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use inlet_domain::{
    ambient::Ambient,
    ids::WebhookId,
    model::{
        right::{Gift, Grant},
        target::TargetPolicy,
        webhook::{LegacySignature, WebhookStatus},
    },
    scope::Scope,
    secrets::Sealer,
};
use secrecy::SecretString;
use sqlx::{FromRow, PgConnection, Row, postgres::PgRow, types::Json};

use super::{
    HeaderChange, Settings, SigningSecret, Webhook, check,
    register::new_secret,
    secrets::{open_headers, open_legacy, open_secrets, seal_headers, seal_legacy, seal_secrets},
};
use crate::error::StoreError;

/// The most valid secrets of a webhook. A further rotation within one overlap ends the oldest.
const MOST_SECRETS: usize = 5;

/// The longest overlap of two secrets.
const LONGEST_OVERLAP: Duration = Duration::from_secs(30 * 86_400);

/// A function that changes the settings of a webhook in place.
pub type Change<'a> = &'a (dyn Fn(&mut Settings) + Sync);

/// An update of a webhook, and its condition.
pub struct Update<'a> {
    /// The revision that the caller read. Another revision in the database is a conflict.
    pub if_revision: Option<i64>,
    /// The change of the settings.
    pub change: Change<'a>,
    /// The legacy signature: a new one, or none. `None` leaves it as it is.
    pub legacy_signature: Option<Option<LegacySignature>>,
    /// All headers of its own. `None` leaves them as they are.
    pub headers: Option<Vec<HeaderChange>>,
    /// The URLs that this server allows.
    pub targets: TargetPolicy,
    /// The caller's rights.
    pub grant: &'a Grant,
}

/// The row, locked until the end of the transaction.
async fn lock(conn: &mut PgConnection, scope: Scope, id: WebhookId) -> Result<(Webhook, PgRow), StoreError> {
    let row = sqlx::query(
        "SELECT * FROM webhook WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL FOR NO KEY UPDATE",
    )
    .bind(scope.workspace())
    .bind(id)
    .fetch_optional(conn)
    .await?
    .ok_or(StoreError::missing("webhook", "input.id"))?;
    Ok((Webhook::from_row(&row)?, row))
}

/// Changes a webhook.
///
/// # Errors
/// [`StoreError::Missing`] where there is no such webhook, channel or label; [`StoreError::Conflict`] where the webhook
/// has another revision; [`StoreError::Invalid`] where a new setting is not valid, or a secret header would go to
/// another origin than the one it was given for; [`StoreError::Forbidden`] where the receiver would learn something
/// that the caller may not read.
pub async fn update(
    conn: &mut PgConnection,
    scope: Scope,
    sealer: &Sealer,
    id: WebhookId,
    update: Update<'_>,
) -> Result<(), StoreError> {
    let (standing, row) = lock(&mut *conn, scope, id).await?;
    if update.if_revision.is_some_and(|read| read != standing.revision) {
        return Err(StoreError::Conflict { kind: "webhook", revision: standing.revision });
    }
    let workspace = scope.workspace();
    let sealed: Option<Vec<u8>> = row.try_get("sealed_legacy_signature")?;
    let legacy = match update.legacy_signature {
        Some(given) => given.map(check::legacy).transpose()?,
        None => sealed.map(|sealed| open_legacy(sealer, workspace, id, &sealed)).transpose()?,
    };
    let sealed: Option<Vec<u8>> = row.try_get("sealed_headers")?;
    let secret_values = sealed.map(|sealed| open_headers(sealer, workspace, id, &sealed)).transpose()?;
    let mut values = secret_values.unwrap_or_default();
    let secret_names: BTreeSet<String> = values.keys().cloned().collect();
    values.extend(standing.headers.iter().filter_map(|it| Some((it.name.clone(), it.value.clone()?.into()))));
    let headers = update.headers.unwrap_or_else(|| standing.headers.iter().map(unchanged).collect());
    let goes_on = |it: &&HeaderChange| it.value.is_none() && secret_names.contains(&it.name.to_ascii_lowercase());
    let kept_secrets: Vec<HeaderChange> = headers.iter().filter(goes_on).cloned().collect();
    let former_url = standing.settings.url.clone();
    let (headers, sealed_values) = check::headers(headers, &values, legacy.as_ref().map(|it| it.header.as_str()))?;

    let mut settings = standing.settings;
    let former_gift = settings.gift();
    (update.change)(&mut settings);
    let settings = check::settings(settings, update.targets)?;
    if let Some(gift) = settings.gift() {
        // Another URL is another receiver, which has received nothing yet.
        let before = former_gift.filter(|_| settings.url == former_url).map(Gift::rights);
        update.grant.check_growth(&before.unwrap_or_default(), &gift)?;
    }
    check::kept_secrets(&kept_secrets, (&former_url, &settings.url))?;
    check::composition(&settings, &headers, legacy.as_ref().map(|it| it.header.as_str()), update.targets)?;
    check::references(&mut *conn, scope, &settings).await?;
    sqlx::query(
        "UPDATE webhook SET name = $3, url = $4, event_types = $5, include_notes = $6, filter = $7, channel_id = $8, \
           timeout_seconds = $9, max_attempts = $10, retry_preset = $11, retry_delays = $12, max_concurrency = $13, \
           rate_limit = $14, headers = $15, sealed_headers = $16, sealed_legacy_signature = $17, composition = $18, \
           revision = revision + 1 \
         WHERE workspace_id = $1 AND id = $2",
    )
    .bind(workspace)
    .bind(id)
    .bind(&settings.name)
    .bind(&settings.url)
    .bind(&settings.event_types)
    .bind(settings.include_notes)
    .bind(Json(&settings.filter))
    .bind(settings.channel)
    .bind(settings.timeout())
    .bind(settings.attempts())
    .bind(settings.retry_preset)
    .bind(&settings.retry_delays)
    .bind(settings.max_concurrency)
    .bind(settings.rate_limit)
    .bind(Json(&headers))
    .bind((!sealed_values.is_empty()).then(|| seal_headers(sealer, workspace, id, &sealed_values)))
    .bind(legacy.map(|legacy| seal_legacy(sealer, workspace, id, &legacy)))
    .bind(settings.composition.as_ref().map(Json))
    .execute(conn)
    .await?;
    Ok(())
}

fn unchanged(header: &super::OwnHeader) -> HeaderChange {
    HeaderChange { name: header.name.clone(), value: None, secret: header.secret }
}

/// Deletes a webhook. Nothing more is sent to it. Its past deliveries stay until their retention ends.
///
/// # Errors
/// [`StoreError::Missing`] where there is no such webhook.
pub async fn delete(
    conn: &mut PgConnection,
    scope: Scope,
    now: DateTime<Utc>,
    id: WebhookId,
) -> Result<(), StoreError> {
    lock(&mut *conn, scope, id).await?;
    sqlx::query("UPDATE webhook SET deleted_at = $3, revision = revision + 1 WHERE workspace_id = $1 AND id = $2")
        .bind(scope.workspace())
        .bind(id)
        .bind(now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Gives a webhook a new random secret and returns it. The earlier secrets stay valid for `overlap`, or until their own
/// end if that comes first.
///
/// # Errors
/// [`StoreError::Missing`] where there is no such webhook, [`StoreError::Invalid`] where the overlap is longer than 30
/// days.
pub async fn rotate(
    conn: &mut PgConnection,
    scope: Scope,
    sealer: &Sealer,
    ambient: &Ambient,
    id: WebhookId,
    overlap: Duration,
) -> Result<SecretString, StoreError> {
    let now = ambient.now();
    let until = match TimeDelta::from_std(overlap) {
        Ok(length) if overlap <= LONGEST_OVERLAP => now + length,
        _ => {
            let message = "an overlap must have 0 to 2,592,000 seconds (30 days)".to_owned();
            return Err(StoreError::Invalid { path: "input.overlapSeconds", message });
        }
    };
    let (_, row) = lock(&mut *conn, scope, id).await?;
    let standing = open_secrets(sealer, scope.workspace(), id, row.try_get("sealed_secrets")?)?;
    let secret = new_secret(ambient);
    let ended =
        |it: SigningSecret| SigningSecret { until: Some(it.until.map_or(until, |sooner| sooner.min(until))), ..it };
    let mut secrets = vec![SigningSecret { secret: secret.clone(), until: None }];
    secrets.extend(standing.into_iter().map(ended).filter(|it| it.counts(now)));
    secrets.truncate(MOST_SECRETS);
    keep_secrets(conn, scope, sealer, id, &secrets).await?;
    Ok(secret)
}

/// Ends the overlap of a rotation: only the newest secret stays valid.
///
/// # Errors
/// [`StoreError::Missing`] where there is no such webhook.
pub async fn finish_rotation(
    conn: &mut PgConnection,
    scope: Scope,
    sealer: &Sealer,
    id: WebhookId,
) -> Result<(), StoreError> {
    let (_, row) = lock(&mut *conn, scope, id).await?;
    let mut secrets = open_secrets(sealer, scope.workspace(), id, row.try_get("sealed_secrets")?)?;
    secrets.truncate(1);
    keep_secrets(conn, scope, sealer, id, &secrets).await
}

async fn keep_secrets(
    conn: &mut PgConnection,
    scope: Scope,
    sealer: &Sealer,
    id: WebhookId,
    secrets: &[SigningSecret],
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE webhook SET sealed_secrets = $3, rotation_ends_at = $4, revision = revision + 1 \
         WHERE workspace_id = $1 AND id = $2",
    )
    .bind(scope.workspace())
    .bind(id)
    .bind(seal_secrets(sealer, scope.workspace(), id, secrets))
    .bind(secrets.iter().filter_map(|secret| secret.until).max())
    .execute(conn)
    .await?;
    Ok(())
}

/// Pauses a webhook: its events are held until someone resumes it. Running requests finish.
///
/// # Errors
/// [`StoreError::Missing`] where there is no such webhook, [`StoreError::Invalid`] where it is disabled.
pub async fn pause(conn: &mut PgConnection, scope: Scope, id: WebhookId) -> Result<(), StoreError> {
    let (webhook, _) = lock(&mut *conn, scope, id).await?;
    match webhook.status {
        WebhookStatus::Paused => Ok(()),
        WebhookStatus::Active => set_status(conn, scope, id, WebhookStatus::Paused, false).await,
        WebhookStatus::Disabled => {
            let message =
                "the webhook is disabled, so it cannot be paused: resume it with `resumeWebhook` first".to_owned();
            Err(StoreError::Invalid { path: "input.id", message })
        }
    }
}

/// Resumes a paused or disabled webhook. Held deliveries are sent now; skipped ones stay skipped.
///
/// # Errors
/// [`StoreError::Missing`] where there is no such webhook.
pub async fn resume(conn: &mut PgConnection, scope: Scope, id: WebhookId) -> Result<(), StoreError> {
    let (webhook, _) = lock(&mut *conn, scope, id).await?;
    match webhook.status {
        WebhookStatus::Active => Ok(()),
        WebhookStatus::Paused => set_status(conn, scope, id, WebhookStatus::Active, webhook.recovering).await,
        WebhookStatus::Disabled => {
            sqlx::query("DELETE FROM webhook_health WHERE workspace_id = $1 AND webhook_id = $2")
                .bind(scope.workspace())
                .bind(id)
                .execute(&mut *conn)
                .await?;
            set_status(conn, scope, id, WebhookStatus::Active, true).await
        }
    }
}

async fn set_status(
    conn: &mut PgConnection,
    scope: Scope,
    id: WebhookId,
    status: WebhookStatus,
    recovering: bool,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE webhook SET status = $3, recovering = $4, disabled_reason = NULL, revision = revision + 1 \
         WHERE workspace_id = $1 AND id = $2",
    )
    .bind(scope.workspace())
    .bind(id)
    .bind(status.as_str())
    .bind(recovering)
    .execute(conn)
    .await?;
    Ok(())
}
