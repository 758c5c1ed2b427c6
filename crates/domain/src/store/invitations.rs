//! Invitations: how people become members. The person alone sets the password, through a link that works once.
//!
//! The link that the inviter is shown makes a login that is good in that workspace alone, for whoever holds the link may
//! be anyone. A second token goes to the email through the operator's mail hook and is shown to no one: who comes with it
//! has proven the email.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    acts::{Act, Asked, Begun},
    audit::Origin,
    credentials::parse_scopes,
    login_limits::{self, Gate},
    logins::{self, Begin, Login, LoginError},
    mail::{self, Letter},
    members::{checked_email, checked_name},
    mutations::{Kept, Made},
    page::{Page, Position, Slice, Sort},
    passwords::Turn,
    persons::{self, NewPerson, Reach},
    settings,
    words::word,
};
use crate::{
    ambient::Ambient,
    database::Database,
    error::StoreError,
    ids::{ApiKeyId, InvitationId, MemberId, WorkspaceId, first_at},
    model::right::{Gift, Grant, Role},
    scope::{Actor, Scope},
    secrets::{Sealer, new_token, token_hash},
};

/// What the token of a link begins with.
const PREFIX: &str = "invite_";
/// How long an invitation is good.
const DAYS: i64 = 7;
/// How many invitations a workspace may send to one email within a day: each may be a letter.
const MOST_A_DAY: i64 = 5;
/// How many invitations a workspace may send within a day, to whomever.
const MOST_A_DAY_IN_ALL: i64 = 1_000;

/// Someone who may become a member.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// The login that they are to have.
    pub email: String,
    /// What others are to call them.
    pub name: String,
    /// What they will be allowed to do.
    pub role: Role,
    /// The kind of who invited them.
    pub invited_by_kind: String,
    /// Which member or key invited them.
    pub invited_by_id: Option<Uuid>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Until when it can be accepted.
    pub expires_at: DateTime<Utc>,
    /// When it was accepted.
    pub accepted_at: Option<DateTime<Utc>>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
    /// The member who came of it.
    pub member: Option<MemberId>,
}

/// Who is to be invited.
#[derive(Debug)]
pub struct NewInvitation {
    /// The login. Its case does not matter.
    pub email: String,
    /// What others will call them.
    pub name: String,
    /// What they will be allowed to do.
    pub role: Role,
}

/// How links are made, and whether letters go out.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    /// The server's own URL, without a slash at the end.
    pub public_url: &'a str,
    /// Whether the operator has set up a mail hook.
    pub has_hook: bool,
}

impl Post<'_> {
    /// The page of the client that takes an invitation's token, which stands in the fragment: no server is sent it.
    fn invitation(&self, token: &SecretString) -> SecretString {
        format!("{}/invitation#{}", self.public_url, token.expose_secret()).into()
    }
}

const COLUMNS: &str = "id, email, name, role, invited_by_kind, invited_by_id, created_at, expires_at, accepted_at, \
                       revoked_at, member_id";

fn invitation(row: &PgRow) -> Result<Invitation, StoreError> {
    let id: InvitationId = row.try_get("id")?;
    Ok(Invitation {
        id,
        email: row.try_get("email")?,
        name: row.try_get("name")?,
        role: word("invitation", "role", id, row.try_get("role")?)?,
        invited_by_kind: row.try_get("invited_by_kind")?,
        invited_by_id: row.try_get("invited_by_id")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
        accepted_at: row.try_get("accepted_at")?,
        revoked_at: row.try_get("revoked_at")?,
        member: row.try_get("member_id")?,
    })
}

/// Invitations, newest first, those that are over among them.
///
/// # Errors
/// Where the database fails, a row is invalid or a position is of another list.
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

/// The invitation with this id; `None` where the workspace has none.
///
/// # Errors
/// Where the database fails.
pub async fn by_id(database: &Database, scope: Scope, id: InvitationId) -> Result<Option<Invitation>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM invitation WHERE workspace_id = $1 AND id = $2"));
    let row = sqlx::query(sql).bind(scope.workspace()).bind(id).fetch_optional(&database.pool).await?;
    row.as_ref().map(invitation).transpose()
}

