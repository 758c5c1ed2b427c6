//! Accepts invitations.

use inlet_domain::{
    ambient::Ambient,
    ids::{ApiKeyId, InvitationId, MemberId, WorkspaceId},
    model::right::{Gift, Grant, Role},
    scope::{Actor, Scope},
    secrets::Sealer,
};
use secrecy::SecretString;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::{
    super::{
        audit::Origin,
        credentials::parse_scopes,
        login_limits::{self, Gate},
        logins::{self, Begin, Login, LoginError},
        mail,
        members::checked_name,
        passwords::Turn,
        persons::{self, NewPerson, Reach},
        settings,
    },
    Known, hash, known,
};

use crate::{database::Database, error::StoreError};

/// The input of an acceptance.
#[derive(Debug)]
pub struct Acceptance<'a> {
    /// The token of the link.
    pub token: SecretString,
    /// The new password.
    pub password: SecretString,
    /// The name, if it differs from the one that the inviter wrote.
    pub name: Option<&'a str>,
    /// The origin of the request.
    pub origin: &'a Origin,
}

/// A waiting invitation, locked until the end of the transaction.
struct Waiting {
    workspace: WorkspaceId,
    id: InvitationId,
    email: String,
    name: String,
    role: Role,
    /// The token is the one that went to the email and was shown to no one.
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
    let found = Waiting {
        workspace: row.try_get("workspace_id")?,
        id: row.try_get("id")?,
        email: row.try_get("email")?,
        name: row.try_get("name")?,
        role: row.try_get("role")?,
        is_proof: row.try_get("is_proof")?,
    };
    let (kind, by): (String, Option<Uuid>) = (row.try_get("invited_by_kind")?, row.try_get("invited_by_id")?);
    let grant = inviter(conn, ambient, found.workspace, (&kind, by)).await?;
    // The inviter must hold the rights at the time of acceptance too.
    Ok(grant.is_some_and(|grant| grant.check_gift(&Gift::Role(found.role)).is_ok()).then_some(found))
}

/// The current rights of the inviter. `None` where the inviter has none left.
pub(super) async fn inviter(
    conn: &mut PgConnection,
    ambient: &Ambient,
    workspace: WorkspaceId,
    (kind, id): (&str, Option<Uuid>),
) -> Result<Option<Grant>, StoreError> {
    let Some(id) = id else { return Ok(None) };
    if kind == Actor::Member(MemberId(id)).kind() {
        let role: Option<Role> =
            sqlx::query_scalar("SELECT role FROM member WHERE workspace_id = $1 AND id = $2 AND disabled_at IS NULL")
                .bind(workspace)
                .bind(id)
                .fetch_optional(conn)
                .await?;
        return Ok(role.map(Grant::Role));
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

/// Creates the member of an invitation and begins a session. With the token of the shown link, the login is valid in
/// this workspace alone. With the token that went to the email, the person has proven the email. A person who proved it
/// before joins with the existing password.
///
/// # Errors
/// `TokenRefused` where the token is unknown, used, revoked or expired; [`LoginError::Refused`] where a person has
/// proven the email and the password is not theirs; `Invalid` where the password or the name is not valid.
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
    // A caller without a valid token takes no turn of the hasher.
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
    // Someone accepted with the shown link before the letter went out.
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

/// For a token that went to an email: the email, and the person who has proven the email before, with the hash of the
/// password. `None` for any other token, and where no one has proven the email.
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

/// The membership of the person: a new one, or the one without a login.
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
