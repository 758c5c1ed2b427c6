//! API keys: creation, revocation and reads. [`super::credentials`] looks a key up by its token.

use chrono::{DateTime, Utc};
use inlet_domain::{
    ambient::Ambient,
    ids::ApiKeyId,
    model::name,
    scope::{Actor, Scope},
    secrets::{new_token, token_hash},
};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    credentials::{KEY_PREFIX, KeyScope, parse_scopes},
    page::{Page, Position, Slice, Sort},
};
use crate::{database::Database, error::StoreError, revocations};

/// A new API key.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// A name for people; 1 to 200 characters.
    pub name: String,
    /// The scopes.
    pub scopes: Vec<KeyScope>,
    /// When the key expires.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Creates an API key. The token starts with `ik_`. It is shown once.
///
/// # Errors
/// `Invalid` where the name is empty, the key has no scope, or the key would have expired already.
pub async fn create(
    conn: &mut PgConnection,
    ambient: &Ambient,
    scope: Scope,
    maker: Actor,
    new: &NewApiKey,
) -> Result<(ApiKeyId, SecretString), StoreError> {
    let name = name::checked(&new.name, name::LONGEST)
        .map_err(|refusal| StoreError::Invalid { path: "input.name", message: refusal.to_string() })?;
    if new.scopes.is_empty() {
        return Err(StoreError::Invalid { path: "input.scopes", message: "a key needs a scope".to_owned() });
    }
    let now = ambient.now();
    if new.expires_at.is_some_and(|end| end <= now) {
        let message =
            "this time is past: give one in the future, or leave it out for a key that never expires".to_owned();
        return Err(StoreError::Invalid { path: "input.expiresAt", message });
    }
    let mut words: Vec<&str> = new.scopes.iter().map(|scope| scope.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    let token = SecretString::from(new_token(KEY_PREFIX, ambient));
    let id = ApiKeyId(ambient.uuid());
    sqlx::query(
        "INSERT INTO api_key (workspace_id, id, name, token_hash, scopes, created_at, expires_at, created_by_kind, \
           created_by_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(scope.workspace())
    .bind(id)
    .bind(name)
    .bind(&token_hash(token.expose_secret())[..])
    .bind(words)
    .bind(now)
    .bind(new.expires_at)
    .bind(maker.kind())
    .bind(maker.id())
    .execute(conn)
    .await?;
    Ok((id, token))
}

/// Revokes an API key. A revoked key stays revoked.
///
/// # Errors
/// `Missing` where there is no such key.
pub async fn revoke(conn: &mut PgConnection, ambient: &Ambient, scope: Scope, id: ApiKeyId) -> Result<(), StoreError> {
    let done =
        sqlx::query("UPDATE api_key SET revoked_at = coalesce(revoked_at, $3) WHERE workspace_id = $1 AND id = $2")
            .bind(scope.workspace())
            .bind(id)
            .bind(ambient.now())
            .execute(&mut *conn)
            .await?;
    if done.rows_affected() == 0 {
        return Err(StoreError::missing("API key", "input.id"));
    }
    revocations::notify(conn, &[scope.workspace()]).await
}

/// An API key, without its token.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// The primary key, with the workspace.
    pub id: ApiKeyId,
    /// The name for people.
    pub name: String,
    /// The scopes.
    pub scopes: Vec<KeyScope>,
    /// The time of creation.
    pub created_at: DateTime<Utc>,
    /// The kind of the creator. None where the creator is unknown.
    pub created_by_kind: Option<String>,
    /// The member or key that created the key.
    pub created_by_id: Option<Uuid>,
    /// The last use, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When the key expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// The time of revocation.
    pub revoked_at: Option<DateTime<Utc>>,
}

const COLUMNS: &str =
    "id, name, scopes, created_at, created_by_kind, created_by_id, last_used_at, expires_at, revoked_at";

fn key(row: &PgRow) -> Result<ApiKey, StoreError> {
    let id: ApiKeyId = row.try_get("id")?;
    let scopes: Vec<String> = row.try_get("scopes")?;
    Ok(ApiKey {
        id,
        name: row.try_get("name")?,
        scopes: parse_scopes(id, &scopes)?,
        created_at: row.try_get("created_at")?,
        created_by_kind: row.try_get("created_by_kind")?,
        created_by_id: row.try_get("created_by_id")?,
        last_used_at: row.try_get("last_used_at")?,
        expires_at: row.try_get("expires_at")?,
        revoked_at: row.try_get("revoked_at")?,
    })
}

/// The API keys with these ids, in no order. Ids of other workspaces are left out.
pub async fn by_ids(database: &Database, scope: Scope, ids: &[ApiKeyId]) -> Result<Vec<ApiKey>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM api_key WHERE workspace_id = $1 AND id = ANY($2)"));
    let rows = sqlx::query(sql).bind(scope.workspace()).bind(ids).fetch_all(&database.pool).await?;
    rows.iter().map(key).collect()
}

/// API keys, oldest first. Revoked and expired keys are included.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn list(database: &Database, scope: Scope, slice: &Slice) -> Result<Page<ApiKey>, StoreError> {
    slice.check(Sort::Id)?;
    let order = if slice.from_end { "DESC" } else { "ASC" };
    let sql = sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM api_key \
         WHERE workspace_id = $1 AND ($2::uuid IS NULL OR id > $2) AND ($3::uuid IS NULL OR id < $3) \
         ORDER BY id {order} LIMIT $4"
    ));
    let rows = sqlx::query(sql)
        .bind(scope.workspace())
        .bind(slice.after.map(|position| position.id))
        .bind(slice.before.map(|position| position.id))
        .bind(i64::from(slice.size) + 1)
        .fetch_all(&database.pool)
        .await?;
    let placed = |row| key(row).map(|key| (Position::of_id(key.id.0), key));
    Ok(Page::of_rows(rows.iter().map(placed).collect::<Result<_, _>>()?, slice))
}
