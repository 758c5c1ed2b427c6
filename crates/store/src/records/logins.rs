//! Login by email and password. This look-up takes no scope; it finds one.

use chrono::TimeDelta;
use inlet_domain::{
    ambient::Ambient,
    ids::{MemberId, SessionId, WorkspaceId},
    model::email,
    scope::{Actor, Scope},
    secrets::{Sealer, new_token, token_hash},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sqlx::{Acquire, PgConnection};
use uuid::Uuid;

use super::{
    audit::{self, Origin, Record},
    credentials::SESSION_PREFIX,
    login_limits::{self, Gate, Try},
    members::Member,
    passwords::Turn,
};
use crate::{database::Database, error::StoreError};

const SESSION_DAYS: i64 = 30;

/// A refused login is written to the audit logs of at most this many workspaces.
const MOST_TOLD: usize = 64;

/// Why a login failed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The email is unknown, the password is wrong, or the person is not a member there. The error never tells which.
    #[error("the email and the password do not go together")]
    Refused,
    /// Several logins have this email and password, or the person is a member of several workspaces.
    #[error("this login has several workspaces: pass one of them as `workspace`: {}", slugs.join(", "))]
    Ambiguous {
        /// The slugs of the workspaces.
        slugs: Vec<String>,
    },
    /// The database failed, every core is hashing, or there were too many attempts.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LoginError {
    /// A stable word for the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused => "LOGIN_REFUSED",
            Self::Ambiguous { .. } => "WORKSPACE_REQUIRED",
            Self::Store(error) => error.code(),
        }
    }
}

/// The input of a login.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// The email, in any case.
    pub email: &'a str,
    /// The password.
    pub password: SecretString,
    /// The slug or id of the workspace. Needed where the email and the password fit several.
    pub workspace: Option<&'a str>,
    /// The origin of the request.
    pub origin: &'a Origin,
}

/// A new session.
#[derive(Debug)]
pub struct Login {
    /// The token. It is shown once.
    pub token: SecretString,
    /// The session.
    pub session: SessionId,
    /// The workspace.
    pub scope: Scope,
    /// The member.
    pub member: Member,
}

/// Begins a session of 30 days.
///
/// The function tries each login with the email: the login of a person who has proven the email, and logins of one
/// workspace. With a `workspace`, it tries only the logins of its members.
///
/// # Errors
/// See [`LoginError`]. Known and unknown logins take the same time.
pub async fn login(
    database: &Database,
    sealer: &Sealer,
    ambient: &Ambient,
    attempt: Attempt<'_>,
) -> Result<Login, LoginError> {
    let email = email::normal(attempt.email);
    let wanted = match attempt.workspace {
        Some(text) => Some(wanted(database, text).await?),
        None => None,
    };
    let gate = match (attempt.workspace, wanted) {
        (None, _) => Gate::Email(&email),
        (Some(_), Some(Some(workspace))) => Gate::Workspace(&email, workspace),
        (Some(text), _) => Gate::Unknown(&email, text),
    };
    let tried = login_limits::count(database, sealer, ambient, gate, attempt.origin.client).await?;
    // A blocked caller takes no turn of the hasher.
    let turn = Turn::soon().await?;
    let candidates = candidates(database, &email, wanted).await?;
    let kept = candidates.iter().map(|candidate| candidate.hash.clone()).collect();
    let matched = turn.verify(attempt.password, kept).await?;
    let persons: Vec<Uuid> = candidates.iter().map(|candidate| candidate.person).collect();
    let right: Vec<&Candidate> =
        candidates.iter().zip(matched).filter(|(_, matched)| *matched).map(|(candidate, _)| candidate).collect();
    let is_right_for_all = right.len() == candidates.len();

    let ids: Vec<Uuid> = right.iter().map(|candidate| candidate.person).collect();
    let memberships: Vec<(Uuid, WorkspaceId, String, MemberId)> = sqlx::query_as(
        "SELECT m.person_id, m.workspace_id, w.slug, m.id FROM member m JOIN workspace w ON w.id = m.workspace_id \
         WHERE m.person_id = ANY($1) AND m.disabled_at IS NULL AND ($2::uuid IS NULL OR m.workspace_id = $2) \
         ORDER BY w.slug",
    )
    .bind(ids)
    .bind(wanted.flatten())
    .fetch_all(&database.pool)
    .await
    .map_err(StoreError::from)?;
    match memberships.as_slice() {
        [] => Err(refuse(database, ambient, &tried, &persons, wanted, attempt.origin).await),
        [(person, workspace, _, member)] => {
            let is_proven = right.iter().any(|candidate| candidate.person == *person && candidate.is_proven);
            let begun = async {
                let mut transaction = database.writes.begin().await?;
                let conn = &mut *transaction;
                let begin = Begin { member: *member, action: "login", origin: attempt.origin };
                let (token, session) = begin_session(conn, ambient, Scope::of(*workspace), begin).await?;
                give_back(conn, ambient, &tried, (is_proven || wanted.is_some(), is_right_for_all)).await?;
                transaction.commit().await?;
                Ok::<_, StoreError>((token, session))
            };
            let (token, session) = begun.await?;
            Ok(standing(database, Scope::of(*workspace), *member, (token, session)).await?)
        }
        several => {
            let is_proven = right.iter().any(|candidate| candidate.is_proven);
            let mut conn = database.writes.acquire().await.map_err(StoreError::from)?;
            give_back(&mut conn, ambient, &tried, (is_proven, is_right_for_all)).await?;
            Err(LoginError::Ambiguous { slugs: several.iter().map(|(_, _, slug, _)| slug.clone()).collect() })
        }
    }
}

