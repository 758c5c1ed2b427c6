//! The audit log: the actions of people, programs and operators, and refused actions. [`super::mutation_tx`] writes the
//! entry of a mutation in the transaction of the mutation.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use inlet_domain::{
    ambient::Ambient,
    ids::{AnyId, AuditEntryId, first_at, moment_of},
    scope::{Actor, Scope},
};
use serde_json::Value;
use sqlx::{PgConnection, Row, types::Json};
use uuid::Uuid;

use super::page::{Page, Position, Slice, Sort};
use crate::{database::Database, error::StoreError};

/// The origin of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The request's id, as the response tells the client.
    pub request_id: Option<String>,
    /// The client's address, as far as the server trusts the proxies in front.
    pub client: Option<IpAddr>,
}

/// A new entry.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// The actor.
    pub actor: Actor,
    /// The action: a mutation's name, or `admin.` and a command's name.
    pub action: &'a str,
    /// The subject of the action.
    pub subject: Option<AnyId>,
    /// Further details. They hold no secret.
    pub detail: &'a Value,
    /// The code of the refusal. None where the action was done.
    pub refusal: Option<&'a str>,
    /// The origin of the request.
    pub origin: &'a Origin,
}

/// Writes an entry.
pub async fn write(
    conn: &mut PgConnection,
    ambient: &Ambient,
    scope: Scope,
    record: Record<'_>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit_entry (workspace_id, id, actor_kind, actor_id, action, subject_kind, subject_id, detail, \
           refusal, request_id, client_address) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(scope.workspace())
    .bind(ambient.uuid())
    .bind(record.actor.kind())
    .bind(record.actor.id())
    .bind(record.action)
    .bind(record.subject.map(AnyId::prefix))
    .bind(record.subject.map(AnyId::uuid))
    .bind(Json(record.detail))
    .bind(record.refusal)
    .bind(record.origin.request_id.as_deref())
    .bind(record.origin.client.map(|client| client.to_string()))
    .execute(conn)
    .await?;
    Ok(())
}

/// An entry of the audit log.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The primary key, with the workspace. It tells the time.
    pub id: AuditEntryId,
    /// `member`, `api_key` or `system`.
    pub actor_kind: String,
    /// The member or key.
    pub actor_id: Option<Uuid>,
    /// The action.
    pub action: String,
    /// The subject of the action.
    pub subject: Option<AnyId>,
    /// Further details.
    pub detail: Value,
    /// The code of the refusal. None where the action was done.
    pub refusal: Option<String>,
    /// The request's id.
    pub request_id: Option<String>,
    /// The client's address.
    pub client_address: Option<String>,
}

impl Entry {
    /// The time of the action.
    #[must_use]
    pub fn occurred_at(&self) -> DateTime<Utc> {
        moment_of(self.id.0)
    }

    fn from_row(row: &sqlx::postgres::PgRow) -> Result<Self, StoreError> {
        let subject: (Option<String>, Option<Uuid>) = (row.try_get("subject_kind")?, row.try_get("subject_id")?);
        Ok(Self {
            id: row.try_get("id")?,
            actor_kind: row.try_get("actor_kind")?,
            actor_id: row.try_get("actor_id")?,
            action: row.try_get("action")?,
            subject: subject.0.zip(subject.1).and_then(|(kind, id)| AnyId::of(&kind, id)),
            detail: row.try_get::<Json<Value>, _>("detail")?.0,
            refusal: row.try_get("refusal")?,
            request_id: row.try_get("request_id")?,
            client_address: row.try_get("client_address")?,
        })
    }
}

/// The filter of a list of entries. An empty list matches all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The members and keys that acted.
    pub actors: Vec<Uuid>,
    /// The action.
    pub actions: Vec<String>,
    /// The subject of the action.
    pub subjects: Vec<Uuid>,
    /// Only entries at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Only entries before this time.
    pub to: Option<DateTime<Utc>>,
}

const COLUMNS: &str = "id, actor_kind, actor_id, action, subject_kind, subject_id, detail, refusal, request_id, \
                       client_address";

/// Entries, newest first.
///
/// # Errors
/// [`StoreError::Invalid`] where a position is of another list.
pub async fn list(
    database: &Database,
    scope: Scope,
    filter: &Filter,
    slice: &Slice,
) -> Result<Page<Entry>, StoreError> {
    slice.check(Sort::Id)?;
    let order = if slice.from_end { "ASC" } else { "DESC" };
    let sql = sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM audit_entry WHERE workspace_id = $1 \
           AND id >= $2 AND id < $3 AND ($4::uuid IS NULL OR id < $4) AND ($5::uuid IS NULL OR id > $5) \
           AND (cardinality($6::uuid[]) = 0 OR actor_id = ANY($6)) \
           AND (cardinality($7::text[]) = 0 OR action = ANY($7)) \
           AND (cardinality($8::uuid[]) = 0 OR subject_id = ANY($8)) \
         ORDER BY id {order} LIMIT $9"
    ));
    let rows = sqlx::query(sql)
        .bind(scope.workspace())
        .bind(filter.from.map_or(Uuid::nil(), first_at))
        .bind(filter.to.map_or(Uuid::max(), first_at))
        .bind(slice.after.map(|position| position.id))
        .bind(slice.before.map(|position| position.id))
        .bind(&filter.actors)
        .bind(&filter.actions)
        .bind(&filter.subjects)
        .bind(i64::from(slice.size) + 1)
        // The statement holds only the given filters. One plan for all combinations would fit none.
        .persistent(false)
        .fetch_all(&database.pool)
        .await?;
    let placed = |row| Entry::from_row(row).map(|entry| (Position::of_id(entry.id.0), entry));
    Ok(Page::of_rows(rows.iter().map(placed).collect::<Result<_, _>>()?, slice))
}

/// The entry with this id. `None` where the workspace has no such entry.
pub async fn by_id(database: &Database, scope: Scope, id: AuditEntryId) -> Result<Option<Entry>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM audit_entry WHERE workspace_id = $1 AND id = $2"));
    let row = sqlx::query(sql).bind(scope.workspace()).bind(id).fetch_optional(&database.pool).await?;
    row.as_ref().map(Entry::from_row).transpose()
}
