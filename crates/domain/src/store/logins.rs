//! Logging in by email and password: one of the look-ups that find a scope rather than take one.

use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sqlx::Acquire;
use uuid::Uuid;

use super::{
    audit::{self, Origin, Record},
    credentials::SESSION_PREFIX,
    login_limits::{self, Try},
    members::Member,
    passwords::Turn,
};
use crate::{
    ambient::Ambient,
    database::Database,
    error::StoreError,
    ids::{MemberId, SessionId, WorkspaceId},
    model::email,
    scope::{Actor, Scope},
    secrets::{Sealer, new_token, token_hash},
};

const SESSION_DAYS: i64 = 30;

/// In so many workspaces a refused login is told: no one is in more.
const MOST_TOLD: usize = 64;

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
    /// The database failed, every core is hashing, or there were too many tries.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LoginError {
    /// A stable word for it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused => "LOGIN_REFUSED",
            Self::Ambiguous { .. } => "WORKSPACE_REQUIRED",
            Self::Store(error) => error.code(),
        }
    }
}

/// What someone logs in with.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// The login, in any case.
    pub email: &'a str,
    /// The password.
    pub password: SecretString,
    /// A slug or an id, needed where the person is in several.
    pub workspace: Option<&'a str>,
    /// From where.
    pub origin: &'a Origin,
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

/// Begins a session of 30 days.
///
/// # Errors
/// See [`LoginError`]. Known and unknown logins take the same time.
pub async fn login(
    database: &Database,
    sealer: &Sealer,
    ambient: &Ambient,
    attempt: Attempt<'_>,
) -> Result<Login, LoginError> {
    let turn = Turn::now()?;
    let email = email::normal(attempt.email);
    let tried = login_limits::count(database, sealer, ambient, &email, attempt.origin.client).await?;
    // A login from before addresses were composed stands as it was given.
    let former = attempt.email.trim().to_lowercase();
    let person: Option<(Uuid, String)> = sqlx::query_as(
        "SELECT id, password_hash FROM person WHERE email = ANY(ARRAY[$1, $2]) ORDER BY email <> $1 LIMIT 1",
    )
    .bind(&email)
    .bind(former)
    .fetch_optional(&database.pool)
    .await
    .map_err(StoreError::from)?;
    let (person, hash) = person.unzip();
    let right = turn.verify(attempt.password, hash).await?;
    let (true, Some(person)) = (right, person) else {
        return Err(refuse(database, ambient, &tried, person, attempt.origin).await);
    };

    let mut memberships: Vec<(WorkspaceId, String, MemberId)> = sqlx::query_as(
        "SELECT m.workspace_id, w.slug, m.id FROM member m JOIN workspace w ON w.id = m.workspace_id \
         WHERE m.person_id = $1 AND m.disabled_at IS NULL ORDER BY w.slug",
    )
    .bind(person)
    .fetch_all(&database.pool)
    .await
    .map_err(StoreError::from)?;
    if let Some(wanted) = attempt.workspace {
        memberships.retain(|(id, slug, _)| slug == wanted || id.to_string() == wanted);
    }
    match memberships.as_slice() {
        [] => Err(refuse(database, ambient, &tried, Some(person), attempt.origin).await),
        [(workspace, _, member)] => {
            Ok(begin_session(database, ambient, Scope::of(*workspace), *member, &tried, attempt.origin).await?)
        }
        several => {
            let mut conn = database.pool.acquire().await.map_err(StoreError::from)?;
            tried.give_back(&mut conn).await?;
            Err(LoginError::Ambiguous { slugs: several.iter().map(|(_, slug, _)| slug.clone()).collect() })
        }
    }
}

async fn begin_session(
    database: &Database,
    ambient: &Ambient,
    scope: Scope,
    member: MemberId,
    tried: &Try,
    origin: &Origin,
) -> Result<Login, StoreError> {
    let token = SecretString::from(new_token(SESSION_PREFIX, ambient));
    let session = SessionId(ambient.uuid());
    let now = ambient.now();
    let mut transaction = database.writes.begin().await?;
    sqlx::query(
        "INSERT INTO session (workspace_id, id, member_id, token_hash, created_at, expires_at, client_address) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(scope.workspace())
    .bind(session)
    .bind(member)
    .bind(&token_hash(token.expose_secret())[..])
    .bind(now)
    .bind(now + TimeDelta::days(SESSION_DAYS))
    .bind(origin.client.map(|client| client.to_string()))
    .execute(&mut *transaction)
    .await?;
    let record = Record {
        actor: Actor::Member(member),
        action: "login",
        subject: Some(session.into()),
        detail: &json!({}),
        refusal: None,
        origin,
    };
    audit::write(&mut transaction, ambient, scope, record).await?;
    tried.give_back(&mut transaction).await?;
    transaction.commit().await?;
    let member = super::members::by_ids(database, scope, &[member]).await?.pop();
    let member = member.ok_or(StoreError::NotFound { kind: "member" })?;
    Ok(Login { token, session, scope, member })
}

/// Tells the audit log of every workspace that the person is in. For a login that no one has, the same statements find
/// no one to tell.
async fn refuse(
    database: &Database,
    ambient: &Ambient,
    tried: &Try,
    person: Option<Uuid>,
    origin: &Origin,
) -> LoginError {
    let written = async {
        let mut conn = database.pool.acquire().await?;
        let mut transaction = conn.begin().await?;
        tried.keep(&mut transaction, ambient.now()).await?;
        let ids: Vec<Uuid> = (0..MOST_TOLD).map(|_| ambient.uuid()).collect();
        sqlx::query(
            "INSERT INTO audit_entry (workspace_id, id, actor_kind, action, subject_kind, subject_id, refusal, \
               request_id, client_address) \
             SELECT workspace_id, ($2::uuid[])[row_number() OVER (ORDER BY workspace_id)], 'system', 'login', 'mem', id, \
               $3, $4, $5 FROM member WHERE person_id = $1 ORDER BY workspace_id LIMIT cardinality($2)",
        )
        .bind(person.unwrap_or(Uuid::nil()))
        .bind(ids)
        .bind(LoginError::Refused.code())
        .bind(origin.request_id.as_deref())
        .bind(origin.client.map(|client| client.to_string()))
        .execute(&mut *transaction)
        .await?;
        Ok::<(), StoreError>(transaction.commit().await?)
    };
    match written.await {
        Ok(()) => LoginError::Refused,
        Err(error) => LoginError::Store(error),
    }
}
