//! Mutations of sources.

use std::time::Duration;

use inlet_domain::{
    ambient::Ambient,
    ids::{ProviderAccountId, SourceId},
    model::provider::Provider,
    secrets::Sealer,
};
use secrecy::SecretString;

use super::begin;
use super::{
    super::{
        mutation_tx::MutationRequest,
        sources::{self, NewSource},
    },
    Made,
};

use crate::{database::Database, error::StoreError};

/// Creates a source once.
///
/// # Errors
/// Those of [`sources::create`] and [`MutationTx::begin`].
pub async fn create_source(
    database: &Database,
    sealer: &Sealer,
    ambient: &Ambient,
    asked: &MutationRequest<'_>,
    new: NewSource,
) -> Result<Made<SourceId>, StoreError> {
    let mut act = begin!(database, ambient, asked);
    let (id, _token) = sources::create(act.conn(), asked.scope, sealer, ambient, new).await?;
    Made { id, secret: None }.done(act).await
}

/// Creates an account with a provider once.
///
/// # Errors
/// Those of [`sources::create_account`] and [`MutationTx::begin`].
pub async fn create_provider_account(
    database: &Database,
    ambient: &Ambient,
    asked: &MutationRequest<'_>,
    provider: Provider,
    name: &str,
) -> Result<Made<ProviderAccountId>, StoreError> {
    let mut act = begin!(database, ambient, asked);
    let id = sources::create_account(act.conn(), asked.scope, ambient, provider, name).await?;
    Made { id, secret: None }.done(act).await
}

/// A change of a source.
pub enum SourceChange<'a> {
    /// Change the settings. With `finish_rotation`, only the newest secret stays valid.
    Update {
        /// The revision that the caller read. Another revision in the database is a conflict.
        if_revision: Option<i64>,
        /// End the overlap of a rotation.
        finish_rotation: bool,
        /// The change of the settings.
        change: sources::Change<'a>,
    },
    /// Set a new secret, random if none is given. The earlier secrets stay valid for `overlap`.
    Rotate {
        /// The new secret.
        secret: Option<SecretString>,
        /// The time for which the earlier secrets stay valid.
        overlap: Duration,
    },
    /// Delete the source.
    Delete,
}

/// Changes a source, once for each key. The returned secret is a random one that this call made.
///
/// # Errors
/// Those of [`sources::update`], [`sources::rotate`], [`sources::delete`] and [`MutationTx::begin`].
pub async fn change_source(
    database: &Database,
    sealer: &Sealer,
    ambient: &Ambient,
    asked: &MutationRequest<'_>,
    id: SourceId,
    change: SourceChange<'_>,
) -> Result<Made<SourceId>, StoreError> {
    let (now, scope) = (ambient.now(), asked.scope);
    let mut act = begin!(database, ambient, asked);
    let mut secret = None;
    match change {
        SourceChange::Update { if_revision, finish_rotation, change } => {
            let settings = sources::Update { if_revision, finish_rotation, change };
            sources::update(act.conn(), scope, sealer, now, id, settings).await?;
        }
        SourceChange::Rotate { secret: given, overlap } => {
            let new = given.unwrap_or_else(|| {
                let made = SecretString::from(hex::encode(ambient.random_256()));
                secret = Some(made.clone());
                made
            });
            sources::rotate(act.conn(), scope, sealer, now, id, new, overlap).await?;
        }
        SourceChange::Delete => sources::delete(act.conn(), scope, now, id).await?,
    }
    let committed = Made { id, secret }.done(act).await;
    // Run this even if the answer to the commit was lost, because the commit may stand.
    database.sources_changed();
    committed
}
