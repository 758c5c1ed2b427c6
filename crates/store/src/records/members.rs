//! People and their membership in a workspace.

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
    words::word,
};
use crate::{database::Database, error::StoreError, revocations, rows::Key};
pub use inlet_domain::model::right::Role;

/// A person in one workspace.
#[derive(Debug, Clone)]
pub struct Member {
    /// The membership's id.
    pub id: MemberId,
    /// The person's name.
    pub name: String,
    /// The person's login, in lower case.
    pub email: String,
    /// Whether this person became a member through a letter to the email. Whoever came through the link that the inviter
    /// was shown may be anyone.
    pub email_proven: bool,
    /// What they may do here.
    pub role: Role,
    /// Whether they can be reached.
    pub availability: Availability,
    /// How often it changed.
    pub revision: i64,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Since when they are shut out, if they are.
    pub disabled_at: Option<DateTime<Utc>>,
}

/// What a new member needs.
#[derive(Debug)]
pub struct NewMember {
    /// The login. Its case does not matter.
    pub email: String,
    /// What others call them here.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The password, none for a random one.
    pub password: Option<SecretString>,
}

/// A member who was made.
#[derive(Debug)]
pub struct MadeMember {
    /// The membership's id.
    pub id: MemberId,
    /// The random password, where none was given; it is shown once.
    pub password: Option<SecretString>,
}

/// The email as a login is kept.
pub(super) fn checked_email(given: &str) -> Result<String, StoreError> {
    let message = || "this is not an email address such as `ada@example.com`".to_owned();
    email::checked(given).ok_or_else(|| StoreError::Invalid { path: "input.email", message: message() })
}

/// The name as it is kept.
pub(super) fn checked_name(name: &str) -> Result<String, StoreError> {
    name::checked(name, name::LONGEST)
        .map_err(|refusal| StoreError::Invalid { path: "input.name", message: refusal.to_string() })
}

/// Of the members with these keys those who are to have no conversation: disabled, or of a role that cannot answer. Until
/// the transaction ends none of the others is shut out: whoever does that waits for it, and then finds what it gave them.
///
/// Nobody who changes a member waits for a conversation meanwhile, so this may be asked under the locks of conversations.
pub(crate) async fn shut_out(conn: &mut PgConnection, members: &[Key]) -> Result<HashSet<Uuid>, sqlx::Error> {
    if members.is_empty() {
        return Ok(HashSet::new());
    }
    let (workspaces, ids): (Vec<Uuid>, Vec<Uuid>) = members.iter().copied().unzip();
    let found: Vec<(Uuid, bool)> = sqlx::query_as(
        "SELECT m.id, m.disabled_at IS NULL AND m.role = ANY($3) \
         FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY k(w, i, n) \
         JOIN member m ON m.workspace_id = k.w AND m.id = k.i ORDER BY k.n FOR SHARE OF m",
    )
    .bind(workspaces)
    .bind(ids)
    .bind(Role::answering())
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().filter(|(_, answers)| !answers).map(|(id, _)| id).collect())
}

/// Makes a member with a login that is good in this workspace alone, as operators do. Everyone else invites.
///
/// # Errors
/// `Invalid` where the email, the name or the password will not do, or they are a member already.
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
        return Err(StoreError::Invalid { path: "input.email", message: "they are a member already".to_owned() });
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

/// A member whose password an operator has set.
#[derive(Debug)]
pub struct PasswordSet {
    /// The password.
    pub password: SecretString,
    /// The memberships that it is good for.
    pub members: Vec<(WorkspaceId, MemberId)>,
}

/// Gives someone another password, as operators do, and ends their sessions: a random one, where none is given. Of several
/// logins with the email, `workspace` tells which.
///
/// # Errors
/// `NotFound` where there is no such login, `Invalid` where there are several or the password will not do.
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

/// What is to change of a member; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct MemberChange {
    /// What they may do.
    pub role: Option<Role>,
    /// What others call them here.
    pub name: Option<String>,
    /// Whether they are shut out.
    pub disabled: Option<bool>,
    /// How it stood when the asker read it.
    pub if_revision: Option<i64>,
}

/// Changes a member. Who is disabled is so at once: their sessions end. Whoever can answer conversations no more gives
/// back what they have: [`give_back`](super::inbox::give_back) does that after the commit, or who finds it undone.
///
/// # Errors
/// `NotFound`; `Conflict` where it has changed since; `Forbidden` where the asker may not do this to them; `Invalid`
/// where the workspace would be left without an owner.
pub async fn update(
    conn: &mut PgConnection,
    ambient: &Ambient,
    scope: Scope,
    asker: (Actor, &Grant),
    id: MemberId,
    change: &MemberChange,
) -> Result<(), StoreError> {
    let name = change.name.as_deref().map(checked_name).transpose()?;
    // With the member every owner is locked, in one order: two owners who shut each other out come one after the other.
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
            let role: Role = word("member", "role", id, row.try_get("role")?)?;
            target = Some((role, row.try_get::<i64, _>("revision")?, disabled_at));
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
        let message = "this is the last OWNER: make someone else an OWNER first".to_owned();
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

/// Whether the asker may make of a member who is `before` one who is `after`; each is a role, and whether they are shut out.
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
    // What someone who is shut out may is given when they are let in again.
    if !after.1 {
        grant.check_growth(&rights(before), &Gift::Role(after.0))?;
    }
    grant.check_acts_upon(after.0)?;
    Ok(())
}

const COLUMNS: &str = "m.id, coalesce(m.name, p.name) AS name, p.email, p.proven_at IS NOT NULL AS email_proven, \
                       m.role, m.availability, m.revision, m.created_at, m.disabled_at";

fn member(row: &sqlx::postgres::PgRow) -> Result<Member, StoreError> {
    let id: MemberId = row.try_get("id")?;
    Ok(Member {
        id,
        name: row.try_get("name")?,
        email: row.try_get("email")?,
        email_proven: row.try_get("email_proven")?,
        role: word("member", "role", id, row.try_get("role")?)?,
        availability: word("member", "availability", id, row.try_get("availability")?)?,
        revision: row.try_get("revision")?,
        created_at: row.try_get("created_at")?,
        disabled_at: row.try_get("disabled_at")?,
    })
}

/// The members with these ids, in no order; those not in the workspace are left out.
///
/// # Errors
/// Where the database fails or a row is invalid.
pub async fn by_ids(database: &Database, scope: Scope, ids: &[MemberId]) -> Result<Vec<Member>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let sql = sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM member m JOIN person p ON p.id = m.person_id \
         WHERE m.workspace_id = $1 AND m.id = ANY($2)"
    ));
    let rows = sqlx::query(sql).bind(scope.workspace()).bind(ids).fetch_all(&database.pool).await?;
    rows.iter().map(member).collect()
}

/// Members, oldest first, those shut out among them.
///
/// # Errors
/// Where the database fails, a row is invalid or a position is of another list.
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
