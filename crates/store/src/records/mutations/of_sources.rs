//! Changes of sources.

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

/// Makes a source once.
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
    let (source, _token) = sources::create(act.conn(), asked.scope, sealer, ambient, new).await?;
    Made { id: source.id, secret: None }.done(act).await
}

/// Makes an account with a provider once.
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

/// What is to become of a source.
pub enum SourceChange<'a> {
    /// Its settings change; with `finish_rotation` only its newest secret counts from now on.
    Update {
        /// How it stood when the asker read it.
        if_revision: Option<i64>,
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
    // Also where the answer to the commit was lost: it may stand.
    database.sources_changed();
    committed
}
