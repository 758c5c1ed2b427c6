//! How someone is invited: within a pace, and in place of the invitations of the same email that wait.

use chrono::{DateTime, TimeDelta, Utc};
use inlet_domain::{
    ambient::Ambient,
    ids::{InvitationId, first_at},
    model::right::{Gift, Grant, Role},
    scope::{Actor, Scope},
    secrets::{Sealer, new_token},
};
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgConnection;

use super::{
    super::{
        mail::{self, Letter},
        members::{checked_email, checked_name},
        mutation_tx::{Begun, MutationRequest, MutationTx},
        mutations::{Kept, Made},
        persons, settings,
        words::word,
    },
    Known, PREFIX, hash, known,
};

use crate::{database::Database, error::StoreError};

/// How long an invitation is good.
const DAYS: i64 = 7;

/// How many invitations a workspace may send to one email within a day: each may be a letter.
const MOST_A_DAY: i64 = 5;

/// How many invitations a workspace may send within a day, to whomever.
const MOST_A_DAY_IN_ALL: i64 = 1_000;

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

/// Invites someone once. The secret is the link; a repeat does not show it again.
///
/// # Errors
/// `Forbidden` where the asker does not hold what the role gives; `Invalid` where the email or the name will not do, or
/// they are a member already; `RateLimited` where the email, or the workspace, has had its invitations for today;
/// `LimitExceeded` where too many letters of the workspace wait; those of [`MutationTx::begin`].
pub async fn invite(
    database: &Database,
    sealer: &Sealer,
    ambient: &Ambient,
    asked: &MutationRequest<'_>,
    grant: &Grant,
    (new, post): (NewInvitation, Post<'_>),
) -> Result<Made<InvitationId>, StoreError> {
    grant.check_gift(&Gift::Role(new.role))?;
    let mut act = match MutationTx::begin::<Kept>(database, ambient, asked).await? {
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
    asked: &MutationRequest<'_>,
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
