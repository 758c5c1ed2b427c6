//! The audit log: what people, programs and operators did, and what was refused them at the door. What a mutation did
//! is written by [`super::acts`] in the mutation's own transaction.

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

/// Where something that is asked for comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The request's id, as the client was told it.
    pub request_id: Option<String>,
    /// The client's address, as far as the proxies in front are trusted.
    pub client: Option<IpAddr>,
}

/// What is to be written down.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Who.
    pub actor: Actor,
    /// What: a mutation's name, or `admin.` and a command's.
    pub action: &'a str,
    /// What it was done to.
    pub subject: Option<AnyId>,
    /// What else there is to tell. It holds no secret.
    pub detail: &'a Value,
    /// The code of the refusal where nothing came of it.
    pub refusal: Option<&'a str>,
    /// From where.
    pub origin: &'a Origin,
}

/// Writes an entry.
///
/// # Errors
/// Where the database fails.
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
    /// Its id, which tells when.
    pub id: AuditEntryId,
    /// `member`, `api_key` or `system`.
    pub actor_kind: String,
    /// Which member or key.
    pub actor_id: Option<Uuid>,
    /// What was done.
    pub action: String,
    /// To what.
    pub subject: Option<AnyId>,
    /// What else there is to tell.
    pub detail: Value,
    /// The code of the refusal where nothing came of it.
    pub refusal: Option<String>,
    /// The request's id.
    pub request_id: Option<String>,
    /// The client's address.
    pub client_address: Option<String>,
}

impl Entry {
    /// When.
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

/// Which entries are wanted. An empty list means any.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Members and keys who did it.
    pub actors: Vec<Uuid>,
    /// What was done.
    pub actions: Vec<String>,
    /// What it was done to.
    pub subjects: Vec<Uuid>,
    /// At this moment or later.
    pub from: Option<DateTime<Utc>>,
    /// Before this moment.
    pub to: Option<DateTime<Utc>>,
}

const COLUMNS: &str = "id, actor_kind, actor_id, action, subject_kind, subject_id, detail, refusal, request_id, \
                       client_address";

/// Entries, newest first.
///
/// # Errors
/// Where the database fails or a position is of another list.
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
        // Which filters there are decides what it is to cost: a plan for all of them would fit none.
        .persistent(false)
        .fetch_all(&database.pool)
        .await?;
    let placed = |row| Entry::from_row(row).map(|entry| (Position::of_id(entry.id.0), entry));
    Ok(Page::of_rows(rows.iter().map(placed).collect::<Result<_, _>>()?, slice))
}

/// The entry with this id; `None` where the workspace has none.
///
/// # Errors
/// Where the database fails.
pub async fn by_id(database: &Database, scope: Scope, id: AuditEntryId) -> Result<Option<Entry>, StoreError> {
    let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM audit_entry WHERE workspace_id = $1 AND id = $2"));
    let row = sqlx::query(sql).bind(scope.workspace()).bind(id).fetch_optional(&database.pool).await?;
    row.as_ref().map(Entry::from_row).transpose()
}
