//! Mutations of people and programs. Each is one transaction with its idempotency key and its audit entry.

mod of_sources;
mod of_webhooks;

use inlet_domain::{
    ambient::Ambient,
    ids::{AnyId, ApiKeyId, MemberId, SessionId, WorkspaceId},
    model::right::{Gift, Grant},
    secrets::Sealer,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::of_sources::{SourceChange, change_source, create_provider_account, create_source};
pub use self::of_webhooks::{
    MOST_RECOVERED, Recovered, WebhookChange, change_webhook, recover_webhook, redeliver, register_webhook,
    test_webhook,
};
use super::{
    api_keys::{self, NewApiKey},
    login_limits::{self, Gate},
    members::{self, MemberChange},
    mutation_tx::{Begun, MutationRequest, MutationTx},
    sessions,
};
use crate::{database::Database, error::StoreError};

/// The created object, from this mutation or an earlier one with the key.
#[derive(Debug)]
pub struct Made<I> {
    /// The object's id.
    pub id: I,
    /// The secret, shown once. None on a retry.
    pub secret: Option<SecretString>,
}

/// The stored answer.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    made: Uuid,
}

impl<I: From<Uuid> + Into<AnyId> + Copy> Made<I> {
    pub(super) fn before(kept: &Kept) -> Self {
        Self { id: I::from(kept.made), secret: None }
    }

    pub(super) async fn done(self, act: MutationTx<'_>) -> Result<Self, StoreError> {
        let id: AnyId = self.id.into();
        act.done(Some(id), &Kept { made: id.uuid() }).await?;
        Ok(self)
    }
}

/// Begins a mutation, or returns the answer of an earlier one with the key.
macro_rules! begin {
    ($database:expr, $ambient:expr, $asked:expr) => {
        match $crate::records::mutation_tx::MutationTx::begin::<$crate::records::mutations::Kept>(
            $database, $ambient, $asked,
        )
        .await?
        {
            $crate::records::mutation_tx::Begun::First(act) => act,
            $crate::records::mutation_tx::Begun::Repeat(kept) => return Ok(Made::before(&kept)),
        }
    };
}
use begin;

/// Creates an API key once. The key gets no right that its creator lacks.
///
/// # Errors
/// Those of [`Grant::check_gift`], [`api_keys::create`] and [`MutationTx::begin`].
pub async fn create_api_key(
    database: &Database,
    ambient: &Ambient,
    asked: &MutationRequest<'_>,
    grant: &Grant,
    new: &NewApiKey,
) -> Result<Made<ApiKeyId>, StoreError> {
    new.scopes.iter().try_for_each(|scope| grant.check_gift(&Gift::Scope(*scope)))?;
    let mut act = begin!(database, ambient, asked);
    let (id, token) = api_keys::create(act.conn(), ambient, asked.scope, asked.actor, new).await?;
    Made { id, secret: Some(token) }.done(act).await
}

/// Revokes an API key.
///
/// # Errors
/// Those of [`api_keys::revoke`] and [`MutationTx::begin`].
pub async fn revoke_api_key(
    database: &Database,
    ambient: &Ambient,
    asked: &MutationRequest<'_>,
    id: ApiKeyId,
) -> Result<Made<ApiKeyId>, StoreError> {
    let mut act = begin!(database, ambient, asked);
    api_keys::revoke(act.conn(), ambient, asked.scope, id).await?;
    Made { id, secret: None }.done(act).await
}

/// Changes a member.
///
/// # Errors
/// Those of [`members::update`] and [`MutationTx::begin`].
pub async fn update_member(
    database: &Database,
    ambient: &Ambient,
    asked: &MutationRequest<'_>,
    grant: &Grant,
    id: MemberId,
    change: &MemberChange,
) -> Result<Made<MemberId>, StoreError> {
    let mut act = begin!(database, ambient, asked);
    members::update(act.conn(), ambient, asked.scope, (asked.actor, grant), id, change).await?;
    Made { id, secret: None }.done(act).await
}

/// Ends a session.
///
/// # Errors
/// Those of [`sessions::revoke`] and [`MutationTx::begin`].
pub async fn revoke_session(
    database: &Database,
    ambient: &Ambient,
    asked: &MutationRequest<'_>,
    grant: &Grant,
    id: SessionId,
) -> Result<Made<SessionId>, StoreError> {
    let mut act = begin!(database, ambient, asked);
    sessions::revoke(act.conn(), ambient, asked.scope, id, (asked.actor, grant)).await?;
    Made { id, secret: None }.done(act).await
}

/// A change of the password of the person behind a member.
#[derive(Debug)]
pub struct PasswordChange {
    /// The member.
    pub member: MemberId,
    /// The session that stays.
    pub kept: SessionId,
    /// The old password.
    pub old: SecretString,
    /// The new password.
    pub new: SecretString,
}

/// Changes a person's password and ends their other sessions in all of their workspaces. Returns the workspaces in
/// which sessions ended.
///
/// # Errors
/// `RateLimited` where the old password was wrong too often; `Invalid` where the old password is wrong or the new one
/// is not valid; those of [`MutationTx::begin`].
pub async fn change_password(
    database: &Database,
    sealer: &Sealer,
    ambient: &Ambient,
    asked: &MutationRequest<'_>,
    change: PasswordChange,
) -> Result<Vec<WorkspaceId>, StoreError> {
    let (email, is_proven) = sessions::login_of(database, asked.scope, change.member).await?;
    let gate = if is_proven { Gate::Email(&email) } else { Gate::Workspace(&email, asked.scope.workspace()) };
    let tried = login_limits::count(database, sealer, ambient, gate, asked.origin.client).await?;
    let mut act = match MutationTx::begin::<Kept>(database, ambient, asked).await? {
        Begun::First(act) => act,
        Begun::Repeat(_) => {
            tried.give_back(&mut *database.writes.acquire().await?).await?;
            return Ok(Vec::new());
        }
    };
    let passwords = (change.old, change.new);
    let ended =
        sessions::change_password(act.conn(), ambient, asked.scope, change.member, change.kept, passwords).await?;
    tried.give_back(act.conn()).await?;
    Made { id: change.member, secret: None }.done(act).await?;
    Ok(ended)
}
