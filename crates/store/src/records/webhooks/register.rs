//! Registers webhooks, each from a position in the log.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use inlet_domain::{
    ambient::Ambient,
    event::API_VERSION,
    ids::WebhookId,
    model::{
        target::TargetPolicy,
        webhook::{LegacySignature, WebhookStatus},
    },
    scope::Scope,
    secrets::Sealer,
};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{
    HeaderChange, Settings, SigningSecret, Webhook, check,
    secrets::{seal_headers, seal_legacy, seal_secrets},
};
use crate::{error::StoreError, log};

/// A new webhook.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// The settings that are no secret.
    pub settings: Settings,
    /// A legacy signature beside ours, for a consumer that expects one.
    pub legacy_signature: Option<LegacySignature>,
    /// The headers of its own.
    pub headers: Vec<HeaderChange>,
    /// The URLs that this server allows.
    pub targets: TargetPolicy,
}

/// Registers a webhook. It receives every event that commits after it. The function locks the log until the end of the
/// transaction, so call it last. Returns the secret, which is stored sealed.
///
/// # Errors
/// [`StoreError::Invalid`] with the path of the refused input, [`StoreError::Missing`] where the input names an unknown
/// channel or label.
pub async fn register(
    conn: &mut sqlx::PgConnection,
    scope: Scope,
    sealer: &Sealer,
    ambient: &Ambient,
    new: NewWebhook,
) -> Result<(Webhook, SecretString), StoreError> {
    let settings = check::settings(new.settings, new.targets)?;
    let legacy = new.legacy_signature.map(check::legacy).transpose()?;
    let header = legacy.as_ref().map(|legacy| legacy.header.as_str());
    let (headers, sealed_values) = check::headers(new.headers, &BTreeMap::new(), header)?;
    check::composition(&settings, &headers, header, new.targets)?;
    check::references(&mut *conn, scope, &settings).await?;

    let workspace = scope.workspace();
    let id = WebhookId(ambient.uuid());
    let secret = new_secret(ambient);
    let secrets = [SigningSecret { secret: secret.clone(), until: None }];

    log::lock(conn, &[workspace]).await?;
    let head = log::state(&mut *conn, scope).await?.head;
    let webhook = Webhook {
        id,
        workspace,
        status: WebhookStatus::Active,
        api_version: API_VERSION.to_owned(),
        settings,
        headers,
        has_legacy_signature: legacy.is_some(),
        start_seq: head,
        revision: 1,
        created_at: ambient.now(),
        disabled_reason: None,
        rotation_ends_at: None,
        recovering: false,
    };
    let settings = &webhook.settings;
    sqlx::query(
        "INSERT INTO webhook (workspace_id, id, name, url, status, event_types, include_notes, api_version, \
           sealed_secrets, sealed_legacy_signature, timeout_seconds, max_attempts, retry_preset, max_concurrency, \
           start_seq, created_at, filter, channel_id, rate_limit, retry_delays, headers, sealed_headers, \
           composition) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, \
           $23)",
    )
    .bind(workspace)
    .bind(id)
    .bind(&settings.name)
    .bind(&settings.url)
    .bind(webhook.status)
    .bind(&settings.event_types)
    .bind(settings.include_notes)
    .bind(&webhook.api_version)
    .bind(seal_secrets(sealer, workspace, id, &secrets))
    .bind(legacy.map(|legacy| seal_legacy(sealer, workspace, id, &legacy)))
    .bind(settings.timeout())
    .bind(settings.attempts())
    .bind(settings.retry_preset)
    .bind(settings.max_concurrency)
    .bind(webhook.start_seq)
    .bind(webhook.created_at)
    .bind(sqlx::types::Json(&settings.filter))
    .bind(settings.channel)
    .bind(settings.rate_limit)
    .bind(&settings.retry_delays)
    .bind(sqlx::types::Json(&webhook.headers))
    .bind((!sealed_values.is_empty()).then(|| seal_headers(sealer, workspace, id, &sealed_values)))
    .bind(settings.composition.as_ref().map(sqlx::types::Json))
    .execute(&mut *conn)
    .await?;
    sqlx::query("INSERT INTO dispatch_cursor (workspace_id, seq) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(workspace)
        .bind(head)
        .execute(&mut *conn)
        .await?;
    Ok((webhook, secret))
}

/// `whsec_` and the base64 of 192 random bits. Standard Webhooks asks for 24 to 64 bytes.
pub(super) fn new_secret(ambient: &Ambient) -> SecretString {
    let mut bytes = Zeroizing::new([0; 24]);
    ambient.fill(bytes.as_mut());
    format!("whsec_{}", STANDARD.encode(bytes.as_ref())).into()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn secrets_are_as_standard_webhooks_wants_them() {
        let secret = new_secret(&Ambient::system());
        let encoded = secret.expose_secret().strip_prefix("whsec_").unwrap();
        assert_eq!(STANDARD.decode(encoded).unwrap().len(), 24);
    }
}
