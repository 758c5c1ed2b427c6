//! Creates, changes and deletes labels.

use std::collections::HashSet;

use inlet_domain::{
    ids::{ConversationId, LabelId},
    model::name,
    scope::Scope,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{InboxWriter, check_revision, decisions};
use crate::{
    error::StoreError,
    records::{
        mutation_tx::{Begun, MutationRequest, MutationTx},
        mutations::Made,
    },
};

/// The longest name of a label, in characters.
const LONGEST: usize = 100;

/// A change of a label. `None` leaves a value as it is.
#[derive(Debug, Clone, Default)]
pub struct LabelChange {
    /// The name.
    pub name: Option<String>,
    /// The colour. The inner `None` removes it.
    pub color: Option<Option<String>>,
    /// The revision that the caller read. Another revision in the database is a conflict.
    pub if_revision: Option<i64>,
}

fn refuse<T>(path: &'static str, message: &str) -> Result<T, StoreError> {
    Err(StoreError::Invalid { path, message: message.to_owned() })
}

fn checked_name(name: &str) -> Result<String, StoreError> {
    name::checked(name, LONGEST).or_else(|refusal| refuse("input.name", &refusal.to_string()))
}

fn checked_color(color: Option<&str>) -> Result<Option<String>, StoreError> {
    let is_color = |color: &str| {
        color.strip_prefix('#').is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    match color {
        Some(color) if !is_color(color) => refuse("input.color", "a colour is written as #1e90ff"),
        color => Ok(color.map(str::to_ascii_lowercase)),
    }
}

fn or_taken(error: sqlx::Error) -> StoreError {
    match error.as_database_error() {
        Some(refusal) if refusal.is_unique_violation() => {
            let message = "a label has this name, apart from case or invisible characters: use that label".to_owned();
            StoreError::Invalid { path: "input.name", message }
        }
        _ => StoreError::or_busy(error),
    }
}

/// Sets the keys of labels from before labels had keys. Of several labels with names that look alike, the oldest keeps
/// its name; the others get a number.
async fn give_keys(conn: &mut PgConnection, scope: Scope) -> Result<(), StoreError> {
    let keyless: Vec<(Uuid, String)> = sqlx::query_as(
        "SELECT id, name FROM label WHERE workspace_id = $1 AND name_key IS NULL ORDER BY id FOR NO KEY UPDATE",
    )
    .bind(scope.workspace())
    .fetch_all(&mut *conn)
    .await
    .map_err(StoreError::or_busy)?;
    if keyless.is_empty() {
        return Ok(());
    }
    let known: Vec<(String, Option<String>)> =
        sqlx::query_as("SELECT name, name_key FROM label WHERE workspace_id = $1")
            .bind(scope.workspace())
            .fetch_all(&mut *conn)
            .await?;
    let mut names: HashSet<String> = known.iter().map(|(name, _)| name.clone()).collect();
    let mut keys: HashSet<String> = known.into_iter().filter_map(|(_, key)| key).collect();
    keys.insert(String::new());
    for (id, old) in keyless {
        let mut name = old.clone();
        let mut number = 1_usize;
        while keys.contains(&name::key(&name)) || (number > 1 && names.contains(&name)) {
            number += 1;
            name = format!("{old} ({number})");
        }
        sqlx::query(
            "UPDATE label SET name = $3, name_key = $4, revision = revision + CASE WHEN name = $3 THEN 0 ELSE 1 END \
             WHERE workspace_id = $1 AND id = $2",
        )
        .bind(scope.workspace())
        .bind(id)
        .bind(&name)
        .bind(name::key(&name))
        .execute(&mut *conn)
        .await?;
        keys.insert(name::key(&name));
        names.insert(name);
    }
    Ok(())
}

/// Creates a label once.
///
/// # Errors
/// `Invalid` where the name or the colour is not valid, or a label with the name exists; those of
/// [`MutationTx::begin`].
pub async fn create(
    writer: InboxWriter<'_>,
    asked: &MutationRequest<'_>,
    name: &str,
    color: Option<&str>,
) -> Result<Made<LabelId>, StoreError> {
    let (name, color) = (checked_name(name)?, checked_color(color)?);
    let mut act = match MutationTx::begin(writer.database, writer.ambient, asked).await? {
        Begun::First(act) => act,
        Begun::Repeat(kept) => return Ok(Made::before(&kept)),
    };
    let id = LabelId(writer.ambient.uuid());
    give_keys(act.conn(), asked.scope).await?;
    sqlx::query(
        "INSERT INTO label (workspace_id, id, name, name_key, color, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(asked.scope.workspace())
    .bind(id)
    .bind(&name)
    .bind(name::key(&name))
    .bind(color)
    .bind(writer.ambient.now())
    .execute(act.conn())
    .await
    .map_err(or_taken)?;
    Made { id, secret: None }.done(act).await
}

/// Changes a label, once for each key.
///
/// # Errors
/// `Missing`; `Conflict` where the label has another revision; those of [`create`].
pub async fn update(
    writer: InboxWriter<'_>,
    asked: &MutationRequest<'_>,
    id: LabelId,
    change: &LabelChange,
) -> Result<(), StoreError> {
    let name = change.name.as_deref().map(checked_name).transpose()?;
    let color = change.color.as_ref().map(|color| checked_color(color.as_deref())).transpose()?;
    let Some(mut act) = writer.begin(asked).await? else { return Ok(()) };
    if name.is_some() {
        give_keys(act.conn(), asked.scope).await?;
    }
    let revision: Option<i64> =
        sqlx::query_scalar("SELECT revision FROM label WHERE workspace_id = $1 AND id = $2 FOR NO KEY UPDATE")
            .bind(asked.scope.workspace())
            .bind(id)
            .fetch_optional(act.conn())
            .await
            .map_err(StoreError::or_busy)?;
    check_revision("label", change.if_revision, revision.ok_or(StoreError::missing("label", "input.id"))?)?;
    sqlx::query(
        "UPDATE label SET name = coalesce($3, name), name_key = coalesce($6, name_key), \
           color = CASE WHEN $4 THEN $5 ELSE color END, revision = revision + 1 WHERE workspace_id = $1 AND id = $2",
    )
    .bind(asked.scope.workspace())
    .bind(id)
    .bind(name.as_deref())
    .bind(color.is_some())
    .bind(color.flatten())
    .bind(name.as_deref().map(name::key))
    .execute(act.conn())
    .await
    .map_err(or_taken)?;
    writer.finish(act, id, &[]).await
}

/// Deletes a label and takes it off every conversation, 500 in one transaction. Each conversation raises an event. The
/// last transaction deletes the label itself, so an interrupted caller can call again.
///
/// # Errors
/// `Missing`; `Overloaded` where rows stay locked for too long; those of [`MutationTx::begin`].
pub async fn delete(writer: InboxWriter<'_>, asked: &MutationRequest<'_>, id: LabelId) -> Result<(), StoreError> {
    let stands: Option<LabelId> = sqlx::query_scalar("SELECT id FROM label WHERE workspace_id = $1 AND id = $2")
        .bind(asked.scope.workspace())
        .bind(id)
        .fetch_optional(&writer.database.pool)
        .await?;
    let mut from = stands.map(|_| Uuid::nil());
    while let Some(after) = from {
        from = decisions::strip_label(writer, asked.scope, asked.actor, id, after).await?;
    }
    let Some(mut act) = writer.begin(asked).await? else { return Ok(()) };
    // A transaction that adds the label to a conversation locks the label first. So no conversation gets the label
    // after this.
    let gone = sqlx::query("DELETE FROM label WHERE workspace_id = $1 AND id = $2")
        .bind(asked.scope.workspace())
        .bind(id)
        .execute(act.conn())
        .await
        .map_err(StoreError::or_busy)?;
    if gone.rows_affected() == 0 {
        return Err(StoreError::missing("label", "input.id"));
    }
    let mut events = Vec::new();
    let mut from = Some(ConversationId(Uuid::nil()).0);
    while let Some(after) = from {
        let (more, next) = decisions::strip(act.conn(), &writer, asked.scope, asked.actor, id, after).await?;
        events.extend(more);
        from = next;
    }
    writer.finish(act, id, &events).await
}
