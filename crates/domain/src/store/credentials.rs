//! Sessions, API keys and the way from a bearer token to who it is: with the source token of ingest and the login,
//! the look-ups that find a scope rather than take one.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::{
    members::{Member, normal_email},
    passwords::Turn,
};
pub use crate::model::right::{Grant, KeyScope, Right};
use crate::{
    ambient::Ambient,
    database::Database,
    error::StoreError,
    ids::{ApiKeyId, MemberId, SessionId, WorkspaceId},
    scope::{Actor, Scope},
    secrets::{new_token, token_hash},
};

const SESSION_PREFIX: &str = "is_";
const KEY_PREFIX: &str = "ik_";
const SESSION_DAYS: i64 = 30;

/// Who asks: what a request's bearer token stands for.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// The workspace that they see.
    pub scope: Scope,
    /// The member or the key.
    pub actor: Actor,
    /// What they may do.
    pub grant: Grant,
    /// The session, of a member.
    pub session: Option<SessionId>,
    /// When the credential ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Viewer {
    /// Whether they may do this.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        self.grant.gives(right)
    }
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
        "SELECT workspace_id, id, scopes, expires_at FROM api_key \
         WHERE token_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)",
    )
    .bind(hash)
    .bind(ambient.now())
    .fetch_optional(&database.pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let id: ApiKeyId = row.try_get("id")?;
    let scopes: Vec<String> = row.try_get("scopes")?;
    Ok(Some(Viewer {
        scope: Scope::of(row.try_get("workspace_id")?),
        actor: Actor::ApiKey(id),
        grant: Grant::Scopes(parse_scopes(id, &scopes)?),
        session: None,
        expires_at: row.try_get("expires_at")?,
    }))
}

fn parse_scopes(id: ApiKeyId, words: &[String]) -> Result<Vec<KeyScope>, StoreError> {
    let parsed: Result<_, _> = words.iter().map(|word| word.parse()).collect();
    parsed.map_err(|error: crate::model::UnknownWord| StoreError::invalid_row("api_key", "scopes", id, &error))
}

/// Why no one was logged in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Unknown email, wrong password, or not a member there: it never says which.
    #[error("the email and the password do not go together")]
    Refused,
    /// They are a member of several workspaces.
    #[error("this login has several workspaces: pass one of them as `workspace`: {}", slugs.join(", "))]
    Ambiguous {
        /// Their slugs.
        slugs: Vec<String>,
    },
    /// The database failed, or every core is hashing.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A fresh session.
#[derive(Debug)]
pub struct Login {
    /// The token, which is shown once.
    pub token: SecretString,
    /// The session.
    pub session: SessionId,
    /// The workspace that it is of.
    pub scope: Scope,
    /// Who logged in.
    pub member: Member,
}

/// Begins a session of 30 days. `workspace` is a slug or an id, needed where the person is in several.
///
/// # Errors
/// See [`LoginError`]. Known and unknown logins take the same time.
pub async fn login(
    database: &Database,
    ambient: &Ambient,
    email: &str,
    password: SecretString,
    workspace: Option<&str>,
) -> Result<Login, LoginError> {
    let turn = Turn::now()?;
    let person: Option<(Uuid, String)> = sqlx::query_as("SELECT id, password_hash FROM person WHERE email = $1")
        .bind(normal_email(email))
        .fetch_optional(&database.pool)
        .await
        .map_err(StoreError::from)?;
    let (person, hash) = person.unzip();
    let right = turn.verify(password, hash).await?;
    let (true, Some(person)) = (right, person) else { return Err(LoginError::Refused) };

    let mut memberships: Vec<(WorkspaceId, String, MemberId)> = sqlx::query_as(
        "SELECT m.workspace_id, w.slug, m.id FROM member m JOIN workspace w ON w.id = m.workspace_id \
         WHERE m.person_id = $1 AND m.disabled_at IS NULL ORDER BY w.slug",
    )
    .bind(person)
    .fetch_all(&database.pool)
    .await
    .map_err(StoreError::from)?;
    if let Some(wanted) = workspace {
        memberships.retain(|(id, slug, _)| slug == wanted || id.to_string() == wanted);
    }
    match memberships.as_slice() {
        [] => Err(LoginError::Refused),
        [(workspace, _, member)] => Ok(begin_session(database, ambient, Scope::of(*workspace), *member).await?),
        several => Err(LoginError::Ambiguous { slugs: several.iter().map(|(_, slug, _)| slug.clone()).collect() }),
    }
}

