//! The way from a bearer token to who it stands for: with the source token of ingest and the login, the look-ups that
//! find a scope rather than take one.

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

/// What a session's token begins with.
pub(super) const SESSION_PREFIX: &str = "is_";
/// What an API key's token begins with.
pub(super) const KEY_PREFIX: &str = "ik_";
/// How old what is kept of a key's last use may be.
const USE_SECONDS: i64 = 60;

/// Who asks: what a request's bearer token stands for.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// The workspace that they see.
    pub scope: Scope,
    /// The member or the key.
    pub actor: Actor,
    /// What they might do when this was read.
    pub grant: Grant,
    /// The session, of a member.
    pub session: Option<SessionId>,
    /// When the credential ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What a bearer token stands for; `None` where it stands for nothing, or for something that has ended.
///
/// # Errors
/// Where the database fails or a row is invalid.
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

/// At most once a minute, and by one of those who come at once. What cannot be noted refuses no one.
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

/// The scopes of a row.
pub(super) fn parse_scopes(id: ApiKeyId, words: &[String]) -> Result<Vec<KeyScope>, StoreError> {
    let parsed: Result<_, _> = words.iter().map(|word| word.parse()).collect();
    parsed
        .map_err(|error: inlet_domain::text_enum::UnknownText| StoreError::invalid_row("api_key", "scopes", id, &error))
}
