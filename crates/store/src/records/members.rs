//! Members: people and their membership in a workspace.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use inlet_domain::{
    ambient::Ambient,
    ids::{MemberId, WorkspaceId},
    model::member::Availability,
    model::{
        email, name,
        right::{Gift, Grant},
    },
    scope::{Actor, Scope},
};
use secrecy::SecretString;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::{
    page::{Page, Position, Slice, Sort},
    passwords::Turn,
    persons::{self, NewPerson, Reach},
    sessions,
};
use crate::{database::Database, error::StoreError, revocations, rows::Key};
pub use inlet_domain::model::right::Role;

/// A person in one workspace.
#[derive(Debug, Clone)]
pub struct Member {
    /// The primary key, with the workspace.
    pub id: MemberId,
    /// The name in this workspace.
    pub name: String,
    /// The person's login, in lower case.
    pub email: String,
    /// The person became a member through a letter to the email, and so proved the email. A link shown to the inviter
    /// proves nothing.
    pub email_proven: bool,
    /// The role.
    pub role: Role,
    /// The availability that the member chose.
    pub availability: Availability,
    /// Grows by one with each change.
    pub revision: i64,
    /// The time of creation.
    pub created_at: DateTime<Utc>,
    /// When the member was disabled.
    pub disabled_at: Option<DateTime<Utc>>,
}

/// A new member.
#[derive(Debug)]
pub struct NewMember {
    /// The login, in any case.
    pub email: String,
    /// The name in this workspace.
    pub name: String,
    /// The role.
    pub role: Role,
    /// The password. None: a random one.
    pub password: Option<SecretString>,
}

/// A created member.
#[derive(Debug)]
pub struct MadeMember {
    /// The primary key, with the workspace.
    pub id: MemberId,
    /// The random password, shown once. None where the input held one.
    pub password: Option<SecretString>,
}

/// The email in the normal form of a login.
pub(super) fn checked_email(given: &str) -> Result<String, StoreError> {
    let message = || "this is not an email address such as `ada@example.com`".to_owned();
    email::checked(given).ok_or_else(|| StoreError::Invalid { path: "input.email", message: message() })
}

/// The name in its stored form.
pub(super) fn checked_name(name: &str) -> Result<String, StoreError> {
    name::checked(name, name::LONGEST)
        .map_err(|refusal| StoreError::Invalid { path: "input.name", message: refusal.to_string() })
}

/// Of these members, those who may have no conversation: disabled members, and members whose role cannot answer. The
/// function locks the others. Until the transaction ends, no one can disable them; whoever tries waits, then finds the
/// conversations that this transaction gave them.
///
/// A change of a member never waits for a conversation, so a transaction may call this function while it holds
/// conversations.
pub(crate) async fn shut_out(conn: &mut PgConnection, members: &[Key]) -> Result<HashSet<Uuid>, sqlx::Error> {
    if members.is_empty() {
        return Ok(HashSet::new());
    }
    let (workspaces, ids): (Vec<Uuid>, Vec<Uuid>) = members.iter().copied().unzip();
    let found: Vec<(Uuid, bool)> = sqlx::query_as(
        "SELECT m.id, m.disabled_at IS NULL AND m.role = ANY($3) \
         FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY asked(workspace_id, id, number) \
         JOIN member m ON m.workspace_id = asked.workspace_id AND m.id = asked.id ORDER BY asked.number FOR SHARE OF m",
    )
    .bind(workspaces)
    .bind(ids)
    .bind(Role::answering())
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().filter(|(_, answers)| !answers).map(|(id, _)| id).collect())
}

/// Creates a member whose login is valid in this workspace alone. Operators use this; everyone else invites.
///
/// # Errors
/// `Invalid` where the email, the name or the password is not valid, or the person is a member already.
pub async fn create(
    conn: &mut PgConnection,
    ambient: &Ambient,
    scope: Scope,
    new: NewMember,
) -> Result<MadeMember, StoreError> {
    let (email, name) = (checked_email(&new.email)?, checked_name(&new.name)?);
    persons::lock(&mut *conn, &email).await?;
    let is_member: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM member m JOIN person p ON p.id = m.person_id \
         WHERE m.workspace_id = $1 AND p.email = $2)",
    )
    .bind(scope.workspace())
    .bind(&email)
    .fetch_one(&mut *conn)
    .await?;
    if is_member {
        return Err(StoreError::Invalid { path: "input.email", message: "this person is already a member".to_owned() });
    }
    let random = new.password.is_none().then(|| persons::random_password(ambient));
    let password = new.password.or_else(|| random.clone()).unwrap_or_default();
    let person = NewPerson {
        email: &email,
        name: &name,
        password,
        path: "input.password",
        reach: Reach::Workspace(scope.workspace()),
    };
    let person = persons::create(&mut *conn, ambient, person, Turn::wait().await?).await?;
    let id = MemberId(ambient.uuid());
    sqlx::query(
        "INSERT INTO member (workspace_id, id, person_id, role, name, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(scope.workspace())
    .bind(id)
    .bind(person)
    .bind(new.role.as_str())
    .bind(name)
    .bind(ambient.now())
    .execute(conn)
    .await?;
    Ok(MadeMember { id, password: random })
}

