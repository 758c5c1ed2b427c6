//! Registering a webhook: what is refused, and from which event on it is sent to.

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{Webhook, legacy_place, secrets_place};
use crate::{
    ambient::Ambient,
    error::StoreError,
    ids::WebhookId,
    log,
    model::{
        target::TargetPolicy,
        webhook::{LegacySignature, RetryPreset, WebhookStatus, is_event_pattern},
    },
    scope::Scope,
    secrets::Sealer,
};

/// The shape of the bodies that a webhook registered now gets, for as long as it stands.
pub const API_VERSION: &str = "2026-11";

/// What a new webhook is to be.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// For people; 1 to 200 characters.
    pub name: String,
    /// Where to post.
    pub url: String,
    /// Exact names or `<entity>.*`; none means all.
    pub event_types: Vec<String>,
    /// Whether notes and activities are sent too.
    pub include_notes: bool,
    /// Over connect and the whole exchange, 1 to 30; `None` is what the preset says.
    pub timeout_seconds: Option<i32>,
    /// 1 to 20; `None` is what the preset's delays allow.
    pub max_attempts: Option<i32>,
    /// How long to wait between attempts.
    pub retry_preset: RetryPreset,
    /// A plain HMAC beside ours, for a consumer that expects one.
    pub legacy_signature: Option<LegacySignature>,
    /// Which URLs this server allows.
    pub targets: TargetPolicy,
}

