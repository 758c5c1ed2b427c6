//! Logins of people. A person who has proven an email may be a member of several workspaces; every other login is good
//! in the one workspace that it was made in (see docs/adr/0015).

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

/// The lock of an email is this of all advisory locks.
const EMAIL_LOCK: i64 = 13;

/// Where a login is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The email is proven: wherever the person is a member.
    Proven,
    /// In one workspace.
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

/// A person who is to be made.
#[derive(Debug)]
pub(super) struct NewPerson<'a> {
    /// The login.
    pub email: &'a str,
    /// What others call them.
    pub name: &'a str,
    /// The password.
    pub password: SecretString,
    /// The input that the password came by.
    pub path: &'static str,
    /// Where the login is good.
    pub reach: Reach,
}

/// Until the transaction ends no one else makes a login with this email, or gives one a password.
///
/// # Errors
/// `Overloaded` where another one takes long.
pub(super) async fn lock(conn: &mut PgConnection, email: &str) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, $2))")
        .bind(email)
        .bind(EMAIL_LOCK)
        .execute(conn)
        .await
        .map_err(StoreError::or_busy)?;
    Ok(())
}

/// A password that nobody chose.
pub(super) fn random_password(ambient: &Ambient) -> SecretString {
    hex::encode(&ambient.random_256()[..16]).into()
}

/// The hash of a new password for a login with this email, under its lock, so that all logins with it have one salt.
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

/// Makes a person.
///
/// # Errors
/// `Invalid` where the password will not do; the database's where the login is taken.
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

/// Gives a person another password.
///
/// # Errors
/// `Invalid` where it will not do, `NotFound` where there is no such person.
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

/// Ends every session of a person but `kept`, in each of their workspaces: the password is the person's, not the
/// workspace's. Gives the workspaces in which sessions ended, which hear of it when the transaction commits.
///
/// # Errors
/// Where the database fails.
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

/// A person's membership.
#[derive(Debug, Clone, Copy)]
pub(super) struct Membership {
    pub workspace: WorkspaceId,
    pub member: MemberId,
}

/// The memberships of a person, those that are shut out among them.
///
/// # Errors
/// Where the database fails.
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

/// Tells the audit log of each workspace that the person is in.
///
/// # Errors
/// Where the database fails.
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
