//! Making, changing and deleting labels.

use uuid::Uuid;

use super::{Desk, check_revision, decisions};
use crate::{
    error::StoreError,
    ids::{ConversationId, LabelId},
    store::{
        acts::{Act, Asked, Begun},
        mutations::Made,
    },
};

/// The longest word, in characters.
const LONGEST: usize = 100;

/// What of a label is to change; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct LabelChange {
    /// The word.
    pub name: Option<String>,
    /// Its colour; the inner `None` takes it away.
    pub color: Option<Option<String>>,
    /// How it stood when the asker read it.
    pub if_revision: Option<i64>,
}

fn refuse<T>(path: &'static str, message: &str) -> Result<T, StoreError> {
    Err(StoreError::Invalid { path, message: message.to_owned() })
}

fn checked_name(name: &str) -> Result<&str, StoreError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST || name.chars().any(char::is_control) {
        return refuse("input.name", "a label has 1 to 100 characters, none of them a control character");
    }
    Ok(name)
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
            StoreError::Invalid { path: "input.name", message: "there is a label of this name".to_owned() }
        }
        _ => StoreError::or_busy(error),
    }
}

/// Makes a label once.
///
/// # Errors
/// `Invalid` where the word or the colour will not do, or there is such a label; those of [`Act::begin`].
pub async fn create(
    desk: Desk<'_>,
    asked: &Asked<'_>,
    name: &str,
    color: Option<&str>,
) -> Result<Made<LabelId>, StoreError> {
    let (name, color) = (checked_name(name)?, checked_color(color)?);
    let mut act = match Act::begin(desk.database, desk.ambient, asked).await? {
        Begun::First(act) => act,
        Begun::Repeat(kept) => return Ok(Made::before(&kept)),
    };
    let id = LabelId(desk.ambient.uuid());
    sqlx::query("INSERT INTO label (workspace_id, id, name, color, created_at) VALUES ($1, $2, $3, $4, $5)")
        .bind(asked.scope.workspace())
        .bind(id)
        .bind(name)
        .bind(color)
        .bind(desk.ambient.now())
        .execute(act.conn())
        .await
        .map_err(or_taken)?;
    Made { id, secret: None }.done(act).await
}

/// Changes a label, once where there is a key.
///
/// # Errors
/// `NotFound`; `Conflict` where it has changed since; else as [`create`].
pub async fn update(desk: Desk<'_>, asked: &Asked<'_>, id: LabelId, change: &LabelChange) -> Result<(), StoreError> {
    let name = change.name.as_deref().map(checked_name).transpose()?;
    let color = change.color.as_ref().map(|color| checked_color(color.as_deref())).transpose()?;
    let Some(mut act) = desk.begin(asked).await? else { return Ok(()) };
    let revision: Option<i64> =
        sqlx::query_scalar("SELECT revision FROM label WHERE workspace_id = $1 AND id = $2 FOR NO KEY UPDATE")
            .bind(asked.scope.workspace())
            .bind(id)
            .fetch_optional(act.conn())
            .await
            .map_err(StoreError::or_busy)?;
    check_revision("label", change.if_revision, revision.ok_or(StoreError::NotFound { kind: "label" })?)?;
    sqlx::query(
        "UPDATE label SET name = coalesce($3, name), color = CASE WHEN $4 THEN $5 ELSE color END, \
           revision = revision + 1 WHERE workspace_id = $1 AND id = $2",
    )
    .bind(asked.scope.workspace())
    .bind(id)
    .bind(name)
    .bind(color.is_some())
    .bind(color.flatten())
    .execute(act.conn())
    .await
    .map_err(or_taken)?;
    desk.finish(act, id, &[]).await
}

/// Deletes a label, and takes it off every conversation, each of which tells so: 500 in one transaction. The label itself
/// goes with the last of them, so that it stands until all is done, and whoever is cut off may ask again.
///
/// # Errors
/// `NotFound`; `Overloaded` where rows are held for long; those of [`Act::begin`].
pub async fn delete(desk: Desk<'_>, asked: &Asked<'_>, id: LabelId) -> Result<(), StoreError> {
    let stands: Option<LabelId> = sqlx::query_scalar("SELECT id FROM label WHERE workspace_id = $1 AND id = $2")
        .bind(asked.scope.workspace())
        .bind(id)
        .fetch_optional(&desk.database.pool)
        .await?;
    let mut from = stands.map(|_| Uuid::nil());
    while let Some(after) = from {
        from = decisions::strip_label(desk, asked.scope, asked.actor, id, after).await?;
    }
    let Some(mut act) = desk.begin(asked).await? else { return Ok(()) };
    // Whoever puts it on a conversation holds it before the conversation: none can come after this.
    let gone = sqlx::query("DELETE FROM label WHERE workspace_id = $1 AND id = $2")
        .bind(asked.scope.workspace())
        .bind(id)
        .execute(act.conn())
        .await
        .map_err(StoreError::or_busy)?;
    if gone.rows_affected() == 0 {
        return Err(StoreError::NotFound { kind: "label" });
    }
    let mut events = Vec::new();
    let mut from = Some(ConversationId(Uuid::nil()).0);
    while let Some(after) = from {
        let (more, next) = decisions::strip(act.conn(), &desk, asked.scope, asked.actor, id, after).await?;
        events.extend(more);
        from = next;
    }
    desk.finish(act, id, &events).await
}
