//! People and their membership in a workspace.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::{
    page::{Page, Position, Slice, Sort},
    passwords::Turn,
    words::word,
};
pub use crate::model::right::Role;
use crate::{ambient::Ambient, database::Database, error::StoreError, ids::MemberId, scope::Scope};

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
    /// What others call them.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The first password; passed over where the person has a login already.
    pub password: SecretString,
}

/// An email as logins are kept and looked up.
#[must_use]
pub fn normal_email(email: &str) -> String {
    email.trim().to_lowercase()
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
) -> Result<MemberId, StoreError> {
    let email = normal_email(&new.email);
    if email.len() < 3 || email.len() > 320 || !email.contains('@') {
        return Err(StoreError::Invalid { path: "input.email", message: "this is not an email address".to_owned() });
    }
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > 200 {
        return Err(StoreError::Invalid { path: "input.name", message: "a name has 1 to 200 characters".to_owned() });
    }
    let known: Option<Uuid> =
        sqlx::query_scalar("SELECT id FROM person WHERE email = $1").bind(&email).fetch_optional(&mut *conn).await?;
    let person = match known {
        Some(person) => person,
        None => {
            let hash = Turn::wait().await?.hash(ambient, new.password).await?;
            sqlx::query_scalar(
                "INSERT INTO person (id, email, name, password_hash, created_at) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (email) DO UPDATE SET email = excluded.email RETURNING id",
            )
            .bind(ambient.uuid())
            .bind(&email)
            .bind(name)
            .bind(hash)
            .bind(ambient.now())
            .fetch_one(&mut *conn)
            .await?
        }
    };
    let id = MemberId(ambient.uuid());
    let made = sqlx::query(
        "INSERT INTO member (workspace_id, id, person_id, role, created_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (person_id, workspace_id) DO NOTHING",
    )
    .bind(scope.workspace())
    .bind(id)
    .bind(person)
    .bind(new.role.as_str())
    .bind(ambient.now())
    .execute(conn)
    .await?;
    if made.rows_affected() == 0 {
        return Err(StoreError::Invalid { path: "input.email", message: "they are a member already".to_owned() });
    }
    Ok(id)
}

const COLUMNS: &str = "m.id, p.name, p.email, m.role, m.availability, m.revision, m.created_at, m.disabled_at";

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
