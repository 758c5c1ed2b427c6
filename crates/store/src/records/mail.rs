//! Letters that wait for the operator's mail hook. They hold tokens that only the reader of the email may see. So they
//! are sealed, and deleted when the hook has taken them or the tokens have expired.

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

/// The most waiting letters of one workspace.
const MOST_WAITING: i64 = 500;
/// The lease of a process on a letter.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// The first wait after a failure. Each further failure doubles the wait.
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(5);
/// The longest wait.
const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(10);

/// The purpose of a letter.
#[derive(Debug)]
pub(super) enum Letter {
    /// An invitation to become a member.
    Invitation {
        /// The name of the workspace.
        workspace: String,
        /// The name of the inviter. None unless the inviter is a member.
        inviter: Option<String>,
    },
    /// A reset of a forgotten password.
    PasswordReset,
}

/// The sealed body of the request to the hook.
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

/// Writes a letter of a workspace for the hook, under the id of its subject. Concurrent mutations may exceed the bound
/// by their number.
///
/// # Errors
/// `LimitExceeded` where too many letters of the workspace wait.
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

/// Deletes a waiting letter whose token has become useless.
pub(super) async fn withdraw(conn: &mut PgConnection, workspace: WorkspaceId, id: Uuid) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM mail_outbox WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes a letter of a reset for the hook, if the reset is still valid. The letter belongs to no workspace.
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

/// A letter to post to the hook.
pub struct Due {
    /// The id. It is the same at every attempt.
    pub id: Uuid,
    workspace: WorkspaceId,
    /// The body: JSON.
    pub body: Zeroizing<Vec<u8>>,
}

/// The letters of one pass.
#[derive(Default)]
pub struct Claimed {
    /// The letters to post now.
    pub due: Vec<Due>,
    /// The letters that the hook did not take before their tokens expired: the ids, and the numbers of attempts. They
    /// are deleted.
    pub given_up: Vec<(Uuid, i32)>,
}

/// Claims due letters, at most `most`, for a minute. Deletes as many letters whose tokens have expired.
///
/// # Errors
/// Where the database fails. A letter that does not open is left out.
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

/// Deletes a letter that the hook has taken.
///
/// # Errors
/// Where the database fails. The letter is then posted again.
pub async fn taken(database: &Database, letter: &Due) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM mail_outbox WHERE workspace_id = $1 AND id = $2")
        .bind(letter.workspace)
        .bind(letter.id)
        .execute(&database.writes)
        .await?;
    Ok(())
}

/// Schedules the next attempt, each time after a longer wait.
///
/// # Errors
/// Where the database fails. The letter is then posted again after the lease.
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