/// The result of [`set_password`].
#[derive(Debug)]
pub struct PasswordSet {
    /// The password.
    pub password: SecretString,
    /// The memberships in which the password is valid.
    pub members: Vec<(WorkspaceId, MemberId)>,
}

/// Sets the password of a login, as operators do, and ends its sessions. Without a `password`, the function makes a
/// random one. `workspace` chooses among several logins with the email.
///
/// # Errors
/// `NotFound` where there is no such login; `Invalid` where there are several, or the password is not valid.
pub async fn set_password(
    conn: &mut PgConnection,
    ambient: &Ambient,
    email: &str,
    workspace: Option<Scope>,
    password: Option<SecretString>,
) -> Result<PasswordSet, StoreError> {
    let persons: Vec<Uuid> = sqlx::query_scalar(
        "SELECT p.id FROM person p WHERE p.email = $1 \
           AND ($2::uuid IS NULL OR EXISTS (SELECT FROM member m WHERE m.person_id = p.id AND m.workspace_id = $2)) \
         ORDER BY p.id FOR NO KEY UPDATE OF p",
    )
    .bind(email::normal(email))
    .bind(workspace.map(Scope::workspace))
    .fetch_all(&mut *conn)
    .await?;
    let person = match persons.as_slice() {
        [] => return Err(StoreError::NotFound { kind: "login" }),
        [person] => *person,
        _ => {
            let message = "several workspaces have a login with this email: name one of them".to_owned();
            return Err(StoreError::Invalid { path: "workspace", message });
        }
    };
    let password = password.unwrap_or_else(|| persons::random_password(ambient));
    let new = (password.clone(), "password");
    persons::set_password(&mut *conn, ambient, person, new, Turn::wait().await?).await?;
    persons::end_sessions(&mut *conn, ambient.now(), person, None).await?;
    let members = persons::memberships(conn, person).await?;
    Ok(PasswordSet { password, members: members.into_iter().map(|it| (it.workspace, it.member)).collect() })
}

/// A change of a member. `None` leaves a value as it is.
#[derive(Debug, Clone, Default)]
pub struct MemberChange {
    /// The role.
    pub role: Option<Role>,
    /// The name in this workspace.
    pub name: Option<String>,
    /// Disabled or not.
    pub disabled: Option<bool>,
    /// The revision that the caller read. Another revision in the database is a conflict.
    pub if_revision: Option<i64>,
}

