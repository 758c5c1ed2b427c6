//! Letters that wait for the operator's mail hook. They hold tokens that no one but the reader of the email may see, so
//! they stand sealed, and are deleted when the hook has taken them or nobody could use them any more.

use chrono::{DateTime, TimeDelta, Utc};
use inlet_domain::{
    ambient::Ambient,
    ids::WorkspaceId,
    secrets::{Place, Sealer},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Row};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{database::Database, error::StoreError};

/// How many letters of one workspace may wait at once.
const MOST_WAITING: i64 = 500;
/// How long a process has for a letter that it took up, before another may.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// The first wait after a failure; each further one doubles it.
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(5);
/// The longest wait.
const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(10);

/// Why a letter is written.
#[derive(Debug)]
pub(super) enum Letter {
    /// Someone is to become a member.
    Invitation {
        /// What the workspace is called.
        workspace: String,
        /// What the inviter is called, of a member.
        inviter: Option<String>,
    },
    /// Someone has forgotten their password.
    PasswordReset,
}

/// What the hook is posted, as it stands sealed.
#[derive(Serialize, Deserialize)]
struct Body {
    r#type: String,
    to: String,
    link: String,
    expires_at: DateTime<Utc>,
    workspace: Option<String>,
    inviter: Option<String>,
}

fn place(workspace: WorkspaceId, id: Uuid) -> Place {
    Place { workspace, table: "mail_outbox", id, column: "sealed" }
}

