//! Logins of people. A person with a proven email may be a member of several workspaces. Every other login is valid
//! only in the workspace that created it (see docs/adr/0015).

use chrono::{DateTime, Utc};
use inlet_domain::{
    ambient::Ambient,
    ids::{MemberId, SessionId, WorkspaceId},
    scope::{Actor, Scope},
};
use secrecy::SecretString;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::{
    audit::{self, Origin, Record},
    passwords::{NewPassword, Turn},
};
use crate::{error::StoreError, revocations};

/// The class of the advisory locks on emails.
const EMAIL_LOCK: i64 = 13;

/// The workspaces in which a login is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// All workspaces of the person: the email is proven.
    Proven,
    /// One workspace.
    Workspace(WorkspaceId),
}

impl Reach {
    fn workspace(self) -> Option<WorkspaceId> {
        match self {
            Self::Proven => None,
            Self::Workspace(workspace) => Some(workspace),
        }
    }
}

/// A new person.
#[derive(Debug)]
pub(super) struct NewPerson<'a> {
    /// The login.
    pub email: &'a str,
    /// The name.
    pub name: &'a str,
    /// The password.
    pub password: SecretString,
    /// The path of the input that holds the password.
    pub path: &'static str,
    /// The workspaces in which the login is valid.
    pub reach: Reach,
}

/// Locks an email. Until the transaction ends, no other transaction creates a login with this email or sets its
/// password.
///
/// # Errors
/// `Overloaded` where another transaction holds the lock for too long.
pub(super) async fn lock(conn: &mut PgConnection, email: &str) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, $2))")
        .bind(email)
        .bind(EMAIL_LOCK)
        .execute(conn)
        .await
        .map_err(StoreError::or_busy)?;
    Ok(())
}

/// A random password.
pub(super) fn random_password(ambient: &Ambient) -> SecretString {
    hex::encode(&ambient.random_256()[..16]).into()
}

/// Hashes a new password under the lock of the email, so that all logins with the email have one salt.
async fn hashed(
    conn: &mut PgConnection,
    ambient: &Ambient,
    (email, name): (&str, &str),
    (password, path): (SecretString, &'static str),
    turn: Turn,
) -> Result<String, StoreError> {
    lock(&mut *conn, email).await?;
    let sibling: Option<String> = sqlx::query_scalar(
        "SELECT password_hash FROM person WHERE email = $1 AND password_hash IS NOT NULL ORDER BY id LIMIT 1",
    )
    .bind(email)
    .fetch_optional(conn)
    .await?;
    let about = vec![email.to_owned(), name.to_owned()];
    turn.hash(ambient, NewPassword { password, path, about, sibling }).await
}

/// Creates a person.
///
/// # Errors
/// `Invalid` where the password is not valid; `Database` where the login is taken.
pub(super) async fn create(
    conn: &mut PgConnection,
    ambient: &Ambient,
    new: NewPerson<'_>,
    turn: Turn,
) -> Result<Uuid, StoreError> {
    let hash = hashed(&mut *conn, ambient, (new.email, new.name), (new.password, new.path), turn).await?;
    let (id, now) = (ambient.uuid(), ambient.now());
    sqlx::query(
        "INSERT INTO person (id, email, name, password_hash, created_at, workspace_id, proven_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(id)
    .bind(new.email)
    .bind(new.name)
    .bind(hash)
    .bind(now)
    .bind(new.reach.workspace())
    .bind((new.reach == Reach::Proven).then_some(now))
    .execute(conn)
    .await?;
    Ok(id)
}

/// Sets the password of a person.
///
/// # Errors
/// `Invalid` where the password is not valid, `NotFound` where there is no such person.
pub(super) async fn set_password(
    conn: &mut PgConnection,
    ambient: &Ambient,
    person: Uuid,
    (password, path): (SecretString, &'static str),
    turn: Turn,
) -> Result<(), StoreError> {
    let (email, name): (String, String) = sqlx::query_as("SELECT email, name FROM person WHERE id = $1")
        .bind(person)
        .fetch_optional(&mut *conn)
        .await?
        .ok_or(StoreError::NotFound { kind: "person" })?;
    let hash = hashed(&mut *conn, ambient, (&email, &name), (password, path), turn).await?;
    sqlx::query("UPDATE person SET password_hash = $2 WHERE id = $1").bind(person).bind(hash).execute(conn).await?;
    Ok(())
}

/// Ends all sessions of a person but `kept`, in all workspaces, because the password belongs to the person. Returns the
/// workspaces; they are notified at the commit.
pub(super) async fn end_sessions(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    person: Uuid,
    kept: Option<SessionId>,
) -> Result<Vec<WorkspaceId>, StoreError> {
    let mut ended: Vec<WorkspaceId> = sqlx::query_scalar(
        "UPDATE session s SET revoked_at = $2 FROM member m \
         WHERE m.person_id = $1 AND s.workspace_id = m.workspace_id AND s.member_id = m.id \
           AND s.revoked_at IS NULL AND s.id IS DISTINCT FROM $3 RETURNING s.workspace_id",
    )
    .bind(person)
    .bind(now)
    .bind(kept)
    .fetch_all(&mut *conn)
    .await?;
    ended.sort_unstable();
    ended.dedup();
    revocations::notify(conn, &ended).await?;
    Ok(ended)
}

/// A membership of a person.
#[derive(Debug, Clone, Copy)]
pub(super) struct Membership {
    pub workspace: WorkspaceId,
    pub member: MemberId,
}

/// The memberships of a person, disabled ones included.
pub(super) async fn memberships(conn: &mut PgConnection, person: Uuid) -> Result<Vec<Membership>, StoreError> {
    let rows = sqlx::query("SELECT workspace_id, id FROM member WHERE person_id = $1 ORDER BY workspace_id")
        .bind(person)
        .fetch_all(conn)
        .await?;
    let read = |row: &sqlx::postgres::PgRow| {
        Ok(Membership { workspace: row.try_get("workspace_id")?, member: row.try_get("id")? })
    };
    rows.iter().map(read).collect()
}

/// Writes to the audit log of each workspace of the person.
pub(super) async fn tell(
    conn: &mut PgConnection,
    ambient: &Ambient,
    person: Uuid,
    by: impl Fn(MemberId) -> Actor,
    (action, detail, origin): (&str, &serde_json::Value, &Origin),
) -> Result<(), StoreError> {
    for Membership { workspace, member } in memberships(&mut *conn, person).await? {
        let record = Record { actor: by(member), action, subject: Some(member.into()), detail, refusal: None, origin };
        audit::write(&mut *conn, ambient, Scope::of(workspace), record).await?;
    }
    Ok(())
}