/// Invites someone once. The secret is the link; a repeat does not show it again.
///
/// # Errors
/// `Forbidden` where the asker does not hold what the role gives; `Invalid` where the email or the name will not do, or
/// they are a member already; `RateLimited` where the email, or the workspace, has had its invitations for today;
/// `LimitExceeded` where too many letters of the workspace wait; those of [`Act::begin`].
pub async fn invite(
    database: &Database,
    sealer: &Sealer,
    ambient: &Ambient,
    asked: &Asked<'_>,
    grant: &Grant,
    (new, post): (NewInvitation, Post<'_>),
) -> Result<Made<InvitationId>, StoreError> {
    grant.check_gift(&Gift::Role(new.role))?;
    let mut act = match Act::begin::<Kept>(database, ambient, asked).await? {
        Begun::First(act) => act,
        Begun::Repeat(kept) => return Ok(Made::before(&kept)),
    };
    let scope = asked.scope;
    let (email, name) = (checked_email(&new.email)?, checked_name(&new.name)?);
    persons::lock(act.conn(), &email).await?;
    check_new(act.conn(), scope, &email, new.role).await?;
    let now = ambient.now();
    replace(act.conn(), ambient, asked, grant, &email).await?;
    check_pace(act.conn(), scope, &email, now).await?;
    let id = InvitationId(ambient.uuid());
    let token = SecretString::from(new_token(PREFIX, ambient));
    let mailed = post.has_hook.then(|| SecretString::from(new_token(PREFIX, ambient)));
    let expires_at = now + TimeDelta::days(DAYS);
    sqlx::query(
        "INSERT INTO invitation (workspace_id, id, email, name, role, invited_by_kind, invited_by_id, token_hash, \
           mail_token_hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(scope.workspace())
    .bind(id)
    .bind(&email)
    .bind(name)
    .bind(new.role.as_str())
    .bind(asked.actor.kind())
    .bind(asked.actor.id())
    .bind(hash(&token))
    .bind(mailed.as_ref().map(hash))
    .bind(now)
    .bind(expires_at)
    .execute(act.conn())
    .await?;
    if let Some(mailed) = &mailed {
        let (workspace, inviter) = names(act.conn(), scope, asked.actor).await?;
        let letter = Letter::Invitation { workspace, inviter };
        let link = post.invitation(mailed);
        mail::send(act.conn(), sealer, ambient, (scope.workspace(), id.0), letter, (&email, &link, expires_at)).await?;
    }
    Made { id, secret: Some(post.invitation(&token)) }.done(act).await
}

/// Refuses an invitation more than a day has, to this email or of this workspace.
async fn check_pace(conn: &mut PgConnection, scope: Scope, email: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    let since = now - TimeDelta::days(1);
    let (of_email, of_workspace): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM invitation WHERE workspace_id = $1 AND email = $2 AND created_at > $3), \
           (SELECT count(*) FROM (SELECT FROM invitation WHERE workspace_id = $1 AND id > $4 LIMIT $5) recent)",
    )
    .bind(scope.workspace())
    .bind(email)
    .bind(since)
    .bind(first_at(since))
    .bind(MOST_A_DAY_IN_ALL)
    .fetch_one(conn)
    .await?;
    if of_email >= MOST_A_DAY || of_workspace >= MOST_A_DAY_IN_ALL {
        return Err(StoreError::RateLimited { retry_after: std::time::Duration::from_secs(3_600) });
    }
    Ok(())
}

fn hash(token: &SecretString) -> Vec<u8> {
    token_hash(token.expose_secret()).to_vec()
}

/// What the workspace and the inviter are called.
async fn names(conn: &mut PgConnection, scope: Scope, actor: Actor) -> Result<(String, Option<String>), StoreError> {
    let workspace = sqlx::query_scalar("SELECT name FROM workspace WHERE id = $1")
        .bind(scope.workspace())
        .fetch_one(&mut *conn)
        .await?;
    let inviter = sqlx::query_scalar(
        "SELECT coalesce(m.name, p.name) FROM member m JOIN person p ON p.id = m.person_id \
         WHERE m.workspace_id = $1 AND m.id = $2",
    )
    .bind(scope.workspace())
    .bind(actor.id())
    .fetch_optional(conn)
    .await?;
    Ok((workspace, inviter))
}