fn sealed(
    sealer: &Sealer,
    place: &Place,
    letter: Letter,
    (to, link, expires_at): (&str, &SecretString, DateTime<Utc>),
) -> Vec<u8> {
    let (kind, workspace, inviter) = match letter {
        Letter::Invitation { workspace, inviter } => ("invitation", Some(workspace), inviter),
        Letter::PasswordReset => ("password_reset", None, None),
    };
    let (to, link) = (to.to_owned(), link.expose_secret().to_owned());
    let body = Body { r#type: kind.to_owned(), to, link, expires_at, workspace, inviter };
    let Ok(bytes) = serde_json::to_vec(&body) else { unreachable!("strings and times serialise") };
    sealer.seal(place, &Zeroizing::new(bytes))
}

/// Leaves a letter of a workspace for the hook, under the id of what it is about. Mutations that run at the same moment may
/// pass the bound by as many as they are.
///
/// # Errors
/// `LimitExceeded` where as many letters of the workspace wait as may; where the database fails.
pub(super) async fn send(
    conn: &mut PgConnection,
    sealer: &Sealer,
    ambient: &Ambient,
    (workspace, id): (WorkspaceId, Uuid),
    letter: Letter,
    about: (&str, &SecretString, DateTime<Utc>),
) -> Result<(), StoreError> {
    let now = ambient.now();
    let waiting: i64 =
        sqlx::query_scalar("SELECT count(*) FROM mail_outbox WHERE workspace_id = $1 AND expires_at > $2")
            .bind(workspace)
            .bind(now)
            .fetch_one(&mut *conn)
            .await?;
    if waiting >= MOST_WAITING {
        let message = format!(
            "{MOST_WAITING} letters of this workspace wait for the mail hook, and no more may: revoke invitations, or come \
             again when the operator's hook has taken some"
        );
        return Err(StoreError::LimitExceeded { path: "input.email", message });
    }
    sqlx::query(
        "INSERT INTO mail_outbox (workspace_id, id, sealed, created_at, expires_at, due_at) \
         VALUES ($1, $2, $3, $4, $5, $4)",
    )
    .bind(workspace)
    .bind(id)
    .bind(sealed(sealer, &place(workspace, id), letter, about))
    .bind(now)
    .bind(about.2)
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes a letter back that still waits: nobody could use it any more.
///
/// # Errors
/// Where the database fails.
pub(super) async fn withdraw(conn: &mut PgConnection, workspace: WorkspaceId, id: Uuid) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM mail_outbox WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Leaves a letter of a reset for the hook, if that reset stands. It is of no workspace.
///
/// # Errors
/// Where the database fails.
pub(super) async fn send_reset(
    conn: &mut PgConnection,
    sealer: &Sealer,
    ambient: &Ambient,
    reset: Uuid,
    about: (&str, &SecretString, DateTime<Utc>),
) -> Result<(), StoreError> {
    let (id, now, nowhere) = (ambient.uuid(), ambient.now(), WorkspaceId(Uuid::nil()));
    sqlx::query(
        "INSERT INTO mail_outbox (workspace_id, id, sealed, created_at, expires_at, due_at) \
         SELECT $1, $2, $3, $4, $5, $4 FROM password_reset WHERE id = $6",
    )
    .bind(nowhere)
    .bind(id)
    .bind(sealed(sealer, &place(nowhere, id), Letter::PasswordReset, about))
    .bind(now)
    .bind(about.2)
    .bind(reset)
    .execute(conn)
    .await?;
    Ok(())
}

/// A letter that is to be posted to the hook now.
pub struct Due {
    /// Its id, which stays the same on every try.
    pub id: Uuid,
    workspace: WorkspaceId,
    /// What is posted: JSON.
    pub body: Zeroizing<Vec<u8>>,
}

/// What is to be done with letters.
#[derive(Default)]
pub struct Claimed {
    /// To be posted now.
    pub due: Vec<Due>,
    /// Letters that the hook did not take as long as anyone could use them: ids, and how often they were posted. They are
    /// deleted.
    pub given_up: Vec<(Uuid, i32)>,
}

/// Takes up letters that are due, at most `most`: no other process takes them up for a minute. As many that nobody could
/// use any more are given up instead.
///
/// # Errors
/// Where the database fails. A letter that does not open is passed over.
pub async fn claim(database: &Database, sealer: &Sealer, now: DateTime<Utc>, most: i64) -> Result<Claimed, StoreError> {
    let given_up = sqlx::query_as(
        "DELETE FROM mail_outbox m USING (SELECT workspace_id, id FROM mail_outbox WHERE expires_at <= $1 LIMIT $2 \
           FOR UPDATE SKIP LOCKED) late \
         WHERE m.workspace_id = late.workspace_id AND m.id = late.id RETURNING m.id, m.attempts",
    )
    .bind(now)
    .bind(most)
    .fetch_all(&database.writes)
    .await?;
    let rows = sqlx::query(
        "UPDATE mail_outbox m SET attempts = attempts + 1, due_at = $2 \
         FROM (SELECT workspace_id, id FROM mail_outbox WHERE due_at <= $1 AND expires_at > $1 ORDER BY due_at LIMIT $3 \
               FOR UPDATE SKIP LOCKED) due \
         WHERE m.workspace_id = due.workspace_id AND m.id = due.id RETURNING m.workspace_id, m.id, m.sealed",
    )
    .bind(now)
    .bind(now + LEASE)
    .bind(most)
    .fetch_all(&database.writes)
    .await?;
    let mut due = Vec::with_capacity(rows.len());
    for row in &rows {
        let (workspace, id): (WorkspaceId, Uuid) = (row.try_get("workspace_id")?, row.try_get("id")?);
        match sealer.open(&place(workspace, id), row.try_get("sealed")?) {
            Ok(body) => due.push(Due { id, workspace, body }),
            Err(error) => tracing::error!(letter = %id, %error, "a letter does not open and is not posted"),
        }
    }
    Ok(Claimed { due, given_up })
}

/// The hook has taken the letter.
///
/// # Errors
/// Where the database fails: the letter is then posted once more.
pub async fn taken(database: &Database, letter: &Due) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM mail_outbox WHERE workspace_id = $1 AND id = $2")
        .bind(letter.workspace)
        .bind(letter.id)
        .execute(&database.writes)
        .await?;
    Ok(())
}

/// The hook has not taken the letter: it is posted again later, each time after a longer wait.
///
/// # Errors
/// Where the database fails: the letter is then posted again after its lease.
pub async fn failed(database: &Database, letter: &Due, now: DateTime<Utc>) -> Result<(), StoreError> {
    let attempts: Option<i32> =
        sqlx::query_scalar("SELECT attempts FROM mail_outbox WHERE workspace_id = $1 AND id = $2")
            .bind(letter.workspace)
            .bind(letter.id)
            .fetch_optional(&database.pool)
            .await?;
    let doublings = u32::try_from(attempts.unwrap_or(1) - 1).unwrap_or(0).min(16);
    let wait = FIRST_WAIT.checked_mul(1 << doublings).map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT));
    sqlx::query("UPDATE mail_outbox SET due_at = $3 WHERE workspace_id = $1 AND id = $2")
        .bind(letter.workspace)
        .bind(letter.id)
        .bind(now + wait)
        .execute(&database.writes)
        .await?;
    Ok(())
}
