//! Resets of forgotten passwords, by a token that goes to the proven email of the person.

use chrono::TimeDelta;
use inlet_domain::{
    ambient::Ambient,
    ids::WorkspaceId,
    model::email,
    scope::Actor,
    secrets::{Sealer, new_token, token_hash},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sqlx::Connection;
use uuid::Uuid;

use super::{
    audit::Origin,
    login_limits::{self, Gate},
    mail,
    passwords::Turn,
    persons,
};
use crate::{database::Database, error::StoreError};

/// The prefix of the token in a link.
const PREFIX: &str = "reset_";
/// The lifetime of a token.
const HOURS: i64 = 1;
/// A request is written to the audit logs of at most this many workspaces.
const MOST_TOLD: usize = 64;

/// Sends a token to the person who has proven the email. For an unknown email the function does the same work and sends
/// nothing. So neither the answer nor the time tells which emails are known.
///
/// # Errors
/// `RateLimited` after too many requests for the email or from the address.
pub async fn request(
    database: &Database,
    sealer: &Sealer,
    ambient: &Ambient,
    (given, public_url): (&str, &str),
    origin: &Origin,
) -> Result<(), StoreError> {
    let email = email::normal(given);
    let tried = login_limits::count(database, sealer, ambient, Gate::Reset(&email), origin.client).await?;
    let now = ambient.now();
    let token = SecretString::from(new_token(PREFIX, ambient));
    let link = SecretString::from(format!("{public_url}/reset-password#{}", token.expose_secret()));
    let (id, expires_at) = (ambient.uuid(), now + TimeDelta::hours(HOURS));
    let ids: Vec<Uuid> = (0..MOST_TOLD).map(|_| ambient.uuid()).collect();
    let mut conn = database.writes.acquire().await?;
    let mut transaction = conn.begin().await?;
    // Write for an unknown email too, so that both cases take the same time.
    tried.keep(&mut transaction, now).await?;
    sqlx::query(
        "INSERT INTO password_reset (id, person_id, token_hash, created_at, expires_at) \
         SELECT $1, id, $3, $4, $5 FROM person WHERE email = $2 AND workspace_id IS NULL",
    )
    .bind(id)
    .bind(&email)
    .bind(&token_hash(token.expose_secret())[..])
    .bind(now)
    .bind(expires_at)
    .execute(&mut *transaction)
    .await?;
    mail::send_reset(&mut transaction, sealer, ambient, id, (&email, &link, expires_at)).await?;
    sqlx::query(
        "INSERT INTO audit_entry (workspace_id, id, actor_kind, action, subject_kind, subject_id, request_id, \
           client_address) \
         SELECT m.workspace_id, ($2::uuid[])[row_number() OVER (ORDER BY m.workspace_id)], 'system', \
           'requestPasswordReset', 'mem', m.id, $3, $4 \
         FROM member m JOIN person p ON p.id = m.person_id WHERE p.email = $1 AND p.workspace_id IS NULL \
         ORDER BY m.workspace_id LIMIT cardinality($2)",
    )
    .bind(&email)
    .bind(ids)
    .bind(origin.request_id.as_deref())
    .bind(origin.client.map(|client| client.to_string()))
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// Sets the password of the person, ends all their sessions in all workspaces, and makes their other tokens invalid.
/// Returns the workspaces in which sessions ended.
///
/// # Errors
/// `TokenRefused` where the token is unknown, used or expired; `Invalid` where the password is not valid; `Overloaded`
/// where every core is hashing.
pub async fn reset(
    database: &Database,
    ambient: &Ambient,
    token: &SecretString,
    password: SecretString,
    origin: &Origin,
) -> Result<Vec<WorkspaceId>, StoreError> {
    let now = ambient.now();
    let mut transaction = database.writes.begin().await?;
    let conn = &mut *transaction;
    let person: Option<Uuid> = sqlx::query_scalar(
        "SELECT p.id FROM password_reset r JOIN person p ON p.id = r.person_id \
         WHERE r.token_hash = $1 AND r.used_at IS NULL AND r.expires_at > $2 FOR NO KEY UPDATE OF r, p",
    )
    .bind(&token_hash(token.expose_secret())[..])
    .bind(now)
    .fetch_optional(&mut *conn)
    .await
    .map_err(StoreError::or_busy)?;
    let person = person.ok_or(StoreError::TokenRefused)?;
    persons::set_password(&mut *conn, ambient, person, (password, "input.newPassword"), Turn::soon().await?).await?;
    sqlx::query("UPDATE password_reset SET used_at = $2 WHERE person_id = $1 AND used_at IS NULL")
        .bind(person)
        .bind(now)
        .execute(&mut *conn)
        .await?;
    let ended = persons::end_sessions(&mut *conn, now, person, None).await?;
    persons::tell(&mut *conn, ambient, person, Actor::Member, ("resetPassword", &json!({}), origin)).await?;
    transaction.commit().await?;
    Ok(ended)
}
