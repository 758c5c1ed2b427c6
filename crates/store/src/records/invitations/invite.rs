//! Creates invitations, within a rate. A new invitation replaces the waiting ones for the same email.

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
    },
    Known, PREFIX, hash, known,
};

use crate::{database::Database, error::StoreError};

/// The lifetime of an invitation.
const DAYS: i64 = 7;

/// The most invitations of a workspace to one email within a day. Each may be a letter.
const MOST_A_DAY: i64 = 5;

/// The most invitations of a workspace within a day.
const MOST_A_DAY_IN_ALL: i64 = 1_000;

/// A new invitation.
#[derive(Debug)]
pub struct NewInvitation {
    /// The login, in any case.
    pub email: String,
    /// The name.
    pub name: String,
    /// The role.
    pub role: Role,
}

/// The form of the links, and whether letters go out.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    /// The public URL of the server, without a slash at the end.
    pub public_url: &'a str,
    /// The operator has configured a mail hook.
    pub has_hook: bool,
}

impl Post<'_> {
    /// The page of the client that takes the token. The token stands in the fragment, so no server receives it.
    fn invitation(&self, token: &SecretString) -> SecretString {
        format!("{}/invitation#{}", self.public_url, token.expose_secret()).into()
    }
}

/// Invites a person once. The secret is the link. A retry does not show it again.
///
/// # Errors
/// `Forbidden` where the caller lacks a right that the role gives; `Invalid` where the email or the name is not valid,
/// or the person is a member already; `RateLimited` where the email or the workspace has had its invitations for today;
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

/// Refuses an invitation beyond the day's limit for this email or this workspace.
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

/// The names of the workspace and of the inviter.
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

/// Refuses an existing member, unless no one can log in as the member. Then the invitation gives the member a password,
/// and the role stays.
async fn check_new(conn: &mut PgConnection, scope: Scope, email: &str, role: Role) -> Result<(), StoreError> {
    let refuse = |path, message: String| Err(StoreError::Invalid { path, message });
    match known(conn, scope, email).await? {
        None => Ok(()),
        Some(Known { is_disabled: true, .. }) => {
            let message = "this person is a disabled member: enable them with `updateMember` and `disabled: false`";
            refuse("input.email", message.to_owned())
        }
        Some(Known { has_no_password: false, .. }) => {
            refuse("input.email", "this person is already a member".to_owned())
        }
        Some(known) if known.role != role => {
            let word = known.role.as_str().to_uppercase();
            let message =
                format!("this person is already a member, as {word}, without a password: invite them as {word}");
            refuse("input.role", message)
        }
        Some(_) => Ok(()),
    }
}

/// Revokes the waiting invitations for an email, because the new one replaces them. Otherwise an earlier inviter would
/// hold a link to a login with a role that another member gave.
async fn replace(
    conn: &mut PgConnection,
    ambient: &Ambient,
    asked: &MutationRequest<'_>,
    grant: &Grant,
    email: &str,
) -> Result<(), StoreError> {
    let replaced: Vec<(InvitationId, Role)> = sqlx::query_as(
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
        grant.check_gift(&Gift::Role(role))?;
        mail::withdraw(conn, asked.scope.workspace(), id.0).await?;
        settings::tell(conn, ambient, asked.scope, asked.actor, id.into()).await?;
    }
    Ok(())
}
