//! Sessions: reads and ends, and changes of the password behind them.

use chrono::{DateTime, Utc};
use inlet_domain::{
    ambient::Ambient,
    ids::{MemberId, SessionId, WorkspaceId},
    model::right::{Grant, Right, Role},
    scope::{Actor, Scope},
};
use secrecy::SecretString;
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    page::{Page, Position, Slice, Sort},
    passwords::Turn,
    persons,
};
use crate::{database::Database, error::StoreError, revocations};

/// An active session, without its token.
#[derive(Debug, Clone)]
pub struct Session {
    /// The primary key, with the workspace.
    pub id: SessionId,
    /// The member.
    pub member_id: MemberId,
    /// The time of the login.
    pub created_at: DateTime<Utc>,
    /// When the session expires.
    pub expires_at: DateTime<Utc>,
    /// The client address of the login.
    pub client_address: Option<String>,
}

fn session(row: &PgRow) -> Result<Session, StoreError> {
    Ok(Session {
        id: row.try_get("id")?,
        member_id: row.try_get("member_id")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
        client_address: row.try_get("client_address")?,
    })
}

/// Active sessions, newest first: those of one member, or of all.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn list(
    database: &Database,
    scope: Scope,
    member: Option<MemberId>,
    now: DateTime<Utc>,
    slice: &Slice,
) -> Result<Page<Session>, StoreError> {
    slice.check(Sort::Id)?;
    let order = if slice.from_end { "ASC" } else { "DESC" };
    let sql = sqlx::AssertSqlSafe(format!(
        "SELECT id, member_id, created_at, expires_at, client_address FROM session \
         WHERE workspace_id = $1 AND revoked_at IS NULL AND expires_at > $2 AND ($3::uuid IS NULL OR member_id = $3) \
           AND ($4::uuid IS NULL OR id < $4) AND ($5::uuid IS NULL OR id > $5) \
         ORDER BY id {order} LIMIT $6"
    ));
    let rows = sqlx::query(sql)
        .bind(scope.workspace())
        .bind(now)
        .bind(member)
        .bind(slice.after.map(|position| position.id))
        .bind(slice.before.map(|position| position.id))
        .bind(i64::from(slice.size) + 1)
        .fetch_all(&database.pool)
        .await?;
    let placed = |row| session(row).map(|session| (Position::of_id(session.id.0), session));
    Ok(Page::of_rows(rows.iter().map(placed).collect::<Result<_, _>>()?, slice))
}

/// The session with this id. `None` where the workspace has no such active session.
pub async fn by_id(
    database: &Database,
    scope: Scope,
    id: SessionId,
    now: DateTime<Utc>,
) -> Result<Option<Session>, StoreError> {
    let row = sqlx::query(
        "SELECT id, member_id, created_at, expires_at, client_address FROM session \
         WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL AND expires_at > $3",
    )
    .bind(scope.workspace())
    .bind(id)
    .bind(now)
    .fetch_optional(&database.pool)
    .await?;
    row.as_ref().map(session).transpose()
}

/// Ends a session. Members may end their own; a caller who manages members may end any.
///
/// # Errors
/// `Missing` where the caller may see no such active session; `Forbidden` where the session belongs to an owner and the
/// caller is no owner.
pub async fn revoke(
    conn: &mut PgConnection,
    ambient: &Ambient,
    scope: Scope,
    id: SessionId,
    (asker, grant): (Actor, &Grant),
) -> Result<(), StoreError> {
    let now = ambient.now();
    let found: Option<(MemberId, Role)> = sqlx::query_as(
        "SELECT s.member_id, m.role FROM session s \
         JOIN member m ON m.workspace_id = s.workspace_id AND m.id = s.member_id \
         WHERE s.workspace_id = $1 AND s.id = $2 AND s.revoked_at IS NULL AND s.expires_at > $3 \
         FOR SHARE OF m FOR NO KEY UPDATE OF s",
    )
    .bind(scope.workspace())
    .bind(id)
    .bind(now)
    .fetch_optional(&mut *conn)
    .await?;
    let is_own = |member: MemberId| asker == Actor::Member(member);
    let seen = found.filter(|(member, _)| is_own(*member) || grant.gives(Right::ManageMembers));
    let (member, role) = seen.ok_or(StoreError::missing("session", "input.id"))?;
    if !is_own(member) {
        grant.check_acts_upon(role)?;
    }
    sqlx::query("UPDATE session SET revoked_at = $3 WHERE workspace_id = $1 AND id = $2")
        .bind(scope.workspace())
        .bind(id)
        .bind(now)
        .execute(&mut *conn)
        .await?;
    revocations::notify(conn, &[scope.workspace()]).await
}

/// Ends all sessions of a member.
pub(super) async fn revoke_all(
    conn: &mut PgConnection,
    ambient: &Ambient,
    scope: Scope,
    member: MemberId,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE session SET revoked_at = $3 WHERE workspace_id = $1 AND member_id = $2 AND revoked_at IS NULL")
        .bind(scope.workspace())
        .bind(member)
        .bind(ambient.now())
        .execute(conn)
        .await?;
    Ok(())
}

/// The login of a member, for the limits of attempts, and whether the person has proven the email.
///
/// # Errors
/// `NotFound` where there is no such member.
pub(super) async fn login_of(
    database: &Database,
    scope: Scope,
    member: MemberId,
) -> Result<(String, bool), StoreError> {
    let found = sqlx::query_as(
        "SELECT p.email, p.workspace_id IS NULL FROM member m JOIN person p ON p.id = m.person_id \
         WHERE m.workspace_id = $1 AND m.id = $2",
    )
    .bind(scope.workspace())
    .bind(member)
    .fetch_optional(&database.pool)
    .await?;
    found.ok_or(StoreError::NotFound { kind: "member" })
}

/// Changes the password of the person behind a member. Ends all sessions of the person but `kept`, in all workspaces,
/// because the password belongs to the person. Returns the workspaces in which sessions ended.
///
/// # Errors
/// `Invalid` where the old password is wrong or the new one is not valid; `Overloaded` where every core is hashing.
pub(super) async fn change_password(
    conn: &mut PgConnection,
    ambient: &Ambient,
    scope: Scope,
    member: MemberId,
    kept: SessionId,
    passwords: (SecretString, SecretString),
) -> Result<Vec<WorkspaceId>, StoreError> {
    let (old, new) = passwords;
    let (person, hash): (Uuid, Option<String>) = sqlx::query_as(
        "SELECT p.id, p.password_hash FROM member m JOIN person p ON p.id = m.person_id \
         WHERE m.workspace_id = $1 AND m.id = $2 FOR NO KEY UPDATE OF p",
    )
    .bind(scope.workspace())
    .bind(member)
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(StoreError::NotFound { kind: "member" })?;
    if Turn::soon().await?.verify(old, hash.into_iter().collect()).await? != [true] {
        let message = "this is not your current password".to_owned();
        return Err(StoreError::Invalid { path: "input.oldPassword", message });
    }
    persons::set_password(&mut *conn, ambient, person, (new, "input.newPassword"), Turn::soon().await?).await?;
    persons::end_sessions(conn, ambient.now(), person, Some(kept)).await
}
