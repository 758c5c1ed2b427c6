//! People and their membership in a workspace.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::{
    page::{Page, Position, Slice, Sort},
    passwords::Turn,
    sessions,
    words::word,
};
pub use crate::model::right::Role;
use crate::{
    ambient::Ambient,
    apply::row::Key,
    database::Database,
    error::StoreError,
    ids::MemberId,
    model::{email, name, right::Grant},
    revocations,
    scope::{Actor, Scope},
};

crate::model::words! {
    /// Whether a member can be reached.
    Availability {
        /// At work.
        Online = "online",
        /// Not just now.
        Away = "away",
        /// Not at work.
        Offline = "offline",
    }
}

/// A person in one workspace.
#[derive(Debug, Clone)]
pub struct Member {
    /// The membership's id.
    pub id: MemberId,
    /// The person's name.
    pub name: String,
    /// The person's login, in lower case.
    pub email: String,
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
    /// The first password, none for a random one; passed over where the person has a login already.
    pub password: Option<SecretString>,
}

/// A member who was made.
#[derive(Debug)]
pub struct MadeMember {
    /// The membership's id.
    pub id: MemberId,
    /// The random password of a new person; it is shown once.
    pub password: Option<SecretString>,
}

fn checked_name(name: &str) -> Result<String, StoreError> {
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

/// Makes a member, and the person where the email is new. A person who is known keeps their password.
///
/// # Errors
/// `Invalid` where the email, the name or the password will not do, or they are a member already.
pub async fn create(
    conn: &mut PgConnection,
    ambient: &Ambient,
    scope: Scope,
    new: NewMember,
) -> Result<MadeMember, StoreError> {
    let message = || "this is not an email address such as `ada@example.com`".to_owned();
    let email =
        email::checked(&new.email).ok_or_else(|| StoreError::Invalid { path: "input.email", message: message() })?;
    let name = checked_name(&new.name)?;
    let known: Option<Uuid> =
        sqlx::query_scalar("SELECT id FROM person WHERE email = $1").bind(&email).fetch_optional(&mut *conn).await?;
    let (person, password) = match known {
        Some(person) => (person, None),
        None => create_person(&mut *conn, ambient, &email, &name, new.password).await?,
    };
    let id = MemberId(ambient.uuid());
    let made = sqlx::query(
        "INSERT INTO member (workspace_id, id, person_id, role, name, created_at) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (person_id, workspace_id) DO NOTHING",
    )
    .bind(scope.workspace())
    .bind(id)
    .bind(person)
    .bind(new.role.as_str())
    .bind(name)
    .bind(ambient.now())
    .execute(conn)
    .await?;
    if made.rows_affected() == 0 {
        return Err(StoreError::Invalid { path: "input.email", message: "they are a member already".to_owned() });
    }
    Ok(MadeMember { id, password })
}

/// The person, and their random password where none was given.
async fn create_person(
    conn: &mut PgConnection,
    ambient: &Ambient,
    email: &str,
    name: &str,
    given: Option<SecretString>,
) -> Result<(Uuid, Option<SecretString>), StoreError> {
    let random = given.is_none().then(|| SecretString::from(hex::encode(&ambient.random_256()[..16])));
    let password = given.or_else(|| random.clone()).unwrap_or_default();
    let hash = Turn::wait().await?.hash(ambient, password, "input.password").await?;
    // Another workspace may have made the person meanwhile: then their password stands.
    let (person, is_new): (Uuid, bool) = sqlx::query_as(
        "INSERT INTO person (id, email, name, password_hash, created_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (email) DO UPDATE SET email = excluded.email RETURNING id, xmax = 0",
    )
    .bind(ambient.uuid())
    .bind(email)
    .bind(name)
    .bind(hash)
    .bind(ambient.now())
    .fetch_one(conn)
    .await?;
    Ok((person, random.filter(|_| is_new)))
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

/// Refuses to let anyone but an owner make an owner.
///
/// # Errors
/// `Forbidden`.
pub fn may_make(grant: &Grant, role: Role) -> Result<(), StoreError> {
    if role == Role::Owner && !grant.is_owner() {
        return Err(StoreError::Forbidden { message: "only an OWNER makes an OWNER".to_owned() });
    }
    Ok(())
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
    may_change(asker, id, role, new_role)?;
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

fn may_change((actor, grant): (Actor, &Grant), id: MemberId, role: Role, new_role: Role) -> Result<(), StoreError> {
    let refuse = |message: &str| Err(StoreError::Forbidden { message: message.to_owned() });
    may_make(grant, new_role)?;
    if role == Role::Owner && !grant.is_owner() {
        return refuse("only an OWNER changes an OWNER");
    }
    if actor == Actor::Member(id) && new_role < role {
        return refuse("no one raises themselves");
    }
    Ok(())
}

const COLUMNS: &str = "m.id, coalesce(m.name, p.name) AS name, p.email, m.role, m.availability, m.revision, \
                       m.created_at, m.disabled_at";

fn member(row: &sqlx::postgres::PgRow) -> Result<Member, StoreError> {
    let id: MemberId = row.try_get("id")?;
    Ok(Member {
        id,
        name: row.try_get("name")?,
        email: row.try_get("email")?,
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
