//! What people and programs change, each in one transaction with its idempotency key and its audit entry.

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

/// What a create made, now or under the same key before.
#[derive(Debug)]
pub struct Made<I> {
    /// Its id.
    pub id: I,
    /// The secret that is shown once; none on a repeat.
    pub secret: Option<SecretString>,
}

/// What is kept of it.
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

/// Begins an act, or returns what the one before made.
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

/// Makes an API key once, that may no more than its maker.
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

/// Another password for a member's person.
#[derive(Debug)]
pub struct PasswordChange {
    /// Whose.
    pub member: MemberId,
    /// The session that goes on.
    pub kept: SessionId,
    /// The password until now.
    pub old: SecretString,
    /// The password from now on.
    pub new: SecretString,
}

/// Changes a person's password and ends their other sessions, in each of their workspaces. Gives the workspaces in
/// which sessions ended.
///
/// # Errors
/// `RateLimited` where the old password was wrong too often, `Invalid` where it is wrong or the new one will not do;
/// those of [`MutationTx::begin`].
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
