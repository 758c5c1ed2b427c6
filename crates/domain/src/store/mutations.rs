//! What people and programs change, each in one transaction with its idempotency key.

use std::time::Duration;

use secrecy::SecretString;
use uuid::Uuid;

use super::{
    credentials::{self, KeyScope, Viewer},
    mutation_keys::{Once, answer, claim},
    sources::{self, NewSource},
    webhooks::{self, NewWebhook},
};
use crate::{
    ambient::Ambient,
    database::Database,
    error::StoreError,
    ids::{ApiKeyId, ProviderAccountId, SourceId, WebhookId},
    model::provider::Provider,
    scope::Scope,
    secrets::Sealer,
};

/// What a create made, now or under the same key before.
#[derive(Debug)]
pub struct Made<I> {
    /// Its id.
    pub id: I,
    /// The secret that is shown once; none on a repeat.
    pub secret: Option<SecretString>,
}

impl<I: From<Uuid>> Made<I> {
    fn before(id: Uuid) -> Self {
        Self { id: I::from(id), secret: None }
    }
}

/// Registers a webhook once.
///
/// # Errors
/// Those of [`webhooks::register`] and [`claim`].
pub async fn register_webhook(
    database: &Database,
    sealer: &Sealer,
    ambient: &Ambient,
    once: &Once<'_>,
    new: NewWebhook,
) -> Result<Made<WebhookId>, StoreError> {
    let mut transaction = database.pool.begin().await?;
    if let Some(made) = claim(&mut transaction, ambient, once).await? {
        return Ok(Made::before(made));
    }
    let (webhook, secret) = webhooks::register(&mut transaction, once.scope, sealer, ambient, new).await?;
    answer(&mut transaction, once, webhook.id.0).await?;
    transaction.commit().await?;
    Ok(Made { id: webhook.id, secret: Some(secret) })
}

/// Makes a source once.
///
/// # Errors
/// Those of [`sources::create`] and [`claim`].
pub async fn create_source(
    database: &Database,
    sealer: &Sealer,
    ambient: &Ambient,
    once: &Once<'_>,
    new: NewSource,
) -> Result<Made<SourceId>, StoreError> {
    let mut transaction = database.pool.begin().await?;
    if let Some(made) = claim(&mut transaction, ambient, once).await? {
        return Ok(Made::before(made));
    }
    let (source, _token) = sources::create(&mut transaction, once.scope, sealer, ambient, new).await?;
    answer(&mut transaction, once, source.id.0).await?;
    transaction.commit().await?;
    Ok(Made { id: source.id, secret: None })
}

/// Makes an account with a provider once.
///
/// # Errors
/// Those of [`sources::create_account`] and [`claim`].
pub async fn create_provider_account(
    database: &Database,
    ambient: &Ambient,
    once: &Once<'_>,
    provider: Provider,
    name: &str,
) -> Result<Made<ProviderAccountId>, StoreError> {
    let mut transaction = database.pool.begin().await?;
    if let Some(made) = claim(&mut transaction, ambient, once).await? {
        return Ok(Made::before(made));
    }
    let id = sources::create_account(&mut transaction, once.scope, ambient, provider, name).await?;
    answer(&mut transaction, once, id.0).await?;
    transaction.commit().await?;
    Ok(Made { id, secret: None })
}

/// What is to become of a source.
pub enum SourceChange<'a> {
    /// Its settings change; with `finish_rotation` only its newest secret counts from now on.
    Update {
        /// Whether the overlap of a rotation ends.
        finish_rotation: bool,
        /// What changes.
        change: sources::Change<'a>,
    },
    /// It gets a new secret, random where none is given; the ones before count for `overlap`.
    Rotate {
        /// The new secret.
        secret: Option<SecretString>,
        /// How long the ones before count.
        overlap: Duration,
    },
    /// It is deleted.
    Delete,
}

/// Changes a source, once where there is a key. The secret that is given back is one that was made here.
///
/// # Errors
/// Those of [`sources::update`], [`sources::rotate`], [`sources::delete`] and [`claim`].
pub async fn change_source(
    database: &Database,
    sealer: &Sealer,
    ambient: &Ambient,
    scope: Scope,
    once: Option<&Once<'_>>,
    id: SourceId,
    change: SourceChange<'_>,
) -> Result<Made<SourceId>, StoreError> {
    let now = ambient.now();
    let mut transaction = database.pool.begin().await?;
    if let Some(once) = once
        && let Some(made) = claim(&mut transaction, ambient, once).await?
    {
        return Ok(Made::before(made));
    }
    let mut secret = None;
    match change {
        SourceChange::Update { finish_rotation, change } => {
            sources::update(&mut transaction, scope, sealer, now, id, finish_rotation, change).await?;
        }
        SourceChange::Rotate { secret: given, overlap } => {
            let new = given.unwrap_or_else(|| {
                let made = SecretString::from(hex::encode(ambient.random_256()));
                secret = Some(made.clone());
                made
            });
            sources::rotate(&mut transaction, scope, sealer, now, id, new, overlap).await?;
        }
        SourceChange::Delete => sources::delete(&mut transaction, scope, now, id).await?,
    }
    if let Some(once) = once {
        answer(&mut transaction, once, id.0).await?;
    }
    let committed = transaction.commit().await;
    // Also where the answer to the commit was lost: it may stand.
    database.sources_changed();
    committed?;
    Ok(Made { id, secret })
}

/// Makes an API key once.
///
/// # Errors
/// Those of [`credentials::create_api_key`] and [`claim`].
pub async fn create_api_key(
    database: &Database,
    ambient: &Ambient,
    once: &Once<'_>,
    name: &str,
    scopes: &[KeyScope],
) -> Result<Made<ApiKeyId>, StoreError> {
    let mut transaction = database.pool.begin().await?;
    if let Some(made) = claim(&mut transaction, ambient, once).await? {
        return Ok(Made::before(made));
    }
    let (id, token) = credentials::create_api_key(&mut transaction, ambient, once.scope, name, scopes).await?;
    answer(&mut transaction, once, id.0).await?;
    transaction.commit().await?;
    Ok(Made { id, secret: Some(token) })
}

/// Revokes an API key. False where there was none to revoke.
///
/// # Errors
/// Where the database fails.
pub async fn revoke_api_key(
    database: &Database,
    ambient: &Ambient,
    viewer: &Viewer,
    id: ApiKeyId,
) -> Result<bool, StoreError> {
    let mut conn = database.pool.acquire().await?;
    credentials::revoke_api_key(&mut conn, ambient, viewer.scope, id).await
}

/// Ends the viewer's own session. False where they have none: a program's key is revoked, not logged out.
///
/// # Errors
/// Where the database fails.
pub async fn logout(database: &Database, ambient: &Ambient, viewer: &Viewer) -> Result<bool, StoreError> {
    let Some(session) = viewer.session else { return Ok(false) };
    let mut conn = database.pool.acquire().await?;
    credentials::revoke_session(&mut conn, ambient, viewer.scope, session).await
}