async fn begin_session(
    database: &Database,
    ambient: &Ambient,
    scope: Scope,
    member: MemberId,
) -> Result<Login, StoreError> {
    let token = SecretString::from(new_token(SESSION_PREFIX, ambient));
    let session = SessionId(ambient.uuid());
    let now = ambient.now();
    sqlx::query(
        "INSERT INTO session (workspace_id, id, member_id, token_hash, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(scope.workspace())
    .bind(session)
    .bind(member)
    .bind(&token_hash(token.expose_secret())[..])
    .bind(now)
    .bind(now + TimeDelta::days(SESSION_DAYS))
    .execute(&database.pool)
    .await?;
    let member = super::members::by_ids(database, scope, &[member]).await?.pop();
    let member = member.ok_or(StoreError::NotFound { kind: "member" })?;
    Ok(Login { token, session, scope, member })
}

/// Ends a session. False where there was none to end.
///
/// # Errors
/// Where the database fails.
pub async fn revoke_session(
    conn: &mut PgConnection,
    ambient: &Ambient,
    scope: Scope,
    session: SessionId,
) -> Result<bool, StoreError> {
    let done =
        sqlx::query("UPDATE session SET revoked_at = $3 WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL")
            .bind(scope.workspace())
            .bind(session)
            .bind(ambient.now())
            .execute(conn)
            .await?;
    Ok(done.rows_affected() > 0)
}

/// Makes an API key. The token, prefix `ik_`, is shown once.
///
/// # Errors
/// `Invalid` where the name is empty or there is no scope.
pub async fn create_api_key(
    conn: &mut PgConnection,
    ambient: &Ambient,
    scope: Scope,
    name: &str,
    scopes: &[KeyScope],
) -> Result<(ApiKeyId, SecretString), StoreError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 200 {
        return Err(StoreError::Invalid { path: "input.name", message: "a name has 1 to 200 characters".to_owned() });
    }
    if scopes.is_empty() {
        return Err(StoreError::Invalid { path: "input.scopes", message: "a key needs a scope".to_owned() });
    }
    let mut words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    let token = SecretString::from(new_token(KEY_PREFIX, ambient));
    let id = ApiKeyId(ambient.uuid());
    sqlx::query(
        "INSERT INTO api_key (workspace_id, id, name, token_hash, scopes, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(scope.workspace())
    .bind(id)
    .bind(name)
    .bind(&token_hash(token.expose_secret())[..])
    .bind(words)
    .bind(ambient.now())
    .execute(conn)
    .await?;
    Ok((id, token))
}

/// Revokes an API key for ever. False where there was none to revoke.
///
/// # Errors
/// Where the database fails.
pub async fn revoke_api_key(
    conn: &mut PgConnection,
    ambient: &Ambient,
    scope: Scope,
    id: ApiKeyId,
) -> Result<bool, StoreError> {
    let done =
        sqlx::query("UPDATE api_key SET revoked_at = $3 WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL")
            .bind(scope.workspace())
            .bind(id)
            .bind(ambient.now())
            .execute(conn)
            .await?;
    Ok(done.rows_affected() > 0)
}

/// An API key, without its token.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<KeyScope>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// The API keys with these ids, in no order; those not in the workspace are left out.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn api_keys_by_ids(database: &Database, scope: Scope, ids: &[ApiKeyId]) -> Result<Vec<ApiKey>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query(
        "SELECT id, name, scopes, created_at, expires_at, revoked_at FROM api_key \
         WHERE workspace_id = $1 AND id = ANY($2)",
    )
    .bind(scope.workspace())
    .bind(ids)
    .fetch_all(&database.pool)
    .await?;
    let key = |row: &sqlx::postgres::PgRow| {
        let id: ApiKeyId = row.try_get("id")?;
        let scopes: Vec<String> = row.try_get("scopes")?;
        Ok(ApiKey {
            id,
            name: row.try_get("name")?,
            scopes: parse_scopes(id, &scopes)?,
            created_at: row.try_get("created_at")?,
            expires_at: row.try_get("expires_at")?,
            revoked_at: row.try_get("revoked_at")?,
        })
    };
    rows.iter().map(key).collect()
}