/// Changes a member. The sessions of a disabled member end at once. A member who can no longer answer loses their
/// conversations after the commit: [`give_back`](super::inbox::give_back) takes them, now or at its next pass.
///
/// # Errors
/// `NotFound`; `Conflict` where the member has another revision; `Forbidden` where the caller may not make this change;
/// `Invalid` where the workspace would have no owner left.
pub async fn update(
    conn: &mut PgConnection,
    ambient: &Ambient,
    scope: Scope,
    asker: (Actor, &Grant),
    id: MemberId,
    change: &MemberChange,
) -> Result<(), StoreError> {
    let name = change.name.as_deref().map(checked_name).transpose()?;
    // Lock every owner with the member, in one order. Two owners who disable each other then run one after the other.
    let rows = sqlx::query(
        "SELECT id, role, revision, disabled_at FROM member \
         WHERE workspace_id = $1 AND (id = $2 OR (role = 'owner' AND disabled_at IS NULL)) ORDER BY id FOR NO KEY UPDATE",
    )
    .bind(scope.workspace())
    .bind(id)
    .fetch_all(&mut *conn)
    .await?;
    let mut target = None;
    let mut other_owners = 0;
    for row in &rows {
        let found: MemberId = row.try_get("id")?;
        let disabled_at: Option<DateTime<Utc>> = row.try_get("disabled_at")?;
        if found == id {
            target = Some((row.try_get::<Role, _>("role")?, row.try_get::<i64, _>("revision")?, disabled_at));
        } else {
            other_owners += 1;
        }
    }
    let (role, revision, disabled_at) = target.ok_or(StoreError::NotFound { kind: "member" })?;
    if change.if_revision.is_some_and(|read| read != revision) {
        return Err(StoreError::Conflict { kind: "member", revision });
    }
    let new_role = change.role.unwrap_or(role);
    let disabled = change.disabled.unwrap_or(disabled_at.is_some());
    may_change(asker, id, (role, disabled_at.is_some()), (new_role, disabled))?;
    let was_owner = role == Role::Owner && disabled_at.is_none();
    if was_owner && other_owners == 0 && (new_role != Role::Owner || disabled) {
        let path = if disabled { "input.disabled" } else { "input.role" };
        let message = "this member is the last OWNER: make another member an OWNER first".to_owned();
        return Err(StoreError::Invalid { path, message });
    }
    let now = ambient.now();
    sqlx::query(
        "UPDATE member SET role = $3, name = coalesce($4, name), disabled_at = $5, gives_back = $6, \
           revision = revision + 1 WHERE workspace_id = $1 AND id = $2",
    )
    .bind(scope.workspace())
    .bind(id)
    .bind(new_role.as_str())
    .bind(name)
    .bind(disabled.then(|| disabled_at.unwrap_or(now)))
    .bind(disabled || !new_role.answers())
    .execute(&mut *conn)
    .await?;
    if disabled && disabled_at.is_none() {
        sessions::revoke_all(&mut *conn, ambient, scope, id).await?;
    }
    revocations::notify(conn, &[scope.workspace()]).await
}

/// Checks that the caller may change a member from `before` to `after`. Each is a role, and whether the member is
/// disabled.
fn may_change(
    (actor, grant): (Actor, &Grant),
    id: MemberId,
    before: (Role, bool),
    after: (Role, bool),
) -> Result<(), StoreError> {
    grant.check_acts_upon(before.0)?;
    if actor == Actor::Member(id) && after.0 < before.0 {
        return Err(StoreError::Forbidden { message: "no one raises themselves".to_owned() });
    }
    let rights = |(role, is_disabled)| if is_disabled { Vec::new() } else { Gift::Role(role).rights() };
    // To enable a member is to give the rights of the role.
    if !after.1 {
        grant.check_growth(&rights(before), &Gift::Role(after.0))?;
    }
    grant.check_acts_upon(after.0)?;
    Ok(())
}

const COLUMNS: &str = "m.id, coalesce(m.name, p.name) AS name, p.email, p.proven_at IS NOT NULL AS email_proven, \
                       m.role, m.availability, m.revision, m.created_at, m.disabled_at";

fn member(row: &sqlx::postgres::PgRow) -> Result<Member, StoreError> {
    Ok(Member {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        email: row.try_get("email")?,
        email_proven: row.try_get("email_proven")?,
        role: row.try_get("role")?,
        availability: row.try_get("availability")?,
        revision: row.try_get("revision")?,
        created_at: row.try_get("created_at")?,
        disabled_at: row.try_get("disabled_at")?,
    })
}

/// The members with these ids, in no order. Ids of other workspaces are left out.
pub async fn by_ids(database: &Database, scope: Scope, ids: &[MemberId]) -> Result<Vec<Member>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let sql = sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM member m JOIN person p ON p.id = m.person_id \
         WHERE m.workspace_id = $1 AND m.id = ANY($2)"
    ));
    let rows = sqlx::query(sql).bind(scope.workspace()).bind(ids).fetch_all(&database.pool).await?;
    rows.iter().map(member).collect()
}

/// Members, oldest first. Disabled members are included.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn list(database: &Database, scope: Scope, slice: &Slice) -> Result<Page<Member>, StoreError> {
    slice.check(Sort::Id)?;
    let order = if slice.from_end { "DESC" } else { "ASC" };
    let sql = sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM member m JOIN person p ON p.id = m.person_id \
         WHERE m.workspace_id = $1 AND ($2::uuid IS NULL OR m.id > $2) AND ($3::uuid IS NULL OR m.id < $3) \
         ORDER BY m.id {order} LIMIT $4"
    ));
    let rows = sqlx::query(sql)
        .bind(scope.workspace())
        .bind(slice.after.map(|position| position.id))
        .bind(slice.before.map(|position| position.id))
        .bind(i64::from(slice.size) + 1)
        .fetch_all(&database.pool)
        .await?;
    let placed = |row| member(row).map(|member| (Position::of_id(member.id.0), member));
    Ok(Page::of_rows(rows.iter().map(placed).collect::<Result<_, _>>()?, slice))
}
