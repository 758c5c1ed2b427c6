//! What people and programs change, each in one transaction with its idempotency key and its audit entry.

use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    acts::{self, Act, Asked, Begun},
    api_keys::{self, NewApiKey},
    deliveries,
    login_limits::{self, Gate},
    members::{self, MemberChange},
    sessions,
    sources::{self, NewSource},
    webhooks::{self, NewWebhook},
};
use crate::{
    ambient::Ambient,
    database::Database,
    error::StoreError,
    ids::{AnyId, ApiKeyId, DeliveryId, MemberId, ProviderAccountId, SessionId, SourceId, WebhookId, WorkspaceId},
    model::{
        provider::Provider,
        right::{Gift, Grant},
        webhook::WebhookStatus,
    },
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

/// What is kept of it.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    made: Uuid,
}

impl<I: From<Uuid> + Into<AnyId> + Copy> Made<I> {
    pub(super) fn before(kept: &Kept) -> Self {
        Self { id: I::from(kept.made), secret: None }
    }

    pub(super) async fn done(self, act: Act<'_>) -> Result<Self, StoreError> {
        let id: AnyId = self.id.into();
        act.done(Some(id), &Kept { made: id.uuid() }).await?;
        Ok(self)
    }
}

/// Begins an act, or returns what the one before made.
macro_rules! begin {
    ($database:expr, $ambient:expr, $asked:expr) => {
        match Act::begin::<Kept>($database, $ambient, $asked).await? {
            Begun::First(act) => act,
            Begun::Repeat(kept) => return Ok(Made::before(&kept)),
        }
    };
}

/// Registers a webhook once. It is sent no more than who registers it may read.
///
/// # Errors
/// Those of [`Grant::check_gift`], [`webhooks::register`] and [`Act::begin`].
pub async fn register_webhook(
    database: &Database,
    sealer: &Sealer,
    ambient: &Ambient,
    asked: &Asked<'_>,
    grant: &Grant,
    new: NewWebhook,
) -> Result<Made<WebhookId>, StoreError> {
    if let Some(gift) = new.settings.gift() {
        grant.check_gift(&gift)?;
    }
    let mut act = begin!(database, ambient, asked);
    let (webhook, secret) = webhooks::register(act.conn(), asked.scope, sealer, ambient, new).await?;
    Made { id: webhook.id, secret: Some(secret) }.done(act).await
}

/// What is to become of a webhook.
pub enum WebhookChange<'a> {
    /// Its settings change.
    Update(webhooks::Update<'a>),
    /// It gets a new secret; the ones before count for so long.
    Rotate(Duration),
    /// Only the newest secret counts from now on.
    FinishRotation,
    /// Its events are held.
    Pause,
    /// It is sent to again.
    Resume,
    /// It is deleted.
    Delete,
}

/// Changes a webhook, once where there is a key. The secret that is given back is the one of a rotation.
///
/// # Errors
/// Those of [`webhooks::update`], [`webhooks::rotate`], [`webhooks::pause`] and their like, and [`Act::begin`].
pub async fn change_webhook(
    database: &Database,
    sealer: &Sealer,
    ambient: &Ambient,
    asked: &Asked<'_>,
    id: WebhookId,
    change: WebhookChange<'_>,
) -> Result<Made<WebhookId>, StoreError> {
    let scope = asked.scope;
    let mut act = begin!(database, ambient, asked);
    let mut secret = None;
    match change {
        WebhookChange::Update(update) => webhooks::update(act.conn(), scope, sealer, id, update).await?,
        WebhookChange::Rotate(overlap) => {
            secret = Some(webhooks::rotate(act.conn(), scope, sealer, ambient, id, overlap).await?);
        }
        WebhookChange::FinishRotation => webhooks::finish_rotation(act.conn(), scope, sealer, id).await?,
        WebhookChange::Pause => webhooks::pause(act.conn(), scope, id).await?,
        WebhookChange::Resume => webhooks::resume(act.conn(), scope, id).await?,
        WebhookChange::Delete => webhooks::delete(act.conn(), scope, ambient.now(), id).await?,
    }
    Made { id, secret }.done(act).await
}

/// Sends an event that was made to try a webhook; gives its delivery.
///
/// # Errors
/// Those of [`deliveries::test`] and [`Act::begin`].
pub async fn test_webhook(
    database: &Database,
    ambient: &Ambient,
    asked: &Asked<'_>,
    id: WebhookId,
    kind: &str,
) -> Result<Made<DeliveryId>, StoreError> {
    let mut act = begin!(database, ambient, asked);
    let id = deliveries::test(act.conn(), asked.scope, ambient, asked.actor, id, kind).await?;
    Made { id, secret: None }.done(act).await
}

