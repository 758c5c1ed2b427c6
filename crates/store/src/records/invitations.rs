//! Invitations, by which people become members. The invited person alone sets the password, through a link that works
//! once.
//!
//! The link shown to the inviter makes a login of this workspace alone, because anyone may hold the link. A second
//! token goes to the email through the mail hook of the operator and is shown to no one. Whoever accepts with the
//! second token has proven the email.

mod accept;
mod invite;

use chrono::{DateTime, Utc};
use inlet_domain::{
    ambient::Ambient,
    ids::{InvitationId, MemberId},
    model::right::{Grant, Role},
    scope::Scope,
    secrets::token_hash,
};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

pub use self::accept::{Acceptance, accept};
pub use self::invite::{NewInvitation, Post, invite};
use super::{
    mail::{self},
    mutation_tx::{Begun, MutationRequest, MutationTx},
    mutations::{Kept, Made},
    page::{Page, Position, Slice, Sort},
};
use crate::{database::Database, error::StoreError};

/// The prefix of the token in a link.
const PREFIX: &str = "invite_";
/// An invitation.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// The primary key, with the workspace.
    pub id: InvitationId,
    /// The login of the future member.
    pub email: String,
    /// The name of the future member.
    pub name: String,
    /// The role of the future member.
    pub role: Role,
    /// The kind of the inviter.
    pub invited_by_kind: String,
    /// The member or key that invited.
    pub invited_by_id: Option<Uuid>,
    /// The time of creation.
    pub created_at: DateTime<Utc>,
    /// When the invitation expires.
    pub expires_at: DateTime<Utc>,
    /// The time of acceptance.
    pub accepted_at: Option<DateTime<Utc>>,
    /// The time of revocation.
    pub revoked_at: Option<DateTime<Utc>>,
    /// The member who accepted.
    pub member: Option<MemberId>,
}

const COLUMNS: &str = "id, email, name, role, invited_by_kind, invited_by_id, created_at, expires_at, accepted_at, \
                       revoked_at, member_id";

fn invitation(row: &PgRow) -> Result<Invitation, StoreError> {
    Ok(Invitation {
        id: row.try_get("id")?,
        email: row.try_get("email")?,
        name: row.try_get("name")?,
        role: row.try_get("role")?,
        invited_by_kind: row.try_get("invited_by_kind")?,
        invited_by_id: row.try_get("invited_by_id")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
        accepted_at: row.try_get("accepted_at")?,
        revoked_at: row.try_get("revoked_at")?,
        member: row.try_get("member_id")?,
    })
}

/// Invitations, newest first. Accepted, revoked and expired ones are included.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn list(database: &Database, scope: Scope, slice: &Slice) -> Result<Page<Invitation>, StoreError> {
    slice.check(Sort::Id)?;
    let order = if slice.from_end { "ASC" } else { "DESC" };
    let sql = sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM invitation \
         WHERE workspace_id = $1 AND ($2::uuid IS NULL OR id < $2) AND ($3::uuid IS NULL OR id > $3) \
         ORDER BY id {order} LIMIT $4"
    ));
    let rows = sqlx::query(sql)
        .bind(scope.workspace())
        .bind(slice.after.map(|position| position.id))
        .bind(slice.before.map(|position| position.id))
        .bind(i64::from(slice.size) + 1)
        .fetch_all(&database.pool)
        .await?;
    let placed = |row| invitation(row).map(|found| (Position::of_id(found.id.0), found));
    Ok(Page::of_rows(rows.iter().map(placed).collect::<Result<_, _>>()?, slice))
}

/// The invitation with this id. `None` where the workspace has no such invitation.
pub async fn by_id(database: &Database, scope: Scope, id: InvitationId) -> Result<Option<Invitation>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM invitation WHERE workspace_id = $1 AND id = $2"));
    let row = sqlx::query(sql).bind(scope.workspace()).bind(id).fetch_optional(&database.pool).await?;
    row.as_ref().map(invitation).transpose()
}

fn hash(token: &SecretString) -> Vec<u8> {
    token_hash(token.expose_secret()).to_vec()
}

/// A member of the workspace with this email.
struct Known {
    member: MemberId,
    person: Uuid,
    role: Role,
    /// No one can log in as the member, who dates from a time when workspaces shared logins.
    has_no_password: bool,
    is_disabled: bool,
}

async fn known(conn: &mut PgConnection, scope: Scope, email: &str) -> Result<Option<Known>, StoreError> {
    let row = sqlx::query(
        "SELECT m.id, m.person_id, m.role, m.disabled_at, p.password_hash IS NULL AS has_no_password \
         FROM member m JOIN person p ON p.id = m.person_id WHERE m.workspace_id = $1 AND p.email = $2 FOR UPDATE OF m",
    )
    .bind(scope.workspace())
    .bind(email)
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Known {
        member: row.try_get("id")?,
        person: row.try_get("person_id")?,
        role: row.try_get("role")?,
        has_no_password: row.try_get("has_no_password")?,
        is_disabled: row.try_get::<Option<DateTime<Utc>>, _>("disabled_at")?.is_some(),
    }))
}

/// Revokes an invitation: its links no longer work.
///
/// # Errors
/// `NotFound` where no such invitation waits; `Forbidden` where it is for an owner and the caller is no owner; those of
/// [`MutationTx::begin`].
pub async fn revoke(
    database: &Database,
    ambient: &Ambient,
    asked: &MutationRequest<'_>,
    grant: &Grant,
    id: InvitationId,
) -> Result<Made<InvitationId>, StoreError> {
    let mut act = match MutationTx::begin::<Kept>(database, ambient, asked).await? {
        Begun::First(act) => act,
        Begun::Repeat(kept) => return Ok(Made::before(&kept)),
    };
    let role: Option<Role> = sqlx::query_scalar(
        "UPDATE invitation SET revoked_at = $3 \
         WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL AND accepted_at IS NULL RETURNING role",
    )
    .bind(asked.scope.workspace())
    .bind(id)
    .bind(ambient.now())
    .fetch_optional(act.conn())
    .await?;
    grant.check_acts_upon(role.ok_or(StoreError::NotFound { kind: "invitation" })?)?;
    mail::withdraw(act.conn(), asked.scope.workspace(), id.0).await?;
    Made { id, secret: None }.done(act).await
}