/// A member of the workspace with this email.
struct Known {
    member: MemberId,
    person: Uuid,
    role: Role,
    /// Whether nobody can log in by it: the member came from a time when logins were shared.
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
    let member: MemberId = row.try_get("id")?;
    Ok(Some(Known {
        member,
        person: row.try_get("person_id")?,
        role: word("member", "role", member, row.try_get("role")?)?,
        has_no_password: row.try_get("has_no_password")?,
        is_disabled: row.try_get::<Option<DateTime<Utc>>, _>("disabled_at")?.is_some(),
    }))
}

/// Refuses who is a member already, unless nobody can log in as them: they get a password by the invitation, and stay
/// what they are.
async fn check_new(conn: &mut PgConnection, scope: Scope, email: &str, role: Role) -> Result<(), StoreError> {
    let refuse = |path, message: String| Err(StoreError::Invalid { path, message });
    match known(conn, scope, email).await? {
        None => Ok(()),
        Some(Known { is_disabled: true, .. }) => {
            let message = "they are a member who is disabled: `updateMember` with `disabled: false` lets them in again";
            refuse("input.email", message.to_owned())
        }
        Some(Known { has_no_password: false, .. }) => refuse("input.email", "they are a member already".to_owned()),
        Some(known) if known.role != role => {
            let word = known.role.as_str().to_uppercase();
            let message = format!("they are a member already, as {word}, without a password: invite them as {word}");
            refuse("input.role", message)
        }
        Some(_) => Ok(()),
    }
}

/// Takes back the invitations of an email that wait: the next one stands in their place. Else whoever invited before would
/// hold a link to the login that another gives a role to.
async fn replace(
    conn: &mut PgConnection,
    ambient: &Ambient,
    asked: &Asked<'_>,
    grant: &Grant,
    email: &str,
) -> Result<(), StoreError> {
    let replaced: Vec<(InvitationId, String)> = sqlx::query_as(
        "UPDATE invitation SET revoked_at = $3 \
         WHERE workspace_id = $1 AND email = $2 AND revoked_at IS NULL AND accepted_at IS NULL AND expires_at > $3 \
         RETURNING id, role",
    )
    .bind(asked.scope.workspace())
    .bind(email)
    .bind(ambient.now())
    .fetch_all(&mut *conn)
    .await?;
    for (id, role) in replaced {
        grant.check_gift(&Gift::Role(word("invitation", "role", id, &role)?))?;
        mail::withdraw(conn, asked.scope.workspace(), id.0).await?;
        settings::tell(conn, ambient, asked.scope, asked.actor, id.into()).await?;
    }
    Ok(())
}

/// Takes an invitation back: its links work no more.
///
/// # Errors
/// `NotFound` where there is none that waits, `Forbidden` where it is an owner's and the asker is none; those of
/// [`Act::begin`].
pub async fn revoke(
    database: &Database,
    ambient: &Ambient,
    asked: &Asked<'_>,
    grant: &Grant,
    id: InvitationId,
) -> Result<Made<InvitationId>, StoreError> {
    let mut act = match Act::begin::<Kept>(database, ambient, asked).await? {
        Begun::First(act) => act,
        Begun::Repeat(kept) => return Ok(Made::before(&kept)),
    };
    let role: Option<String> = sqlx::query_scalar(
        "UPDATE invitation SET revoked_at = $3 \
         WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL AND accepted_at IS NULL RETURNING role",
    )
    .bind(asked.scope.workspace())
    .bind(id)
    .bind(ambient.now())
    .fetch_optional(act.conn())
    .await?;
    let role = role.ok_or(StoreError::NotFound { kind: "invitation" })?;
    let role: Role = word("invitation", "role", id, &role)?;
    grant.check_acts_upon(role)?;
    mail::withdraw(act.conn(), asked.scope.workspace(), id.0).await?;
    Made { id, secret: None }.done(act).await
}

/// What someone accepts an invitation with.
#[derive(Debug)]
pub struct Acceptance<'a> {
    /// The token of the link.
    pub token: SecretString,
    /// The password to log in with from now on.
    pub password: SecretString,
    /// What others will call them, where it is not what the inviter wrote.
    pub name: Option<&'a str>,
    /// From where.
    pub origin: &'a Origin,
}

