//! Looks up the actor behind a bearer token. Like [`super::sources::by_token`] and the login, this look-up takes no
//! scope; it finds one.

use chrono::{DateTime, TimeDelta, Utc};
use inlet_domain::{
    ambient::Ambient,
    ids::{ApiKeyId, MemberId, SessionId},
    scope::{Actor, Scope},
    secrets::token_hash,
};
use sqlx::Row;

use crate::{database::Database, error::StoreError};
pub use inlet_domain::model::right::{Grant, KeyScope};

/// The prefix of a session's token.
pub(super) const SESSION_PREFIX: &str = "is_";
/// The prefix of an API key's token.
pub(super) const KEY_PREFIX: &str = "ik_";
/// The stored time of a key's last use may be this old.
const USE_SECONDS: i64 = 60;

/// The actor behind a bearer token.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// The actor's workspace.
    pub scope: Scope,
    /// The member or the API key.
    pub actor: Actor,
    /// The rights at the time of the look-up.
    pub grant: Grant,
    /// The session. None for an API key.
    pub session: Option<SessionId>,
    /// When the credential expires.
    pub expires_at: Option<DateTime<Utc>>,
}

/// The actor behind a bearer token. `None` where the token is unknown, revoked or expired.
pub async fn viewer(database: &Database, ambient: &Ambient, bearer: &str) -> Result<Option<Viewer>, StoreError> {
    let hash = token_hash(bearer);
    if bearer.starts_with(SESSION_PREFIX) {
        session_viewer(database, ambient, &hash).await
    } else if bearer.starts_with(KEY_PREFIX) {
        key_viewer(database, ambient, &hash).await
    } else {
        Ok(None)
    }
}

async fn session_viewer(database: &Database, ambient: &Ambient, hash: &[u8]) -> Result<Option<Viewer>, StoreError> {
    let row = sqlx::query(
        "SELECT s.workspace_id, s.id, s.member_id, s.expires_at, m.role \
         FROM session s JOIN member m ON m.workspace_id = s.workspace_id AND m.id = s.member_id \
         WHERE s.token_hash = $1 AND s.revoked_at IS NULL AND s.expires_at > $2 AND m.disabled_at IS NULL",
    )
    .bind(hash)
    .bind(ambient.now())
    .fetch_optional(&database.pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let member: MemberId = row.try_get("member_id")?;
    let role: String = row.try_get("role")?;
    Ok(Some(Viewer {
        scope: Scope::of(row.try_get("workspace_id")?),
        actor: Actor::Member(member),
        grant: Grant::Role(role.parse().map_err(|error| StoreError::invalid_row("member", "role", member, &error))?),
        session: Some(row.try_get("id")?),
        expires_at: Some(row.try_get("expires_at")?),
    }))
}

async fn key_viewer(database: &Database, ambient: &Ambient, hash: &[u8]) -> Result<Option<Viewer>, StoreError> {
    let row = sqlx::query(
        "SELECT workspace_id, id, scopes, expires_at, last_used_at FROM api_key \
         WHERE token_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)",
    )
    .bind(hash)
    .bind(ambient.now())
    .fetch_optional(&database.pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let id: ApiKeyId = row.try_get("id")?;
    let scopes: Vec<String> = row.try_get("scopes")?;
    let scope = Scope::of(row.try_get("workspace_id")?);
    note_use(database, scope, id, row.try_get("last_used_at")?, ambient.now()).await;
    Ok(Some(Viewer {
        scope,
        actor: Actor::ApiKey(id),
        grant: Grant::Scopes(parse_scopes(id, &scopes)?),
        session: None,
        expires_at: row.try_get("expires_at")?,
    }))
}

/// Update the last use at most once a minute, by one of several concurrent requests. A failed update refuses no
/// request.
async fn note_use(database: &Database, scope: Scope, id: ApiKeyId, last: Option<DateTime<Utc>>, now: DateTime<Utc>) {
    let stale = now - TimeDelta::seconds(USE_SECONDS);
    if last.is_some_and(|last| last > stale) {
        return;
    }
    let noted = sqlx::query(
        "UPDATE api_key k SET last_used_at = $3 \
         FROM (SELECT workspace_id, id FROM api_key WHERE workspace_id = $1 AND id = $2 \
                 AND (last_used_at IS NULL OR last_used_at <= $4) FOR NO KEY UPDATE SKIP LOCKED) due \
         WHERE k.workspace_id = due.workspace_id AND k.id = due.id",
    )
    .bind(scope.workspace())
    .bind(id)
    .bind(now)
    .bind(stale)
    .execute(&database.pool)
    .await;
    if let Err(error) = noted {
        tracing::warn!(error = &error as &dyn std::error::Error, "the use of an API key could not be noted");
    }
}

/// Parses the scopes of a row.
pub(super) fn parse_scopes(id: ApiKeyId, words: &[String]) -> Result<Vec<KeyScope>, StoreError> {
    let parsed: Result<_, _> = words.iter().map(|word| word.parse()).collect();
    parsed
        .map_err(|error: inlet_domain::text_enum::UnknownText| StoreError::invalid_row("api_key", "scopes", id, &error))
}