/// Sends a delivery again.
///
/// # Errors
/// Those of [`deliveries::redeliver`] and [`Act::begin`].
pub async fn redeliver(
    database: &Database,
    ambient: &Ambient,
    asked: &Asked<'_>,
    id: DeliveryId,
) -> Result<Made<DeliveryId>, StoreError> {
    let mut act = begin!(database, ambient, asked);
    deliveries::redeliver(act.conn(), asked.scope, id).await?;
    Made { id, secret: None }.done(act).await
}

/// What [`recover_webhook`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    /// How many deliveries are sent again.
    pub deliveries: u64,
    /// Whether there are more: ask again under another key.
    pub more: bool,
}

/// The most deliveries that one call of [`recover_webhook`] takes up.
pub const MOST_RECOVERED: u64 = 50_000;

/// Sends again what a webhook did not get of events since `since`; one that is disabled is sent to again. Each step is a
/// transaction of its own, so one that is broken off has done a part, and can be asked for again.
///
/// # Errors
/// [`StoreError::Missing`] where there is no such webhook; those of [`acts::begin_long`].
pub async fn recover_webhook(
    database: &Database,
    ambient: &Ambient,
    asked: &Asked<'_>,
    id: WebhookId,
    since: DateTime<Utc>,
) -> Result<Recovered, StoreError> {
    if let Some(before) = acts::begin_long(database, ambient, asked).await? {
        return Ok(before);
    }
    let mut transaction = database.writes.begin().await?;
    let webhook =
        webhooks::by_id(database, asked.scope, id).await?.ok_or(StoreError::missing("webhook", "input.id"))?;
    if webhook.status == WebhookStatus::Disabled {
        webhooks::resume(&mut transaction, asked.scope, id).await?;
    }
    database.commit(transaction).await?;
    let (mut deliveries, mut after) = (0, None);
    loop {
        let mut transaction = database.writes.begin().await?;
        let (step, last) = deliveries::recover(&mut transaction, asked.scope, id, since, after).await?;
        database.commit(transaction).await?;
        deliveries += step;
        after = last;
        if after.is_none() || deliveries >= MOST_RECOVERED {
            break;
        }
    }
    let recovered = Recovered { deliveries, more: after.is_some() };
    acts::done_long(database, asked, &recovered).await?;
    Ok(recovered)
}

/// Makes a source once.
///
/// # Errors
/// Those of [`sources::create`] and [`Act::begin`].
pub async fn create_source(
    database: &Database,
    sealer: &Sealer,
    ambient: &Ambient,
    asked: &Asked<'_>,
    new: NewSource,
) -> Result<Made<SourceId>, StoreError> {
    let mut act = begin!(database, ambient, asked);
    let (source, _token) = sources::create(act.conn(), asked.scope, sealer, ambient, new).await?;
    Made { id: source.id, secret: None }.done(act).await
}

/// Makes an account with a provider once.
///
/// # Errors
/// Those of [`sources::create_account`] and [`Act::begin`].
pub async fn create_provider_account(
    database: &Database,
    ambient: &Ambient,
    asked: &Asked<'_>,
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
/// Those of [`sources::update`], [`sources::rotate`], [`sources::delete`] and [`Act::begin`].
pub async fn change_source(
    database: &Database,
    sealer: &Sealer,
    ambient: &Ambient,
    asked: &Asked<'_>,
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

/// Makes an API key once, that may no more than its maker.
///
/// # Errors
/// Those of [`Grant::check_gift`], [`api_keys::create`] and [`Act::begin`].
pub async fn create_api_key(
    database: &Database,
    ambient: &Ambient,
    asked: &Asked<'_>,
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
/// Those of [`api_keys::revoke`] and [`Act::begin`].
pub async fn revoke_api_key(
    database: &Database,
    ambient: &Ambient,
    asked: &Asked<'_>,
    id: ApiKeyId,
) -> Result<Made<ApiKeyId>, StoreError> {
    let mut act = begin!(database, ambient, asked);
    api_keys::revoke(act.conn(), ambient, asked.scope, id).await?;
    Made { id, secret: None }.done(act).await
}

/// Changes a member.
///
/// # Errors
/// Those of [`members::update`] and [`Act::begin`].
pub async fn update_member(
    database: &Database,
    ambient: &Ambient,
    asked: &Asked<'_>,
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
/// Those of [`sessions::revoke`] and [`Act::begin`].
pub async fn revoke_session(
    database: &Database,
    ambient: &Ambient,
    asked: &Asked<'_>,
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
/// those of [`Act::begin`].
pub async fn change_password(
    database: &Database,
    sealer: &Sealer,
    ambient: &Ambient,
    asked: &Asked<'_>,
    change: PasswordChange,
) -> Result<Vec<WorkspaceId>, StoreError> {
    let (email, is_proven) = sessions::login_of(database, asked.scope, change.member).await?;
    let gate = if is_proven { Gate::Email(&email) } else { Gate::Workspace(&email, asked.scope.workspace()) };
    let tried = login_limits::count(database, sealer, ambient, gate, asked.origin.client).await?;
    let mut act = match Act::begin::<Kept>(database, ambient, asked).await? {
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