/// An invitation that waits, locked until the end of the transaction.
struct Waiting {
    workspace: WorkspaceId,
    id: InvitationId,
    email: String,
    name: String,
    role: Role,
    /// Whether the token was sent to the email and shown to no one.
    is_proof: bool,
}

async fn waiting(
    conn: &mut PgConnection,
    ambient: &Ambient,
    token: &SecretString,
) -> Result<Option<Waiting>, StoreError> {
    let hash = hash(token);
    let row = sqlx::query(
        "SELECT workspace_id, id, email, name, role, invited_by_kind, invited_by_id, \
           mail_token_hash IS NOT DISTINCT FROM $1 AS is_proof FROM invitation \
         WHERE (token_hash = $1 OR mail_token_hash = $1) AND accepted_at IS NULL AND revoked_at IS NULL \
           AND expires_at > $2 FOR UPDATE",
    )
    .bind(&hash)
    .bind(ambient.now())
    .fetch_optional(&mut *conn)
    .await
    .map_err(StoreError::or_busy)?;
    let Some(row) = row else { return Ok(None) };
    let id: InvitationId = row.try_get("id")?;
    let found = Waiting {
        workspace: row.try_get("workspace_id")?,
        id,
        email: row.try_get("email")?,
        name: row.try_get("name")?,
        role: word("invitation", "role", id, row.try_get("role")?)?,
        is_proof: row.try_get("is_proof")?,
    };
    let (kind, by): (String, Option<Uuid>) = (row.try_get("invited_by_kind")?, row.try_get("invited_by_id")?);
    let grant = inviter(conn, ambient, found.workspace, (&kind, by)).await?;
    // Who gives a right holds it when it is given, not only when it was promised.
    Ok(grant.is_some_and(|grant| grant.check_gift(&Gift::Role(found.role)).is_ok()).then_some(found))
}

/// What the inviter may do now; `None` where they may do nothing any more.
async fn inviter(
    conn: &mut PgConnection,
    ambient: &Ambient,
    workspace: WorkspaceId,
    (kind, id): (&str, Option<Uuid>),
) -> Result<Option<Grant>, StoreError> {
    let Some(id) = id else { return Ok(None) };
    if kind == Actor::Member(MemberId(id)).kind() {
        let role: Option<String> =
            sqlx::query_scalar("SELECT role FROM member WHERE workspace_id = $1 AND id = $2 AND disabled_at IS NULL")
                .bind(workspace)
                .bind(id)
                .fetch_optional(conn)
                .await?;
        return role.map(|role| Ok(Grant::Role(word("member", "role", MemberId(id), &role)?))).transpose();
    }
    let scopes: Option<Vec<String>> = sqlx::query_scalar(
        "SELECT scopes FROM api_key WHERE workspace_id = $1 AND id = $2 AND revoked_at IS NULL \
           AND (expires_at IS NULL OR expires_at > $3)",
    )
    .bind(workspace)
    .bind(id)
    .bind(ambient.now())
    .fetch_optional(conn)
    .await?;
    scopes.map(|scopes| Ok(Grant::Scopes(parse_scopes(ApiKeyId(id), &scopes)?))).transpose()
}