/// Registers a webhook. It gets every event that commits after it: the log is locked from here to the end of the
/// transaction, so call this last. The secret is given once and kept sealed.
///
/// # Errors
/// [`StoreError::Invalid`] with the path of the input that is refused; or the database's.
pub async fn register(
    conn: &mut sqlx::PgConnection,
    scope: Scope,
    sealer: &Sealer,
    ambient: &Ambient,
    new: NewWebhook,
) -> Result<(Webhook, SecretString), StoreError> {
    let new = checked(new)?;
    let workspace = scope.workspace();
    let id = WebhookId(ambient.uuid());
    let secret = new_secret(ambient);
    let secrets = Zeroizing::new(json_bytes(&[secret.expose_secret()]));
    let sealed_secrets = sealer.seal(&secrets_place(workspace, id), &secrets);
    let sealed_legacy_signature = new.legacy_signature.as_ref().map(|legacy| {
        let plain = Zeroizing::new(json_bytes(legacy));
        sealer.seal(&legacy_place(workspace, id), &plain)
    });

    log::lock(conn, &[workspace]).await?;
    let head = log::state(&mut *conn, scope).await?.head;
    let webhook = Webhook {
        id,
        workspace,
        name: new.name,
        url: new.url,
        status: WebhookStatus::Active,
        event_types: new.event_types,
        include_notes: new.include_notes,
        api_version: API_VERSION.to_owned(),
        timeout_seconds: new.timeout_seconds.unwrap_or(new.retry_preset.timeout_seconds()),
        max_attempts: new.max_attempts.unwrap_or(new.retry_preset.attempts()),
        retry_preset: new.retry_preset,
        max_concurrency: 64,
        has_legacy_signature: sealed_legacy_signature.is_some(),
        start_seq: head,
        revision: 1,
        created_at: ambient.now(),
        disabled_reason: None,
    };
    sqlx::query(
        "INSERT INTO webhook (workspace_id, id, name, url, status, event_types, include_notes, api_version, \
           sealed_secrets, sealed_legacy_signature, timeout_seconds, max_attempts, retry_preset, max_concurrency, \
           start_seq, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(workspace)
    .bind(id)
    .bind(&webhook.name)
    .bind(&webhook.url)
    .bind(webhook.status.as_str())
    .bind(&webhook.event_types)
    .bind(webhook.include_notes)
    .bind(&webhook.api_version)
    .bind(sealed_secrets)
    .bind(sealed_legacy_signature)
    .bind(webhook.timeout_seconds)
    .bind(webhook.max_attempts)
    .bind(webhook.retry_preset.as_str())
    .bind(webhook.max_concurrency)
    .bind(webhook.start_seq)
    .bind(webhook.created_at)
    .execute(&mut *conn)
    .await?;
    sqlx::query("INSERT INTO dispatch_cursor (workspace_id, seq) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(workspace)
        .bind(head)
        .execute(&mut *conn)
        .await?;
    Ok((webhook, secret))
}

/// `whsec_` and the base64 of 192 random bits, as Standard Webhooks asks (24 to 64 bytes).
fn new_secret(ambient: &Ambient) -> SecretString {
    let mut bytes = Zeroizing::new([0; 24]);
    ambient.fill(bytes.as_mut());
    format!("whsec_{}", STANDARD.encode(bytes.as_ref())).into()
}

fn json_bytes<T: serde::Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let Ok(bytes) = serde_json::to_vec(value) else { unreachable!("strings and words serialise") };
    bytes
}

fn checked(mut new: NewWebhook) -> Result<NewWebhook, StoreError> {
    let invalid = |path, message: String| Err(StoreError::Invalid { path, message });
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > 200 {
        return invalid("input.name", "a name has 1 to 200 characters".to_owned());
    }
    new.name = name.to_owned();
    match new.targets.check_url(new.url.trim()) {
        Ok(url) => new.url = url.into(),
        Err(error) => return invalid("input.url", error.to_string()),
    }
    if let Some(unknown) = new.event_types.iter().find(|pattern| !is_event_pattern(pattern)) {
        let shown: String = unknown.chars().take(64).collect();
        return invalid(
            "input.eventTypes",
            format!("`{shown}` is no event type: use a name such as `message.created`, or `message.*`"),
        );
    }
    new.event_types.sort();
    new.event_types.dedup();
    if new.timeout_seconds.is_some_and(|seconds| !(1..=30).contains(&seconds)) {
        return invalid("input.timeoutSeconds", "a timeout is 1 to 30 seconds".to_owned());
    }
    if new.max_attempts.is_some_and(|attempts| !(1..=20).contains(&attempts)) {
        return invalid("input.maxAttempts", "there may be 1 to 20 attempts".to_owned());
    }
    if let Some(legacy) = &mut new.legacy_signature {
        legacy.header.make_ascii_lowercase();
        if !is_free_header(&legacy.header) {
            return invalid(
                "input.legacySignature.header",
                "this must be a header name such as `x-signature` that Inlet and HTTP do not use themselves".to_owned(),
            );
        }
        if legacy.secret.expose_secret().is_empty() {
            return invalid("input.legacySignature.secret", "a secret may not be empty".to_owned());
        }
    }
    Ok(new)
}

/// A token (RFC 9110, section 5.6.2) that neither HTTP nor our own headers give a meaning to.
fn is_free_header(name: &str) -> bool {
    const TAKEN: &[&str] = &[
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
    ];
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    (1..=64).contains(&name.len())
        && name.bytes().all(token)
        && !TAKEN.contains(&name)
        && !name.starts_with("inlet-")
        && !name.starts_with("x-inlet-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::webhook::SignatureAlgorithm;

    fn new() -> NewWebhook {
        NewWebhook {
            name: " crm ".to_owned(),
            url: "http://127.0.0.1:9009/".to_owned(),
            event_types: vec!["message.created".to_owned(), "call.*".to_owned(), "message.created".to_owned()],
            include_notes: false,
            timeout_seconds: None,
            max_attempts: None,
            retry_preset: RetryPreset::Documented,
            legacy_signature: None,
            targets: TargetPolicy { allow_loopback: true, allow_http: false },
        }
    }

    fn refused(change: impl FnOnce(&mut NewWebhook)) -> &'static str {
        let mut webhook = new();
        change(&mut webhook);
        match checked(webhook) {
            Err(StoreError::Invalid { path, .. }) => path,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn input_is_tidied() {
        let tidy = checked(new()).unwrap();
        assert_eq!((tidy.name.as_str(), tidy.event_types), ("crm", vec!["call.*".into(), "message.created".into()]));
    }

    #[test]
    fn each_wrong_input_is_named() {
        assert_eq!(refused(|w| w.name = " ".to_owned()), "input.name");
        assert_eq!(refused(|w| w.url = "http://10.0.0.1/".to_owned()), "input.url");
        assert_eq!(refused(|w| w.targets.allow_loopback = false), "input.url");
        assert_eq!(refused(|w| w.event_types.push("message.reed".to_owned())), "input.eventTypes");
        assert_eq!(refused(|w| w.timeout_seconds = Some(31)), "input.timeoutSeconds");
        assert_eq!(refused(|w| w.max_attempts = Some(0)), "input.maxAttempts");
        let legacy = |header: &str, secret: &str| {
            let (header, secret) = (header.to_owned(), secret.to_owned().into());
            Some(LegacySignature { header, algorithm: SignatureAlgorithm::Sha256, secret })
        };
        for header in ["", "Content-Length", "webhook-id", "X-Inlet-Signature", "x signature", "x:y", "x\r\ny"] {
            let path = refused(|w| w.legacy_signature = legacy(header, "s"));
            assert_eq!(path, "input.legacySignature.header", "{header}");
        }
        assert_eq!(refused(|w| w.legacy_signature = legacy("x-sig", "")), "input.legacySignature.secret");
    }

    #[test]
    fn secrets_are_as_standard_webhooks_wants_them() {
        let secret = new_secret(&Ambient::system());
        let encoded = secret.expose_secret().strip_prefix("whsec_").unwrap();
        assert_eq!(STANDARD.decode(encoded).unwrap().len(), 24);
    }
}