/// Takes the attempt back after a right password. The count starts anew only if the person has proven the email or
/// named the workspace. Otherwise anyone could create a login with a stranger's email in a workspace of their own, and
/// so reset the count of guesses at another login. The attempt counts if the password is wrong for another login of the email:
/// it may be a guess at that login.
async fn give_back(
    conn: &mut PgConnection,
    ambient: &Ambient,
    tried: &Try,
    (counts_anew, is_right_for_all): (bool, bool),
) -> Result<(), StoreError> {
    match (counts_anew, is_right_for_all) {
        (true, _) => tried.give_back(conn).await,
        (false, true) => tried.give_back_one(conn).await,
        (false, false) => tried.keep(conn, ambient.now()).await,
    }
}

/// A login that may have the password.
struct Candidate {
    person: Uuid,
    hash: String,
    is_proven: bool,
}

/// The workspace with this slug or id. `None` where there is none.
async fn wanted(database: &Database, text: &str) -> Result<Option<WorkspaceId>, StoreError> {
    let id = text.parse::<WorkspaceId>().ok();
    let found = sqlx::query_scalar("SELECT id FROM workspace WHERE slug = $1 OR id = $2 ORDER BY slug <> $1 LIMIT 1")
        .bind(text)
        .bind(id)
        .fetch_optional(&database.pool)
        .await?;
    Ok(found)
}

/// The logins with this email and a password: in any workspace, or of the members of the wanted one.
async fn candidates(
    database: &Database,
    email: &str,
    wanted: Option<Option<WorkspaceId>>,
) -> Result<Vec<Candidate>, StoreError> {
    let rows: Vec<(Uuid, String, bool)> = sqlx::query_as(
        "SELECT p.id, p.password_hash, p.workspace_id IS NULL FROM person p \
         WHERE p.email = $1 AND p.password_hash IS NOT NULL \
           AND (NOT $2 OR EXISTS (SELECT FROM member m WHERE m.person_id = p.id AND m.workspace_id = $3)) \
         ORDER BY p.id",
    )
    .bind(email)
    .bind(wanted.is_some())
    .bind(wanted.flatten())
    .fetch_all(&database.pool)
    .await?;
    Ok(rows.into_iter().map(|(person, hash, is_proven)| Candidate { person, hash, is_proven }).collect())
}

/// The owner and the cause of a new session.
pub(super) struct Begin<'a> {
    /// The member.
    pub member: MemberId,
    /// The action in the audit log.
    pub action: &'a str,
    /// The origin of the request.
    pub origin: &'a Origin,
}

/// Writes a new session and its entry in the audit log. Returns the token.
pub(super) async fn begin_session(
    conn: &mut PgConnection,
    ambient: &Ambient,
    scope: Scope,
    begin: Begin<'_>,
) -> Result<(SecretString, SessionId), StoreError> {
    let token = SecretString::from(new_token(SESSION_PREFIX, ambient));
    let session = SessionId(ambient.uuid());
    let now = ambient.now();
    sqlx::query(
        "INSERT INTO session (workspace_id, id, member_id, token_hash, created_at, expires_at, client_address) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(scope.workspace())
    .bind(session)
    .bind(begin.member)
    .bind(&token_hash(token.expose_secret())[..])
    .bind(now)
    .bind(now + TimeDelta::days(SESSION_DAYS))
    .bind(begin.origin.client.map(|client| client.to_string()))
    .execute(&mut *conn)
    .await?;
    let record = Record {
        actor: Actor::Member(begin.member),
        action: begin.action,
        subject: Some(session.into()),
        detail: &json!({}),
        refusal: None,
        origin: begin.origin,
    };
    audit::write(conn, ambient, scope, record).await?;
    Ok((token, session))
}

/// The login of a new session.
pub(super) async fn standing(
    database: &Database,
    scope: Scope,
    member: MemberId,
    (token, session): (SecretString, SessionId),
) -> Result<Login, StoreError> {
    let member = super::members::by_ids(database, scope, &[member]).await?.pop();
    let member = member.ok_or(StoreError::NotFound { kind: "member" })?;
    Ok(Login { token, session, scope, member })
}

/// Writes to the audit log of each workspace in which the logins are valid, or of the wanted one. For an unknown login,
/// the same statements run and write nothing.
pub(super) async fn refuse(
    database: &Database,
    ambient: &Ambient,
    tried: &Try,
    persons: &[Uuid],
    wanted: Option<Option<WorkspaceId>>,
    origin: &Origin,
) -> LoginError {
    let written = async {
        let mut conn = database.writes.acquire().await?;
        let mut transaction = conn.begin().await?;
        tried.keep(&mut transaction, ambient.now()).await?;
        let ids: Vec<Uuid> = (0..MOST_TOLD).map(|_| ambient.uuid()).collect();
        sqlx::query(
            "INSERT INTO audit_entry (workspace_id, id, actor_kind, action, subject_kind, subject_id, refusal, \
               request_id, client_address) \
             SELECT workspace_id, ($2::uuid[])[row_number() OVER (ORDER BY workspace_id)], 'system', 'login', 'mem', id, \
               $3, $4, $5 FROM member WHERE person_id = ANY($1) AND ($6::uuid IS NULL OR workspace_id = $6) \
             ORDER BY workspace_id LIMIT cardinality($2)",
        )
        .bind(persons)
        .bind(ids)
        .bind(LoginError::Refused.code())
        .bind(origin.request_id.as_deref())
        .bind(origin.client.map(|client| client.to_string()))
        .bind(wanted.flatten())
        .execute(&mut *transaction)
        .await?;
        Ok::<(), StoreError>(transaction.commit().await?)
    };
    match written.await {
        Ok(()) => LoginError::Refused,
        Err(error) => LoginError::Store(error),
    }
}