/// Makes the member of an invitation and begins their session. With the token of the link that was shown the login is good
/// in this workspace alone. With the token that was sent to the email the person has proven it: who has done so before
/// joins with the password that they have.
///
/// # Errors
/// `TokenRefused` where the token is unknown, used, revoked or past its time; [`LoginError::Refused`] where someone has
/// proven the email and this is not their password; `Invalid` where the password or the name will not do.
pub async fn accept(
    database: &Database,
    sealer: &Sealer,
    ambient: &Ambient,
    acceptance: Acceptance<'_>,
) -> Result<Login, LoginError> {
    let Acceptance { token, password, name, origin } = acceptance;
    let name = name.map(checked_name).transpose()?;
    let own = match proven(database, ambient, &token).await? {
        None => None,
        Some((email, person, hash)) => {
            let tried = login_limits::count(database, sealer, ambient, Gate::Email(&email), origin.client).await?;
            let turn = Turn::soon().await?;
            if turn.verify(password.clone(), vec![hash]).await? != [true] {
                return Err(logins::refuse(database, ambient, &tried, &[person], None, origin).await);
            }
            Some((person, tried))
        }
    };

    let mut transaction = database.writes.begin().await.map_err(StoreError::from)?;
    let conn = &mut *transaction;
    let found = waiting(&mut *conn, ambient, &token).await?.ok_or(StoreError::TokenRefused)?;
    let scope = Scope::of(found.workspace);
    persons::lock(&mut *conn, &found.email).await?;
    let known = known(&mut *conn, scope, &found.email).await?;
    if known.as_ref().is_some_and(|it| !it.has_no_password || it.is_disabled || it.role != found.role) {
        return Err(StoreError::TokenRefused.into());
    }
    let name = name.unwrap_or_else(|| found.name.clone());
    // Whoever has no token that works takes no turn of the hasher from anyone.
    let person = match (&own, &known) {
        (Some((person, _)), _) => *person,
        (None, Some(known)) if !found.is_proof => {
            let password = (password, "input.password");
            persons::set_password(&mut *conn, ambient, known.person, password, Turn::soon().await?).await?;
            known.person
        }
        (None, _) => {
            let reach = if found.is_proof { Reach::Proven } else { Reach::Workspace(found.workspace) };
            let new = NewPerson { email: &found.email, name: &name, password, path: "input.password", reach };
            persons::create(&mut *conn, ambient, new, Turn::soon().await?).await?
        }
    };
    let member = join(&mut *conn, ambient, (&found, known, &name), person).await?;
    sqlx::query("UPDATE invitation SET accepted_at = $3, member_id = $4 WHERE workspace_id = $1 AND id = $2")
        .bind(found.workspace)
        .bind(found.id)
        .bind(ambient.now())
        .bind(member)
        .execute(&mut *conn)
        .await
        .map_err(StoreError::from)?;
    // It was accepted by the link that was shown, before the letter went out.
    mail::withdraw(&mut *conn, found.workspace, found.id.0).await?;
    let begin = Begin { member, action: "acceptInvitation", origin };
    let session = logins::begin_session(&mut *conn, ambient, scope, begin).await?;
    if let Some((_, tried)) = &own {
        tried.give_back(&mut *conn).await?;
    }
    for subject in [found.id.into(), member.into()] {
        settings::tell(&mut *conn, ambient, scope, Actor::Member(member), subject).await?;
    }
    transaction.commit().await.map_err(StoreError::from)?;
    Ok(logins::standing(database, scope, member, session).await?)
}

/// Of a token that was sent to an email: the email, and the person who has proven it before with the hash of their
/// password. `None` of every other token, and where nobody has proven the email.
async fn proven(
    database: &Database,
    ambient: &Ambient,
    token: &SecretString,
) -> Result<Option<(String, Uuid, String)>, StoreError> {
    let found = sqlx::query_as(
        "SELECT p.email, p.id, p.password_hash FROM invitation i \
         JOIN person p ON p.email = i.email AND p.workspace_id IS NULL AND p.password_hash IS NOT NULL \
         WHERE i.mail_token_hash = $1 AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > $2",
    )
    .bind(hash(token))
    .bind(ambient.now())
    .fetch_optional(&database.pool)
    .await?;
    Ok(found)
}

/// The membership of the person: a new one, or the one that nobody could log in as.
async fn join(
    conn: &mut PgConnection,
    ambient: &Ambient,
    (found, known, name): (&Waiting, Option<Known>, &str),
    person: Uuid,
) -> Result<MemberId, StoreError> {
    let Some(known) = known else {
        let id = MemberId(ambient.uuid());
        sqlx::query(
            "INSERT INTO member (workspace_id, id, person_id, role, name, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(found.workspace)
        .bind(id)
        .bind(person)
        .bind(found.role.as_str())
        .bind(name)
        .bind(ambient.now())
        .execute(conn)
        .await?;
        return Ok(id);
    };
    if known.person != person {
        sqlx::query("UPDATE member SET person_id = $3, revision = revision + 1 WHERE workspace_id = $1 AND id = $2")
            .bind(found.workspace)
            .bind(known.member)
            .bind(person)
            .execute(&mut *conn)
            .await?;
        sqlx::query("DELETE FROM person WHERE id = $1 AND workspace_id = $2")
            .bind(known.person)
            .bind(found.workspace)
            .execute(conn)
            .await?;
    }
    Ok(known.member)
}
